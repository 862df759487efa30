import { MAX_QUANTITY } from '../cart.ts'
import { checkElement, type SetElement } from '../element.ts'
import { checkName } from '@quorate/vector-clock/codec'
import { Handle, type OrMapDelta } from './handle.ts'
import { elementOf, elementStep, nameOf, stepOf } from './path.ts'
import { isSet, quantityOf } from './payload.ts'

/** A set in a map. */
export class SetHandle<E extends SetElement> extends Handle implements Iterable<E> {
  /** The elements, as a set made anew on each call. */
  get value(): ReadonlySet<E> {
    return new Set(this)
  }

  /** Number of elements. */
  get size(): number {
    return this.editor.store.steps(this.path).size
  }

  /** True if the element is in the set. */
  has(element: E): boolean {
    return this.editor.store.entries.has(this.path + elementStep(element))
  }

  /** The elements, in no order to rely on. */
  *[Symbol.iterator](): IterableIterator<E> {
    for (const step of this.editor.store.steps(this.path)) yield elementOf(step) as E
  }

  /**
   * Adds an element; wins over removals that do not know of it.
   *
   * @throws TypeError for an ill-formed text or a number that is not finite; RangeError for a number past 2^53 − 1.
   */
  add(element: E): OrMapDelta {
    return this.put(this.path + elementStep(checkElement(element)), undefined)
  }

  /** Removes an element as far as this replica has seen it. */
  remove(element: E): OrMapDelta {
    return this.removeAll([this.path + elementStep(element)])
  }
}

/** A cart in a map. */
export class CartHandle extends Handle {
  /** Quantity by SKU, in order, made anew on each call. */
  get value(): ReadonlyMap<string, number> {
    const skus = [...this.editor.store.steps(this.path)].map(nameOf).toSorted()
    return new Map(skus.map((sku) => [sku, this.quantity(sku)]))
  }

  /** How many of a SKU are in the cart; 0 if it is not there. */
  quantity(sku: string): number {
    let added = 0
    let set = 0
    let entry = this.editor.store.entries.get(this.path + stepOf('q', sku))
    for (; entry !== undefined; entry = entry.next) {
      const quantity = quantityOf(entry.payload)
      if (isSet(entry.payload)) set = Math.max(set, quantity)
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
  add(sku: string, quantity = 1): OrMapDelta {
    return this.editor.commit([], [{ key: this.#line(sku), payload: checkQuantity(quantity) * 2 }])
  }

  /**
   * Sets the quantity of a SKU in place of all that this replica has seen of it. Of two sets that did not know of
   * each other the larger counts; adds that neither knew of come on top.
   *
   * @param quantity 0 (removes the SKU) to 4,294,967,295.
   * @throws TypeError for an empty or ill-formed SKU; RangeError for a wrong quantity.
   */
  setQuantity(sku: string, quantity: number): OrMapDelta {
    if (quantity === 0) return this.remove(sku)
    return this.put(this.#line(sku), checkQuantity(quantity) * 2 + 1)
  }

  /** Removes what this replica has seen of a SKU. */
  remove(sku: string): OrMapDelta {
    return this.removeAll([this.path + stepOf('q', sku)])
  }

  #line(sku: string): string {
    return this.path + stepOf('q', checkName('sku', sku))
  }
}

function checkQuantity(quantity: number): number {
  if (Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_QUANTITY) return quantity
  throw new RangeError(`quantity must be a whole number from 1 to ${MAX_QUANTITY}, got ${quantity}`)
}
