/**
 * What an order takes out of a cart: written down first, then taken, so that an order that asks again, after
 * a crash or a lost reply, gets the same lines. The cart itself remembers that they were taken: the removal
 * is an edit under a name that only this claim has. Pure.
 */
import type { Cart } from '@quorate/crdt/cart'
import { z } from 'zod'
import { cartLine, type CartLine } from '../../api.ts'
import { fromBase64, toBase64 } from '../../device/base64.ts'
import { changesOf } from '../../device/changes.ts'
import { itemsOf, orderOf } from './rules.ts'

const claim = z.object({
  items: z.array(cartLine),
  /** Who takes them: an order of its own for each claim. */
  writer: z.string(),
  /** The removal, as base64. */
  removal: z.base64(),
})
export type Claim = Readonly<z.infer<typeof claim>>

/** All that is in the cart now. @throws Problem 422 if that is more than an order can take. */
export function claimOf(cart: Cart, orderId: string): Claim {
  const items = orderOf(cart)
  const writer = `order-${orderId}-${crypto.randomUUID().slice(0, 8)}`
  return { items, writer, removal: toBase64(cart.clone({ replica: writer }).clear().encode()) }
}

/**
 * Takes the lines out of the cart, if they are all there or have been taken by this very claim.
 *
 * @returns false if not: another order took them, or a device removed some. Then they never will be again,
 *   and it takes a new claim.
 */
export function takeClaim(cart: Cart, { items, writer, removal }: Claim): boolean {
  if (cart.version.get(writer) > 0) return true
  const bytes = fromBase64(removal)
  const after = cart.clone()
  after.merge(bytes)
  // What leaves the cart must be what the order gets, to the unit.
  if (!isSame(changesOf(itemsOf(after), itemsOf(cart)), items)) return false
  cart.merge(bytes)
  return true
}

function isSame(taken: readonly { sku: string; change: number }[], items: readonly CartLine[]): boolean {
  return (
    taken.length === items.length &&
    taken.every(({ sku, change }, index) => sku === items[index]?.sku && change === items[index].quantity)
  )
}

export const readClaim = (text: string): Claim => claim.parse(JSON.parse(text))
