import type { StockLevel } from '../api.ts'
import type { ShopPools } from '../databases.ts'
import { examples, type Invariant } from './check-invariants.ts'

interface StockFacts {
  readonly sku: string
  readonly opening: string
  readonly available: number
  readonly reserved: number
  readonly sold: number
  /** Sums over the movements. */
  readonly moved_available: string
  readonly moved_reserved: string
  readonly moved_sold: string
  /** The lowest each number ever was, from replaying the movements in order. */
  readonly lowest: string
}

/** Every unit that was ever on a shelf is on it still, held, or sold; and no shelf ever held less than none. */
export async function stockInvariants(
  { inventory, orders }: ShopPools,
  opening: readonly StockLevel[],
): Promise<Invariant[]> {
  const [facts, sold] = await Promise.all([readStock(inventory), readSold(orders)])
  return [conserved(facts, opening), neverNegative(facts), soldOnce(facts, sold)]
}

async function readStock(inventory: ShopPools['inventory']): Promise<StockFacts[]> {
  // A sku's movements are written under its row lock, so their ids are in the order in which they happened.
  const { rows } = await inventory.query<StockFacts>(
    `with running as (
       select sku, kind, available_delta, reserved_delta, sold_delta,
              sum(available_delta) over so_far as available,
              sum(reserved_delta) over so_far as reserved,
              sum(sold_delta) over so_far as sold
       from stock_movements
       window so_far as (partition by sku order by id)
     ), moved as (
       select sku,
              coalesce(sum(available_delta) filter (where kind = 'opening'), 0) as opening,
              sum(available_delta) as available, sum(reserved_delta) as reserved, sum(sold_delta) as sold,
              min(least(available, reserved, sold)) as lowest
       from running group by sku
     )
     select stock.sku, coalesce(moved.opening, 0) as opening, stock.available, stock.reserved, stock.sold,
            coalesce(moved.available, 0) as moved_available, coalesce(moved.reserved, 0) as moved_reserved,
            coalesce(moved.sold, 0) as moved_sold, coalesce(moved.lowest, 0) as lowest
     from stock left join moved using (sku)
     order by sku`,
  )
  return rows
}

/** Units of paid orders, less what came back, by sku. */
async function readSold(orders: ShopPools['orders']): Promise<Map<string, number>> {
  const { rows } = await orders.query<{ sku: string; units: string }>(
    `select sku, sum(quantity - refunded_quantity) as units
     from order_lines join orders on orders.id = order_id
     where status not in ('CREATED', 'PAYMENT_PENDING', 'CANCELLED')
     group by sku`,
  )
  return new Map(rows.map(({ sku, units }) => [sku, Number(units)]))
}

function conserved(facts: readonly StockFacts[], opening: readonly StockLevel[]): Invariant {
  const remembered = new Map(opening.map(({ sku, units }) => [sku, units]))
  const broken = facts.filter(
    (fact) =>
      Number(fact.opening) !== fact.available + fact.reserved + fact.sold ||
      Number(fact.moved_available) !== fact.available ||
      Number(fact.moved_reserved) !== fact.reserved ||
      Number(fact.moved_sold) !== fact.sold ||
      (remembered.has(fact.sku) && remembered.get(fact.sku) !== Number(fact.opening)),
  )
  const lost = opening.filter(({ sku }) => !facts.some((fact) => fact.sku === sku))
  const total = (pick: (fact: StockFacts) => number): number =>
    facts.reduce((sum, fact) => sum + pick(fact), 0)
  return {
    name: 'stock is conserved',
    holds: broken.length === 0 && lost.length === 0,
    proof:
      broken.length + lost.length > 0
        ? examples(
            'skus do not add up',
            [...broken, ...lost].map(({ sku }) => sku),
          )
        : `${facts.length} skus: ${total(({ opening: units }) => Number(units))} units at the start = ` +
          `${total(({ available }) => available)} on the shelf + ${total(({ reserved }) => reserved)} held + ` +
          `${total((fact) => fact.sold)} sold, row by row and movement by movement`,
  }
}

function neverNegative(facts: readonly StockFacts[]): Invariant {
  const broken = facts.filter(({ lowest }) => Number(lowest) < 0)
  const empty = facts.filter(({ available }) => available === 0).length
  return {
    name: 'stock was never negative',
    holds: broken.length === 0,
    proof:
      broken.length > 0
        ? examples(
            'skus were below zero',
            broken.map(({ sku }) => sku),
          )
        : `all movements replayed in order: no number was ever below 0; ${empty} skus are sold out`,
  }
}

function soldOnce(facts: readonly StockFacts[], sold: ReadonlyMap<string, number>): Invariant {
  const broken = facts.filter((fact) => fact.sold !== (sold.get(fact.sku) ?? 0))
  const known = new Set(facts.map(({ sku }) => sku))
  const unknown = [...sold.keys()].filter((sku) => !known.has(sku))
  const units = facts.reduce((sum, fact) => sum + fact.sold, 0)
  return {
    name: 'what was sold is what was ordered and paid',
    holds: broken.length === 0 && unknown.length === 0,
    proof:
      broken.length + unknown.length > 0
        ? examples('skus differ between inventory and orders', [...broken.map(({ sku }) => sku), ...unknown])
        : `${units} units sold in inventory = ${units} units in paid orders, sku by sku`,
  }
}
