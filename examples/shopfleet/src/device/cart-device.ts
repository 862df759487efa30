/**
 * A phone, a laptop: a full replica of its customer's cart, which takes edits without the shop and syncs
 * when it can. No sockets and no storage in here: the storefront and the story bring theirs.
 */
import { createCart, decodeCart, type Cart } from '@quorate/crdt/cart'
import { VersionVector } from '@quorate/vector-clock'
import type { CartLine, CartSyncBody, CartSyncView } from '../api.ts'
import { MAX_CART_LINES, MAX_LINE_QUANTITY } from '../limits.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { changesOf, mergeAndTell, type Change, type MergedChange } from './changes.ts'

/** What a device keeps over a restart: its name, and bytes as base64. */
export interface SavedDevice {
  readonly replica: string
  readonly cart: string
  readonly shop: string
  readonly shopVersion: string
}

/** What the answer to a sync brought. */
export interface Received {
  /** What others did to the cart. */
  readonly merged: readonly MergedChange[]
  /** The shop still lacks something: sync once more. */
  readonly again: boolean
}

export class CartDevice {
  readonly #cart: Cart
  /** The shop's copy, as far as it is known here. Never edited. */
  readonly #shop: Cart
  /** What the shop had in its last answer: less than `#shop` if it lost something since. */
  #shopVersion: VersionVector

  private constructor(cart: Cart, shop: Cart, shopVersion: VersionVector) {
    this.#cart = cart
    this.#shop = shop
    this.#shopVersion = shopVersion
  }

  /** A new device. @param label what people call it; its name as a writer begins with it. */
  static create(label: string): CartDevice {
    return new CartDevice(createCart({ replica: newName(label) }), shopCopy(), VersionVector.empty)
  }

  /** @throws DecodeError or DOMException for what `save()` did not make. */
  static load({ replica, cart, shop, shopVersion }: SavedDevice): CartDevice {
    return new CartDevice(
      decodeCart(fromBase64(cart), { replica }),
      decodeCart(fromBase64(shop), SHOP),
      VersionVector.decode(fromBase64(shopVersion)),
    )
  }

  /** To be stored after each edit, before it is sent: what the shop has seen may never be made anew otherwise. */
  save(): SavedDevice {
    return {
      replica: this.replica,
      cart: toBase64(this.#cart.encode()),
      shop: toBase64(this.#shop.encode()),
      shopVersion: toBase64(this.#shopVersion.encode()),
    }
  }

  /** Its name as a writer, which no other device may use. */
  get replica(): string {
    return this.#cart.replica
  }

  items(): CartLine[] {
    return this.#cart.items().map(({ sku, quantity }) => ({ sku, quantity }))
  }

  /** True while the shop lacks something of this device. */
  get isWaiting(): boolean {
    return !this.#cart.deltaSince(this.#shopVersion).isEmpty
  }

  /** What was done here since the shop was last heard of. */
  waiting(): Change[] {
    return changesOf(this.#shop.items(), this.items())
  }

  /** @throws RangeError if no order could take so much. */
  add(sku: string, quantity = 1): void {
    this.#checkLimits(sku, this.#cart.quantity(sku) + quantity)
    this.#cart.add(sku, quantity)
  }

  /** @throws RangeError if no order could take so much. */
  setQuantity(sku: string, quantity: number): void {
    this.#checkLimits(sku, quantity)
    this.#cart.setQuantity(sku, quantity)
  }

  /** All it has, to go with a checkout: the order is then of this cart, whatever the shop has forgotten. */
  state(): string {
    return toBase64(this.#cart.encode())
  }

  /**
   * An order took these lines. Known from the order itself and not from a sync, it is told to the shop again should that
   * have forgotten it.
   */
  ordered(removal: string): MergedChange[] {
    const delta = fromBase64(removal)
    this.#shop.merge(delta)
    return mergeAndTell(this.#cart, delta)
  }

  /** What to hand in: the difference to what the shop had. May be sent any number of times. */
  request(): CartSyncBody & { readonly delta: string } {
    return {
      replica: this.replica,
      version: toBase64(this.#cart.version.encode()),
      delta: toBase64(this.#cart.deltaSince(this.#shopVersion).encode()),
    }
  }

  /** Takes in the answer to `request`. Edits made in between stay, and are handed in the next time. */
  receive(request: { readonly delta: string }, answer: CartSyncView): Received {
    const shopVersion = VersionVector.decode(fromBase64(answer.version))
    const delta = fromBase64(answer.delta)
    const merged = mergeAndTell(this.#cart, delta)
    this.#shop.merge(fromBase64(request.delta))
    this.#shop.merge(delta)
    this.#shopVersion = shopVersion
    return { merged, again: this.isWaiting }
  }

  /**
   * The same device under a new name, when the shop says that another writer uses this one, as after its
   * storage was copied. What it added and the shop does not have is added again; what it removed is not.
   */
  renamed(): CartDevice {
    const cart = this.#shop.clone({ replica: newName(labelOf(this.replica)) })
    for (const { sku, change } of this.waiting()) if (change > 0) cart.add(sku, change)
    return new CartDevice(cart, this.#shop, this.#shopVersion)
  }

  /** Less is always allowed: a merge may have brought more than an order can take. */
  #checkLimits(sku: string, quantity: number): void {
    const before = this.#cart.quantity(sku)
    if (quantity > MAX_LINE_QUANTITY && quantity > before) {
      throw new RangeError(`A cart takes at most ${MAX_LINE_QUANTITY} of one product`)
    }
    if (before === 0 && quantity > 0 && this.#cart.value.size >= MAX_CART_LINES) {
      throw new RangeError(`A cart takes at most ${MAX_CART_LINES} products`)
    }
  }
}

const SHOP = { replica: 'shop' }
const shopCopy = (): Cart => createCart(SHOP)

const newName = (label: string): string => `${label}-${crypto.randomUUID()}`
/** What people call the device that edits under this name. */
export const labelOf = (replica: string): string => replica.slice(0, Math.max(0, replica.indexOf('-')))
