import type { StockLevel } from '../api.ts'
import type { ShopPools } from '../databases.ts'
import { cartInvariants, type FilledCart } from './carts.ts'
import { moneyInvariants } from './money.ts'
import { sagaInvariants } from './sagas.ts'
import { settlementInvariants } from './settlement.ts'
import { stockInvariants } from './stock.ts'

/** A promise of the shop, whether it holds now, and the numbers that say so. */
export interface Invariant {
  readonly name: string
  readonly holds: boolean
  readonly proof: string
}

/**
 * Proves the shop's promises from the databases themselves, past the services that wrote them. Meant for a
 * shop at rest: while an order is under way, its money and its goods are in between.
 *
 * @param opening what was put on the shelves at the start, as the person who did it remembers it.
 * @param carts what was put into carts that were then ordered, as those who did it remember it.
 */
export async function checkInvariants(
  { pools }: { readonly pools: ShopPools },
  opening: readonly StockLevel[],
  carts: readonly FilledCart[],
): Promise<Invariant[]> {
  const groups = await Promise.all([
    stockInvariants(pools, opening),
    moneyInvariants(pools),
    settlementInvariants(pools),
    sagaInvariants(pools),
    cartInvariants(pools, carts),
  ])
  return groups.flat()
}

/** "3 orders: 536365, 536366, …": what breaks a rule, short enough for a line. */
export function examples(what: string, ids: readonly string[]): string {
  return `${ids.length} ${what}: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}`
}
