import type { CartLine } from '../api.ts'
import type { ShopPools } from '../databases.ts'
import { examples, type Invariant } from './check-invariants.ts'

/** What a customer put into the cart for one order, in as many adds as it took. */
export interface FilledCart {
  readonly orderId: string
  readonly items: readonly CartLine[]
  /** The shop could not finish the order. It may have ended before it took the cart, and has no lines then. */
  readonly isUndone?: boolean | undefined
}

/**
 * Every unit that was added to a cart is in the order that the cart became, once, whatever became of the order. What an
 * order did not take before it was undone is looked for in the one that its customer placed in its stead.
 */
export async function cartInvariants(
  { orders }: Pick<ShopPools, 'orders'>,
  carts: readonly FilledCart[],
): Promise<Invariant[]> {
  const { rows } = await orders.query<{ order_id: string; sku: string; quantity: number }>(
    'select order_id, sku, quantity from order_lines',
  )
  const ordered = new Map<string, Map<string, number>>()
  for (const { order_id: id, sku, quantity } of rows) {
    const lines = ordered.get(id) ?? new Map<string, number>()
    ordered.set(id, lines.set(sku, quantity))
  }
  const taken = carts.filter(({ orderId, isUndone = false }) => !isUndone || ordered.has(orderId))
  const wrong = taken.filter(
    ({ orderId, items }) => !isSame(unitsOf(items), ordered.get(orderId) ?? new Map()),
  )
  const units = taken.flatMap(({ items }) => items).reduce((sum, { quantity }) => sum + quantity, 0)
  return [
    {
      name: 'carts lose no add, and take none twice',
      holds: wrong.length === 0,
      proof:
        wrong.length > 0
          ? examples(
              'orders are not what was put into their carts',
              wrong.map(({ orderId }) => orderId),
            )
          : `${units} units put into ${taken.length} carts are the lines of their ${taken.length} orders${untaken(carts.length - taken.length)}`,
    },
  ]
}

const untaken = (count: number): string =>
  count === 0 ? '' : `; ${count} more were undone before they had taken theirs`

function unitsOf(items: readonly CartLine[]): Map<string, number> {
  const units = new Map<string, number>()
  for (const { sku, quantity } of items) units.set(sku, (units.get(sku) ?? 0) + quantity)
  return units
}

function isSame(wanted: ReadonlyMap<string, number>, there: ReadonlyMap<string, number>): boolean {
  return wanted.size === there.size && [...wanted].every(([sku, quantity]) => there.get(sku) === quantity)
}
