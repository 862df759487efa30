import { checkName, isNode } from '@quorate/vector-clock/codec'
import type { Delta, ReplicaOptions } from './crdt.ts'
import { DotStore } from './dot-store.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, type FragmentFormat, fragmentFromJSON } from './fragment-codec.ts'

/** The largest quantity of one edit. Two million of them still add up below 2^53. */
export const MAX_QUANTITY = 0xffff_ffff

/** A line of a cart. */
export interface CartItem {
  readonly sku: string
  /** At least 1. */
  readonly quantity: number
}

/** An edit of a cart, or several. */
export type CartDelta = Delta<'cart'>

// The payload of an entry: its quantity × 2, + 1 if it comes from setQuantity.
const toPayload = (quantity: number, isSet: boolean): number => quantity * 2 + (isSet ? 1 : 0)
const quantityOf = (payload: number): number => Math.floor(payload / 2)

const FORMAT: FragmentFormat<'cart', string, number> = {
  type: 'cart',
  tag: 3,
  writeKey: (writer, sku) => writer.text(sku),
  readKey: (reader) => reader.text(),
  isKey: isNode,
  writePayload: (writer, payload) => writer.uint(payload),
  readPayload: (reader) => reader.uint(),
  isPayload: (payload): payload is number => isQuantity(quantityOf(Number(payload))),
  samePayload: (a, b) => a === b,
  toJSON: (sku, payload) => ({ sku, [payload % 2 === 1 ? 'set' : 'add']: quantityOf(payload) }),
  fromJSON: ({ sku, add, set }) => {
    const quantity = Number.isInteger(set ?? add) ? Number(set ?? add) : 0
    return { key: sku, payload: toPayload(quantity, set !== undefined) }
  },
}

const isQuantity = (quantity: number): boolean =>
  Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_QUANTITY

/** A shopping cart with quantities; see {@link createCart}. */
export class Cart extends Dotted<'cart', string, number, ReadonlyMap<string, number>> {
  /** @internal Use `createCart`, `decodeCart` or `cartFromJSON`. */
  constructor(options: ReplicaOptions, source?: Source<string, number> | Cart) {
    super(FORMAT, new DotStore(FORMAT), options)
    this.load(source)
  }

  /** Quantity by SKU, made anew on each call. */
  get value(): ReadonlyMap<string, number> {
    return new Map(this.items().map(({ sku, quantity }) => [sku, quantity]))
  }

  /** The lines, in order of their SKU. */
  items(): CartItem[] {
    const skus = [...this.store.entries.keys()].toSorted()
    return skus.map((sku) => ({ sku, quantity: this.quantity(sku) }))
  }

  /** How many of a SKU are in the cart; 0 if it is not there. */
  quantity(sku: string): number {
    let added = 0
    let set = 0
    for (let entry = this.store.entries.get(sku); entry !== undefined; entry = entry.next) {
      const quantity = quantityOf(entry.payload)
      if (entry.payload % 2 === 1) set = Math.max(set, quantity)
      else added += quantity
    }
    return added + set
  }

  /**
   * Adds to the quantity of a SKU. Adds of several replicas add up.
   *
   * @param quantity 1 to 4,294,967,295. Default 1.
   * @throws TypeError for an empty or ill-formed SKU; RangeError for a wrong quantity.
   */
  add(sku: string, quantity = 1): CartDelta {
    return this.#put(sku, quantity, false)
  }

  /**
   * Sets the quantity of a SKU in place of all that this replica has seen of it. Of two sets that did
   * not know of each other the larger counts; adds that neither knew of come on top.
   *
   * @param quantity 0 (removes the SKU) to 4,294,967,295.
   * @throws TypeError for an empty or ill-formed SKU; RangeError for a wrong quantity.
   */
  setQuantity(sku: string, quantity: number): CartDelta {
    return quantity === 0 ? this.remove(sku) : this.#put(sku, quantity, true)
  }

  /** Removes what this replica has seen of a SKU; an add made elsewhere meanwhile stays. */
  remove(sku: string): CartDelta {
    return this.delta(this.store.remove(this.replica, [sku]))
  }

  /** Removes all that this replica has seen, as one edit: after checkout. */
  clear(): CartDelta {
    return this.delta(this.store.remove(this.replica, this.store.entries.keys()))
  }

  clone(options: Partial<ReplicaOptions> = {}): Cart {
    return new Cart({ replica: options.replica ?? this.replica }, this)
  }

  #put(sku: string, quantity: number, isSet: boolean): CartDelta {
    checkName('sku', sku)
    if (!isQuantity(quantity)) {
      throw new RangeError(`quantity must be a whole number from 1 to ${MAX_QUANTITY}, got ${quantity}`)
    }
    return this.delta(this.store.put(this.replica, sku, toPayload(quantity, isSet), isSet))
  }
}

/**
 * An empty cart. Adds of several replicas add up, a removal takes away what its replica had seen.
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const cart = createCart({ replica: 'phone' })
 * const delta = cart.add('sku-1', 2)
 * laptop.merge(delta)
 * ```
 */
export function createCart(options: ReplicaOptions): Cart {
  return new Cart(options)
}

/**
 * The cart that `encode()` wrote, to be edited as `options.replica`.
 *
 * @throws DecodeError on anything else.
 */
export function decodeCart(bytes: Uint8Array, options: ReplicaOptions): Cart {
  return new Cart(options, decodeFragment(FORMAT, bytes))
}

/** The cart that `toJSON()` made. @throws DecodeError on anything else. */
export function cartFromJSON(json: unknown, options: ReplicaOptions): Cart {
  return new Cart(options, fragmentFromJSON(FORMAT, json))
}
