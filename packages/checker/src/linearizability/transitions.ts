import { HistoryContentError } from '../errors.ts'
import type { Operation } from '../operation.ts'
import { isOpaque, valueKey } from '../value.ts'
import type { Model } from './model.ts'

/** {@link Transitions.next}: the operation is not allowed in that state. */
export const ILLEGAL = -1
const UNSET = -2

/** Up to so many classes a table of states × classes is small and fastest; beyond, pairs go to a hash table. */
const MAX_DENSE_CLASSES = 64

/**
 * A model over small whole numbers: states and classes of operations are interned, and each step is asked of the
 * model once. Operations of one class step alike.
 */
export class Transitions<S> {
  readonly model: Model<S>
  readonly representatives: readonly Operation[]
  readonly #states: S[] = []
  readonly #keys: string[] = []
  readonly #ids = new Map<string, number>()
  readonly #classes: number
  readonly #dense: boolean
  #table: Int32Array
  #pairs: Float64Array
  #used = 0
  #lost = -1
  #afterLost: Int32Array = new Int32Array(0)
  #textBytes = 0
  #reads: Uint8Array | undefined
  #onlyIn: Int32Array = new Int32Array(0)
  #leadsTo: Int32Array = new Int32Array(0)

  /** @param representatives an operation of each class. */
  constructor(model: Model<S>, representatives: readonly Operation[]) {
    this.model = model
    this.representatives = representatives
    this.#classes = Math.max(1, representatives.length)
    this.#dense = this.#classes <= MAX_DENSE_CLASSES
    this.#table = new Int32Array(this.#dense ? 16 * this.#classes : 1 << 12).fill(UNSET)
    this.#pairs = new Float64Array(this.#dense ? 0 : 1 << 12)
  }

  get stateCount(): number {
    return this.#states.length
  }

  /** Of the tables, and about that of the states. */
  get bytes(): number {
    return this.#table.byteLength + this.#pairs.byteLength + this.#states.length * 100 + this.#textBytes
  }

  /** Number of a state; the state must be one that the model made. */
  idOf(state: S): number {
    const key = this.#keyOf(state)
    let id = this.#ids.get(key)
    if (id === undefined) {
      id = this.#states.length
      this.#ids.set(key, id)
      this.#states.push(state)
      this.#keys.push(key)
      this.#textBytes += 2 * key.length
      if (this.#dense) this.#growRows()
    }
    return id
  }

  stateOf(id: number): S {
    return this.#states[id]!
  }

  /**
   * A state that stands for all from which no read to come can be allowed. Updates are allowed there and leave it as
   * it is, but for those that lead to a state whatever it was.
   *
   * @param after by class: the state after an operation of it, -2 where the state stays as it is.
   */
  addLost(after: Int32Array): number {
    this.#lost = this.#states.length
    this.#afterLost = after
    this.#states.push(this.#states[0]!)
    this.#keys.push('')
    if (this.#dense) this.#growRows()
    return this.#lost
  }

  /** Holds the model to what it says of classes: is it a read, the only state it is allowed in (-1), where it leads (-1). */
  hold(
    reads: Uint8Array,
    { onlyIn, leadsTo }: { readonly onlyIn: Int32Array; readonly leadsTo: Int32Array },
  ): void {
    this.#reads = reads
    this.#onlyIn = onlyIn
    this.#leadsTo = leadsTo
  }

  describe(id: number): string {
    const state = this.stateOf(id)
    return (
      callModel(this.model.name, 'describe', undefined, () => this.model.describe?.(state)) ?? valueKey(state)
    )
  }

  /** The state after an operation of that class, or {@link ILLEGAL}. */
  next(state: number, cls: number): number {
    if (this.#dense) {
      const at = state * this.#classes + cls
      const known = this.#table[at]!
      if (known !== UNSET) return known
      const next = this.#ask(state, cls)
      this.#table[at] = next
      return next
    }
    const pair = state * this.#classes + cls
    const at = this.#slotOf(pair)
    const known = this.#table[at]!
    if (known !== UNSET) return known
    const next = this.#ask(state, cls)
    this.#table[at] = next
    this.#pairs[at] = pair
    if (++this.#used * 2 > this.#table.length) this.#growHash()
    return next
  }

  #ask(id: number, cls: number): number {
    if (id === this.#lost) return this.#afterLost[cls] === UNSET ? id : this.#afterLost[cls]!
    const { model } = this
    const state = this.#states[id]!
    const operation = this.representatives[cls]!
    const next = callModel(model.name, 'step', operation, () => model.step(state, operation))
    if (next === undefined) return ILLEGAL
    if (typeof next === 'object' && next !== null && typeof (next as { then?: unknown }).then === 'function')
      throw new TypeError(
        `Cannot check with model ${model.name}: step() returned a promise for operation #${operation.index}; ` +
          'it must return the next state itself, or undefined',
      )
    if (typeof state === 'object' && this.#keyOf(state) !== this.#keys[id])
      throw new TypeError(
        `Cannot check with model ${model.name}: step() changed the state it was given for operation ` +
          `#${operation.index}; it must return a new one`,
      )
    const after = next === state ? id : this.idOf(next)
    this.#requireAsSaid(id, cls, after)
    return after
  }

  #requireAsSaid(before: number, cls: number, after: number): void {
    if (this.#reads === undefined) return
    const lie =
      this.#reads[cls] === 1 && after !== before
        ? 'isRead() is true, but step() changed the state'
        : this.#onlyIn[cls] !== -1 && this.#onlyIn[cls] !== before
          ? 'step() allows it in another state than onlyIn() says'
          : this.#leadsTo[cls] !== -1 && this.#leadsTo[cls] !== after
            ? 'step() leads to another state than isOverwrite() or leadsTo() say'
            : undefined
    if (lie === undefined) return
    const { index, op } = this.representatives[cls]!
    throw new TypeError(`Cannot check with model ${this.model.name}: ${lie}, for operation #${index} (${op})`)
  }

  #keyOf(state: S): string {
    const { model } = this
    if (model.key === undefined) {
      const text = valueKey(state)
      if (isOpaque(text))
        throw new TypeError(
          `Cannot check with model ${model.name}: its states show no fields to compare them by; give it a key()`,
        )
      return text
    }
    const key: unknown = callModel(model.name, 'key', undefined, () => model.key?.(state))
    if (typeof key !== 'string')
      throw new TypeError(
        `Cannot check with model ${model.name}: key() must return a string, got ${typeof key}`,
      )
    return key
  }

  #growRows(): void {
    const needed = this.#states.length * this.#classes
    if (needed <= this.#table.length) return
    const grown = new Int32Array(Math.max(needed, this.#table.length * 2)).fill(UNSET)
    grown.set(this.#table)
    this.#table = grown
  }

  /** Where the pair is, or where it belongs. */
  #slotOf(pair: number): number {
    const mask = this.#table.length - 1
    let at = Math.imul((pair % 0x1_0000_0000) ^ Math.imul((pair / 0x1_0000_0000) | 0, 0x85ebca6b), 0x9e3779b1)
    at = (at ^ (at >>> 15)) & mask
    while (this.#table[at] !== UNSET && this.#pairs[at] !== pair) at = (at + 1) & mask
    return at
  }

  #growHash(): void {
    const [table, pairs] = [this.#table, this.#pairs]
    this.#table = new Int32Array(table.length * 2).fill(UNSET)
    this.#pairs = new Float64Array(table.length * 2)
    for (let from = 0; from < table.length; from++) {
      if (table[from] === UNSET) continue
      const at = this.#slotOf(pairs[from]!)
      this.#table[at] = table[from]!
      this.#pairs[at] = pairs[from]!
    }
  }
}

/** Calls a method of a model; what it throws comes out with the name of the model and the operation. */
export function callModel<T>(
  name: string,
  method: string,
  operation: Operation | undefined,
  call: () => T,
): T {
  try {
    return call()
  } catch (error) {
    if (error instanceof HistoryContentError) throw error
    const where = operation === undefined ? '' : ` for operation #${operation.index} (${operation.op})`
    const reason = error instanceof Error ? error.message : String(error)
    throw new TypeError(`Cannot check with model ${name}: ${method}() threw${where}: ${reason}`, {
      cause: error,
    })
  }
}
