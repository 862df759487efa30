import type { HlcTimestamp } from '@quorate/vector-clock'
import { MAX_QUANTITY } from '../cart.ts'
import type { Delta } from '../crdt.ts'
import type { Live } from '../dot-store.ts'
import { checkElement, type SetElement } from '../element.ts'
import { isWellFormed } from '../format.ts'
import type { Content, Entry } from '../fragment.ts'
import { standing } from '../mv-register.ts'
import { checkValue, type StandardSchema } from '../schema.ts'
import { type Stamped, stampOf, type Stamper, winnerOf } from '../stamped.ts'
import { type CrdtValue, type Frozen, handOut, ownValue } from '../value.ts'
import type { PathStore } from './path-store.ts'
import { elementOf, elementStep, nameOf, stepOf } from './path.ts'
import { type Counted, isSet, MAX_COUNT, type Payload, quantityOf } from './payload.ts'

/** An edit of a map, or several. */
export type OrMapDelta = Delta<'or-map'>

type Entries<P> = Live<string, P> | undefined

/** What the handles need of their map. */
export interface Editor {
  readonly replica: string
  readonly store: PathStore
  readonly stamper: Stamper
  /** Makes one edit: takes entries away, puts others in. */
  commit(removed: readonly Live<string, Payload>[], puts: readonly Content<string, Payload>[]): OrMapDelta
}

/** A place in a map. It holds nothing itself: whatever happens to the map, it shows what is there now. */
export abstract class Handle {
  protected readonly editor: Editor
  protected readonly path: string

  /** @internal Use `at()`. */
  constructor(editor: Editor, path: string) {
    this.editor = editor
    this.path = path
  }

  /** Takes away what this replica has seen here; edits made elsewhere meanwhile stay. */
  clear(): OrMapDelta {
    return this.removeAll(this.editor.store.below(this.path))
  }

  protected removeAll(paths: Iterable<string>): OrMapDelta {
    // First the list, then the edit: it changes what `paths` walks.
    const { store } = this.editor
    return this.editor.commit(
      [...paths].flatMap((path) => store.list(path)),
      [],
    )
  }

  /** An entry in place of all that this replica has seen at this path. */
  protected put(path: string, payload: Payload): OrMapDelta {
    return this.editor.commit(this.editor.store.list(path), [{ key: path, payload }])
  }
}

/** A number in a map. */
export class CounterHandle extends Handle {
  /**
   * The sum of what all replicas have counted; 0 if there is nothing.
   *
   * @throws RangeError if it passes 2^53 − 1; read {@link bigValue} then.
   */
  get value(): number {
    let sum = 0
    for (let entry = this.#entries(); entry !== undefined; entry = entry.next) {
      sum += entry.payload.plus - entry.payload.minus
      if (!Number.isSafeInteger(sum)) return this.#exact()
    }
    return sum
  }

  /** The sum, however large. */
  get bigValue(): bigint {
    let sum = 0n
    for (let entry = this.#entries(); entry !== undefined; entry = entry.next) {
      sum += BigInt(entry.payload.plus) - BigInt(entry.payload.minus)
    }
    return sum
  }

  /**
   * Counts up.
   *
   * @param by a whole number from 0 to 2^53 − 1. Default 1. 0 makes the counter be there.
   * @throws RangeError for another one, or if the total of this replica would pass 2^53 − 1.
   */
  increment(by = 1): OrMapDelta {
    return this.#count('plus', by)
  }

  /** Counts down; all else as {@link increment}. */
  decrement(by = 1): OrMapDelta {
    return this.#count('minus', by)
  }

  /**
   * A replica has one entry with all it has counted, which each count replaces (as in Riak's riak_dt_emcntr); after
   * it has taken over from a replica that is gone, it may have more.
   */
  #count(direction: 'plus' | 'minus', by: number): OrMapDelta {
    if (!Number.isSafeInteger(by) || by < 0) {
      throw new RangeError(`by must be a whole number from 0 to 2^53 - 1, got ${by}`)
    }
    const { editor, path } = this
    const own: Live<string, Payload>[] = []
    let plus = direction === 'plus' ? by : 0
    let minus = by - plus
    for (let entry = this.#entries(); entry !== undefined; entry = entry.next) {
      if (entry.node !== editor.replica) continue
      own.push(entry)
      plus += entry.payload.plus
      minus += entry.payload.minus
    }
    if (Math.max(plus, minus) > MAX_COUNT) {
      throw new RangeError(
        `Cannot count by ${by}: the total of ${editor.replica} would pass 2^53 - 1; go on as a new replica`,
      )
    }
    return editor.commit(own, [{ key: path, payload: { plus, minus } }])
  }

  #entries(): Entries<Counted> {
    return this.editor.store.entries.get(this.path) as Entries<Counted>
  }

  /** Of sums whose parts are too large for numbers. */
  #exact(): number {
    const sum = Number(this.bigValue)
    if (Number.isSafeInteger(sum)) return sum
    throw new RangeError(`The value passes 2^53 - 1; read bigValue`)
  }
}

/** A flag in a map. */
export class FlagHandle extends Handle {
  /** True if it is enabled. */
  get value(): boolean {
    return this.editor.store.entries.has(this.path)
  }

  /** Enables it; wins over a disabling that does not know of it. */
  enable(): OrMapDelta {
    return this.put(this.path, undefined)
  }

  /** Disables it as far as this replica has seen it enabled. */
  disable(): OrMapDelta {
    return this.clear()
  }
}

/** A value in a map, of which the last write stays. */
export class ValueHandle<T> extends Handle {
  readonly #schema: StandardSchema<T> | undefined

  /** @internal Use `at()`. */
  constructor(editor: Editor, path: string, schema: StandardSchema<T> | undefined) {
    super(editor, path)
    this.#schema = schema
  }

  /** The value, frozen; `undefined` if there is none. */
  get value(): Frozen<T> | undefined {
    const winner = this.#winner()
    return winner && (handOut(winner.payload.value) as Frozen<T>)
  }

  /** When the value was set, and by which replica; `undefined` if there is none. */
  get stamp(): HlcTimestamp | undefined {
    const winner = this.#winner()
    return winner && stampOf(winner)
  }

  /**
   * Sets the value: later than all that this replica has seen.
   *
   * @throws TypeError for what no replica could hold, RangeError for what is too large, InvalidValueError for what
   *   the schema refuses.
   */
  set(value: Frozen<T>): OrMapDelta {
    const own = ownValue(value)
    checkValue('or-map', this.#schema, own)
    return this.put(this.path, this.editor.stamper.stamp(own))
  }

  #winner(): Entry<unknown, Stamped> | undefined {
    return winnerOf(this.editor.store.entries.get(this.path) as Entries<Stamped>)
  }
}

/** A value in a map, or all that were set without knowing of each other. */
export class ConflictsHandle<T> extends Handle {
  readonly #schema: StandardSchema<T> | undefined

  /** @internal Use `at()`. */
  constructor(editor: Editor, path: string, schema: StandardSchema<T> | undefined) {
    super(editor, path)
    this.#schema = schema
  }

  /** All values that stand, frozen, in the order of the replicas that set them; equal ones once. */
  get values(): readonly Frozen<T>[] {
    return this.#standing().map((value) => handOut(value) as Frozen<T>)
  }

  /** The first of {@link values}: the same on all replicas, no better than the others. */
  get value(): Frozen<T> | undefined {
    return this.values[0]
  }

  /** True if more than one value stands. */
  get hasConflict(): boolean {
    return this.#standing().length > 1
  }

  /**
   * Sets the value in place of all that this replica has seen, which settles a conflict.
   *
   * @throws TypeError for what no replica could hold, RangeError for what is too large, InvalidValueError for what
   *   the schema refuses.
   */
  set(value: Frozen<T>): OrMapDelta {
    const own = ownValue(value)
    checkValue('or-map', this.#schema, own)
    return this.put(this.path, own)
  }

  #standing(): CrdtValue[] {
    return standing(this.editor.store.entries.get(this.path) as Entries<CrdtValue>)
  }
}

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
    if (isWellFormed(sku) && sku !== '') return this.path + stepOf('q', sku)
    throw new TypeError(`sku must be a non-empty well-formed string, got ${JSON.stringify(sku)}`)
  }
}

function checkQuantity(quantity: number): number {
  if (Number.isInteger(quantity) && quantity >= 1 && quantity <= MAX_QUANTITY) return quantity
  throw new RangeError(`quantity must be a whole number from 1 to ${MAX_QUANTITY}, got ${quantity}`)
}
