import type { StockLevel } from '../../api.ts'
import { Problem } from '../../shared/problem.ts'
import type { Queryable } from '../../shared/postgres.ts'

/** Puts the first units on the shelves, once. */
export async function openStock(tx: Queryable, levels: readonly StockLevel[]): Promise<void> {
  const last = [...new Map(levels.map((level) => [level.sku, level])).values()]
  const skus = last.map(({ sku }) => sku)
  const units = last.map((level) => level.units)
  await tx.query(
    `with opened as (
       insert into stock (sku, available)
       select * from unnest($1::text[], $2::int[])
       on conflict (sku) do nothing
       returning sku, available
     )
     insert into stock_movements (sku, kind, ref, available_delta, reserved_delta, sold_delta)
     select sku, 'opening', sku, available, 0, 0 from opened`,
    [skus, units],
  )
  const { rows } = await tx.query<{ sku: string }>(
    `select sku from unnest($1::text[], $2::int[]) as wanted (sku, units)
     left join stock_movements opening using (sku)
     where opening.kind = 'opening' and opening.available_delta <> wanted.units
     order by sku`,
    [skus, units],
  )
  if (rows.length === 0) return
  const names = rows.map(({ sku }) => sku)
  throw new Problem(
    409,
    'already-open',
    `${names.length} of these have another opening stock already, the first is ${names[0]}`,
    {
      details: { skus: names },
    },
  )
}
