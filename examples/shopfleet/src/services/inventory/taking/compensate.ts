/**
 * Compensate: sold first. A promise is two inserts and waits for no row that another customer wants; it reads the stock
 * row as the last look left it, and knows nothing of the promises since. Who gets a unit is decided by the next look
 * (`look.ts`), a moment later, when the customer has their yes; whom it finds oversold gets their money back, and an
 * apology.
 */
import type { Pool } from 'pg'
import type { ShortLine } from '../contract.ts'
import type { Move } from '../movements.ts'
import { PER_UNIT } from '../rules.ts'
import { knownAnswer, readReservation, type Reservation, type Reserved } from '../reservations.ts'
import { commitHeld } from '../settle.ts'
import type { Look } from './look.ts'
import type { Taking } from './taking.ts'

export function compensateTaking(pool: Pool, move: Move, look: Look): Taking {
  return {
    async reserve({ id, lines }: Reservation): Promise<Reserved> {
      const per = PER_UNIT.promise
      const { rows } = await pool.query<{ promised: boolean; short: ShortLine[] | null }>({
        name: 'inventory-promise',
        text: `with line as (
                 select * from unnest($6::text[], $7::int[]) as line (sku, units)
               ), short as (
                 select sku, units as wanted, coalesce(available, 0) as available from line left join stock using (sku)
                 where coalesce(available, 0) < units
               ), promised as (
                 insert into reservations (id, status, lines)
                 select $1, 'promised', $2::jsonb where not exists (select from short)
                 on conflict (id) do nothing returning id
               ), moved as (
                 insert into stock_movements (sku, kind, ref, available_delta, reserved_delta, sold_delta)
                 select sku, 'promise', promised.id, units * $3, units * $4, units * $5 from promised, line
               )
               select exists (select from promised) as promised, (select json_agg(short) from short) as short`,
        values: [
          id,
          JSON.stringify(lines),
          per.available,
          per.reserved,
          per.sold,
          lines.map(({ sku }) => sku),
          lines.map(({ quantity }) => quantity),
        ],
      })
      const [answer] = rows
      if (answer?.promised === true) {
        look.soon()
        return { status: 'promised' }
      }
      const known = await readReservation(pool, id)
      return known === undefined ? { short: answer?.short ?? [] } : knownAnswer(known)
    },
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
