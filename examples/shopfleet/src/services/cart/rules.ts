/** What may be done to a cart. Pure: the cart itself is a CRDT, so edits made on other devices merge in. */
import type { Cart } from '@quorate/crdt/cart'
import type { CartLine } from '../../api.ts'
import { MAX_CART_LINES, MAX_LINE_QUANTITY } from '../../limits.ts'
import { Problem } from '../../shared/problem.ts'

/** @throws Problem 422, with nothing added, if an order could not take it all. */
export function addItems(cart: Cart, items: readonly CartLine[]): void {
  const wanted = new Map<string, number>()
  for (const { sku, quantity } of items) wanted.set(sku, (wanted.get(sku) ?? cart.quantity(sku)) + quantity)
  const tooMany = [...wanted].find(([, quantity]) => quantity > MAX_LINE_QUANTITY)
  if (tooMany !== undefined) throw full(tooMuchOf(tooMany[0]))
  checkLines(cart, [...wanted.keys()])
  for (const { sku, quantity } of items) cart.add(sku, quantity)
}

/** @throws Problem 422, with nothing changed, if it is a product too many. Less is always allowed. */
export function setQuantity(cart: Cart, sku: string, quantity: number): void {
  if (quantity > 0) checkLines(cart, [sku])
  cart.setQuantity(sku, quantity)
}

export function itemsOf(cart: Cart): CartLine[] {
  return cart.items().map(({ sku, quantity }) => ({ sku, quantity }))
}

/**
 * Why no order can take this cart, and what to do; `null` if one can. Only edits made here are refused for
 * it. What devices did offline is merged all the same: a device whose edits were refused could never sync
 * again, and its customer would not know why.
 */
export function overLimit(items: readonly CartLine[]): string | null {
  const tooMany = items.find(({ quantity }) => quantity > MAX_LINE_QUANTITY)
  if (tooMany !== undefined) return tooMuchOf(tooMany.sku)
  if (items.length > MAX_CART_LINES)
    return `A cart takes at most ${MAX_CART_LINES} products, this one has ${items.length}; remove some`
  return null
}

/** What an order takes. @throws Problem 422 if that is more than one order can. */
export function orderOf(cart: Cart): CartLine[] {
  const items = itemsOf(cart)
  const reason = overLimit(items)
  if (reason !== null) throw full(reason)
  return items
}

function checkLines(cart: Cart, skus: readonly string[]): void {
  const { value } = cart
  const fresh = skus.filter((sku) => !value.has(sku)).length
  if (fresh > 0 && value.size + fresh > MAX_CART_LINES)
    throw full(`A cart takes at most ${MAX_CART_LINES} products; remove some first`)
}

const tooMuchOf = (sku: string): string =>
  `A cart takes at most ${MAX_LINE_QUANTITY} of one product: lower the quantity of ${sku}`
const full = (reason: string): Problem => new Problem(422, 'cart-full', reason)
