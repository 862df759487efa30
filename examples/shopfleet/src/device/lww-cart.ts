/**
 * For contrast: the same shopping with the whole cart as one value, of which the last write wins. That is
 * what "just save the cart" comes to. Nothing in the shop uses it.
 */
import type { CartLine } from '../api.ts'

interface Written {
  readonly items: readonly CartLine[]
  readonly atMs: number
}

/** The value that each device has, and the shop. */
export interface LwwCarts {
  readonly shop: Written
  readonly devices: Readonly<Record<string, Written>>
}

/** From here on the two ways to save a cart are compared: everybody has these lines. */
export function lwwFrom(items: readonly CartLine[], devices: readonly string[], nowMs: number): LwwCarts {
  const shop = { items, atMs: nowMs }
  return { shop, devices: Object.fromEntries(devices.map((device) => [device, shop])) }
}

/** A device writes its cart with one line changed. */
export function lwwEdit(
  carts: LwwCarts,
  device: string,
  { sku, quantity }: CartLine,
  nowMs: number,
): LwwCarts {
  const others = valueOf(carts, device).items.filter((line) => line.sku !== sku)
  const items = quantity > 0 ? [...others, { sku, quantity }] : others
  return put(carts, device, { items: items.toSorted((a, b) => (a.sku < b.sku ? -1 : 1)), atMs: nowMs })
}

/** A device meets the shop: of the two values the one written last is kept by both. */
export function lwwSync(carts: LwwCarts, device: string): LwwCarts {
  const mine = valueOf(carts, device)
  if (mine === carts.shop) return carts
  const last = mine.atMs > carts.shop.atMs ? mine : carts.shop
  return put({ ...carts, shop: last }, device, last)
}

export function lwwQuantity(carts: LwwCarts, device: string, sku: string): number {
  return valueOf(carts, device).items.find((line) => line.sku === sku)?.quantity ?? 0
}

const valueOf = (carts: LwwCarts, device: string): Written => carts.devices[device] ?? carts.shop

function put(carts: LwwCarts, device: string, value: Written): LwwCarts {
  return { ...carts, devices: { ...carts.devices, [device]: value } }
}
