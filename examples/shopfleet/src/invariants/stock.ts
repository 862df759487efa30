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
  /** The lowest the shelf ever was, and the lowest of the other two numbers, from replaying the movements in order. */
  readonly lowest_available: string
  readonly lowest: string
  /** Units promised without a look at the shelf, and of these the ones that were taken back with an apology. */
  readonly promised: string
  readonly apologised: string
  /** Units that came back in any way. */
  readonly returned: string
}

/**
 * Every unit that was ever on a shelf is on it still, held, or sold; and no shelf ever held less than none, but in
 * name: what was promised without a look and was not there has been taken back.
 */
export async function stockInvariants(
  { inventory, orders }: ShopPools,
  opening: readonly StockLevel[],
): Promise<Invariant[]> {
  const [facts, sold] = await Promise.all([readStock(inventory), readSold(orders)])
  const { rowCount: open } = await inventory.query(`select from reservations where status = 'promised'`)
  return [conserved(facts, opening), neverNegative(facts, open ?? 0), soldOnce(facts, sold)]
}

async function readStock(inventory: ShopPools['inventory']): Promise<StockFacts[]> {
  // A sku's movements are written under its row lock, so their ids are in the order in which they happened. Promises
  // are not: their order is that in which they were begun.
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
              min(available) as lowest_available, min(least(reserved, sold)) as lowest,
              coalesce(sum(reserved_delta) filter (where kind = 'promise'), 0) as promised,
              coalesce(-sum(reserved_delta) filter (where kind = 'apology'), 0) as apologised,
              coalesce(sum(available_delta) filter (where kind in ('apology', 'release', 'restock')), 0) as returned
       from running group by sku
     )
     select stock.sku, coalesce(moved.opening, 0) as opening, stock.available, stock.reserved, stock.sold,
            coalesce(moved.available, 0) as moved_available, coalesce(moved.reserved, 0) as moved_reserved,
            coalesce(moved.sold, 0) as moved_sold, coalesce(moved.lowest_available, 0) as lowest_available,
            coalesce(moved.lowest, 0) as lowest, coalesce(moved.promised, 0) as promised,
            coalesce(moved.apologised, 0) as apologised, coalesce(moved.returned, 0) as returned
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

/** Below zero in the ledger is what was promised and not there, so by no more than came back. */
function neverNegative(facts: readonly StockFacts[], openPromises: number): Invariant {
  const broken = facts.filter((fact) => {
    const allowed = Number(fact.promised) === 0 ? 0 : -Number(fact.returned)
    return Number(fact.lowest) < 0 || Number(fact.lowest_available) < allowed
  })
  const empty = facts.filter(({ available }) => available === 0).length
  const promised = facts.reduce((sum, fact) => sum + Number(fact.promised), 0)
  const apologised = facts.reduce((sum, fact) => sum + Number(fact.apologised), 0)
  const problems = [
    ...(broken.length === 0
      ? []
      : [
          examples(
            'skus were below zero',
            broken.map(({ sku }) => sku),
          ),
        ]),
    ...(openPromises === 0 ? [] : [`${openPromises} promises have not been looked at`]),
  ]
  return {
    name: 'stock was never negative',
    holds: problems.length === 0,
    proof:
      problems.join('; ') ||
      (promised === 0
        ? `all movements replayed in order: no number was ever below 0; ${empty} skus are sold out`
        : `all movements replayed in order: of ${promised} units promised without a look, ${apologised} units were ` +
          `promised that were not there, and all of them were taken back; no shelf was below 0 by more; ${empty} skus are sold out`),
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
