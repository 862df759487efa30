/** What may be done to a cart. Pure: the cart itself is a CRDT, so edits made on other devices merge in. */
import type { Cart } from '@quorate/crdt/cart'
import type { CartLine } from '../../api.ts'
import { Problem } from '../../shared/problem.ts'

/** As the public API has it. */
const MAX_LINES = 1_000
const MAX_QUANTITY = 100_000

export function addItems(cart: Cart, items: readonly CartLine[]): void {
  for (const { sku, quantity } of items) cart.add(sku, quantity)
}

export function setQuantity(cart: Cart, sku: string, quantity: number): void {
  if (quantity === 0) cart.remove(sku)
  else cart.setQuantity(sku, quantity)
}

/** What a cart holds. @throws Problem 422 if that is more than one order can take. */
export function itemsOf(cart: Cart): CartLine[] {
  const items = cart.items()
  if (items.length > MAX_LINES)
    throw new Problem(422, 'cart-full', `A cart takes at most ${MAX_LINES} products`)
  const tooMany = items.find(({ quantity }) => quantity > MAX_QUANTITY)
  if (tooMany !== undefined) {
    throw new Problem(
      422,
      'cart-full',
      `A cart takes at most ${MAX_QUANTITY} of one product, ${tooMany.sku} has more`,
    )
  }
  return items.map(({ sku, quantity }) => ({ sku, quantity }))
}
