import { Counting, type CountsSource } from './counting.ts'
import { type CountsFormat, countsFromJSON, type CountsJson, decodeCounts } from './counts-codec.ts'
import type { Delta, ReplicaOptions } from './crdt.ts'

/** The JSON of a counter or delta. */
export interface PnCounterJson extends CountsJson<'pn-counter', readonly [plus: number, minus: number]> {}

/** An edit of a counter, or several. */
export type PnCounterDelta = Delta<'pn-counter'>

const FORMAT: CountsFormat<'pn-counter', readonly [plus: number, minus: number]> = {
  type: 'pn-counter',
  tag: 2,
  write: (writer, { plus, minus }) => {
    writer.uint(plus)
    writer.uint(minus)
  },
  read: (reader) => ({ plus: reader.uint(), minus: reader.uint() }),
  toJSON: ({ plus, minus }) => [plus, minus],
  fromJSON: (json) =>
    Array.isArray(json) && json.length === 2 ? { plus: json[0], minus: json[1] } : undefined,
}

/** A counter that goes up and down; see {@link createPnCounter}. */
export class PnCounter extends Counting<'pn-counter', readonly [plus: number, minus: number]> {
  /** @internal Use `createPnCounter`, `decodePnCounter` or `pnCounterFromJSON`. */
  constructor(options: ReplicaOptions, source?: CountsSource | PnCounter) {
    super(FORMAT, options, source)
  }

  /**
   * Counts up.
   *
   * @param by whole number from 0. Default 1.
   * @throws RangeError if `by` is wrong, or this replica has counted to 2^52 that way.
   * @throws RetiredReplicaError if another has taken this replica over.
   */
  increment(by = 1): PnCounterDelta {
    return this.count(by, 0)
  }

  /** Counts down; below 0 if need be. As {@link increment} else. */
  decrement(by = 1): PnCounterDelta {
    return this.count(0, by)
  }

  clone(options: Partial<ReplicaOptions> = {}): PnCounter {
    return new PnCounter({ replica: options.replica ?? this.replica }, this)
  }
}

/**
 * A counter at 0 that all replicas may count up and down; each keeps its own totals, the value is
 * their sum (Shapiro et al. 2011, section 3.1.3).
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const likes = createPnCounter({ replica: 'eu-1' })
 * const delta = likes.increment()
 * peer.merge(delta.encode())
 * ```
 */
export function createPnCounter(options: ReplicaOptions): PnCounter {
  return new PnCounter(options)
}

/** The counter that `encode()` wrote, to be edited as `options.replica`. @throws DecodeError on anything else. */
export function decodePnCounter(bytes: Uint8Array, options: ReplicaOptions): PnCounter {
  return new PnCounter(options, decodeCounts(FORMAT, bytes))
}

/** The counter that `toJSON()` made. @throws DecodeError on anything else. */
export function pnCounterFromJSON(json: unknown, options: ReplicaOptions): PnCounter {
  return new PnCounter(options, countsFromJSON(FORMAT, json))
}
