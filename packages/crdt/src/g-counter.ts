import { Counting, type CountsSource } from './counting.ts'
import { type CountsFormat, countsFromJSON, type CountsJson, decodeCounts } from './counts-codec.ts'
import type { Delta, ReplicaOptions } from './crdt.ts'

/** Of a replica: what it counted; with a second number if it gave back what another had taken over too. */
type Row = number | readonly [count: number, back: number]

/** The JSON of a counter or delta. */
export interface GCounterJson extends CountsJson<'g-counter', Row> {}

/** An edit of a counter, or several. */
export type GCounterDelta = Delta<'g-counter'>

const FORMAT: CountsFormat<'g-counter', Row> = {
  type: 'g-counter',
  tag: 4,
  // Twice the count, and one more if there is something to give back.
  write: (writer, { plus, minus }) => {
    writer.uint(plus * 2 + (minus > 0 ? 1 : 0))
    if (minus > 0) writer.uint(minus)
  },
  read: (reader) => {
    const head = reader.uint()
    if (head % 2 === 0) return { plus: head / 2, minus: 0 }
    const minus = reader.uint()
    if (minus === 0) reader.fail('a count is not valid')
    return { plus: (head - 1) / 2, minus }
  },
  toJSON: ({ plus, minus }) => (minus > 0 ? [plus, minus] : plus),
  fromJSON: (json) => {
    if (!Array.isArray(json)) return { plus: json as number, minus: 0 }
    return json.length === 2 && json[1] !== 0 ? { plus: json[0], minus: json[1] } : undefined
  },
}

/** A counter that only goes up; see {@link createGCounter}. */
export class GCounter extends Counting<'g-counter', Row> {
  /** @internal Use `createGCounter`, `decodeGCounter` or `gCounterFromJSON`. */
  constructor(options: ReplicaOptions, source?: CountsSource | GCounter) {
    super(FORMAT, options, source)
  }

  /**
   * Counts up.
   *
   * @param by whole number from 0. Default 1.
   * @throws RangeError if `by` is wrong, or this replica has counted to 2^52.
   * @throws RetiredReplicaError if another has taken this replica over.
   */
  increment(by = 1): GCounterDelta {
    return this.count(by, 0)
  }

  clone(options: Partial<ReplicaOptions> = {}): GCounter {
    return new GCounter({ replica: options.replica ?? this.replica }, this)
  }
}

/**
 * A grow-only counter at 0: each replica keeps its own count, the value is their sum (Shapiro et al. 2011,
 * section 3.1.2). For what only grows: page views, bytes sent.
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const views = createGCounter({ replica: 'eu-1' })
 * const delta = views.increment(5)
 * peer.merge(delta.encode())
 * ```
 */
export function createGCounter(options: ReplicaOptions): GCounter {
  return new GCounter(options)
}

/** The counter that `encode()` wrote, to be edited as `options.replica`. @throws DecodeError on anything else. */
export function decodeGCounter(bytes: Uint8Array, options: ReplicaOptions): GCounter {
  return new GCounter(options, decodeCounts(FORMAT, bytes))
}

/** The counter that `toJSON()` made. @throws DecodeError on anything else. */
export function gCounterFromJSON(json: unknown, options: ReplicaOptions): GCounter {
  return new GCounter(options, countsFromJSON(FORMAT, json))
}
