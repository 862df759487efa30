/** The cart service without sockets and Redis: the same rules around one cart. */
import { createCart, type Cart } from '@quorate/crdt/cart'
import { cartSyncBody, type CartLine, type CartSyncBody, type CartSyncView } from '../api.ts'
import { orderOf } from '../services/cart/rules.ts'
import { answerOf, mergeHanded, readHanded } from '../services/cart/sync.ts'
import { toBase64 } from './base64.ts'
import type { CartDevice } from './cart-device.ts'

export class CartShop {
  #cart: Cart = createCart({ replica: 's-1' })
  #lives = 1

  sync(body: CartSyncBody): CartSyncView {
    const handed = readHanded(cartSyncBody.parse(body))
    mergeHanded(this.#cart, handed)
    return answerOf(this.#cart, handed)
  }

  /** `POST /api/cart/items`. */
  add(sku: string): void {
    this.#cart.add(sku)
  }

  take(): CartLine[] {
    const items = orderOf(this.#cart)
    this.#cart.clear()
    return items
  }

  /**
   * `POST /api/checkout`: what the order got, and the removal that it answers with.
   *
   * @param device hands in what it has; customers of the API have none.
   * @param removals of earlier orders.
   */
  order(device?: CartDevice, removals: readonly string[] = []): { items: CartLine[]; removal: string } {
    if (device !== undefined) this.sync({ state: device.state() })
    this.hear(removals)
    const items = orderOf(this.#cart)
    const removal = this.#cart
      .clone({ replica: `order-${++this.#lives}` })
      .clear()
      .encode()
    this.#cart.merge(removal)
    return { items, removal: toBase64(removal) }
  }

  /** As the next order will make it. */
  hear(removals: readonly string[]): void {
    for (const state of removals) this.sync({ state })
  }

  items(): CartLine[] {
    return this.#cart.items()
  }

  /** What a replica of its Redis holds now. */
  snapshot(): Uint8Array {
    return this.#cart.encode()
  }

  /** A fail-over to that replica: what came since is gone, and a new writer goes on. */
  failOver(snapshot: Uint8Array): void {
    this.#cart = createCart({ replica: `s-${++this.#lives}` })
    this.#cart.merge(snapshot)
  }
}
