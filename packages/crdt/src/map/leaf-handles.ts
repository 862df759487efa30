import type { HlcTimestamp } from '@quorate/vector-clock'
import type { Entry, Live } from '../fragment.ts'
import { standing } from '../mv-register.ts'
import { checkValue, type StandardSchema } from '../schema.ts'
import { type Stamped, stampOf, winnerOf } from '../stamped.ts'
import { type CrdtValue, type Frozen, handOut } from '../value.ts'
import { ownValue } from '../value-intake.ts'
import { type Editor, Handle, type OrMapDelta } from './handle.ts'
import { namesOf } from './path.ts'
import { type Counted, MAX_COUNT, type Payload } from './payload.ts'

type Entries<P> = Live<string, P> | undefined

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
    // The text that is there already: to find it again takes no comparison.
    return editor.commit(own, [{ key: own[0]?.key ?? path, payload: { plus, minus } }])
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
    checkValue('or-map', this.#schema, own, true, () => namesOf(this.path))
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
    checkValue('or-map', this.#schema, own, true, () => namesOf(this.path))
    return this.put(this.path, own)
  }

  #standing(): CrdtValue[] {
    return standing(this.editor.store.entries.get(this.path) as Entries<CrdtValue>)
  }
}
