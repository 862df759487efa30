import { compareHlc, HLC_MAX_COUNTER, HLC_MAX_MS, HybridLogicalClock } from '@quorate/vector-clock'
import type { HlcTimestamp } from '@quorate/vector-clock'
import type { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import type { Entry, Live } from './fragment.ts'
import { type CrdtValue, sameValue } from './value.ts'
import { valueFromJSON, valueToJSON } from './value-intake.ts'
import { readValue, writeValue } from './value-codec.ts'

/** Options of types in which the last write wins. */
export interface StampOptions {
  /** Wall time in ms since the epoch. Default: the machine's. */
  readonly now?: (() => number) | undefined
  /**
   * How far a stamp that comes in may be ahead of the wall clock, ms. Default 500. `Infinity` accepts all: then
   * one replica with a wrong date wins every conflict, for good. Also for loading what was saved before the
   * clock of this machine was set back.
   */
  readonly maxDriftMs?: number | undefined
}

/** A value and when it was written. Who wrote it is in the event of its entry. */
export interface Stamped {
  readonly ms: number
  readonly counter: number
  readonly value: CrdtValue
}

/** The entries of a key, or none. */
type Entries = Live<unknown, Stamped> | undefined

/** The clock of one replica: what it writes is later than all that it has seen. */
export class Stamper {
  readonly #options: StampOptions
  readonly #clock: HybridLogicalClock

  constructor(replica: string, { now, maxDriftMs }: StampOptions, latest?: HlcTimestamp) {
    this.#options = { now, maxDriftMs }
    this.#clock = new HybridLogicalClock({ node: replica, now, maxDriftMs, latest })
  }

  /**
   * The value with a stamp of now.
   *
   * @throws RangeError after the year 10889, or after a stamp from there was accepted.
   */
  stamp(value: CrdtValue): Stamped {
    const { ms, counter } = this.#clock.now()
    return { ms, counter, value }
  }

  /**
   * Takes in the stamps of entries that are new here.
   *
   * @throws ClockDriftError if one of them is too far ahead of the wall clock; the clock stays as it was.
   */
  receive(news: readonly Entry<unknown, Stamped>[]): void {
    let latest: HlcTimestamp | undefined
    for (const entry of news) {
      const { ms, counter } = entry.payload
      if (latest === undefined || ms > latest.ms || (ms === latest.ms && counter > latest.counter)) {
        latest = stampOf(entry)
      }
    }
    if (latest !== undefined) this.#clock.receive(latest)
  }

  /** The clock of a copy for another writer. */
  fork(replica: string): Stamper {
    return new Stamper(replica, this.#options, this.#clock.latest)
  }
}

/** Who wrote it, and when. */
export const stampOf = ({ node, payload: { ms, counter } }: Entry<unknown, Stamped>): HlcTimestamp => ({
  ms,
  counter,
  node,
})

/**
 * The entry that is shown of those that do not know of each other: the last by its stamp, then by the name of
 * its writer.
 *
 * The others are kept until a later write, which knows of them, takes them away. To drop them at once would
 * save their bytes and lose the order of edits: a removal of the winner, which has never heard of them, would
 * then take them away on replicas that saw the winner and leave them on those that did not.
 */
export function winnerOf(head: Entries): Entry<unknown, Stamped> | undefined {
  let winner = head
  for (let entry = head?.next; entry !== undefined; entry = entry.next) {
    if (compareEntries(entry, winner as Entry<unknown, Stamped>) > 0) winner = entry
  }
  return winner
}

function compareEntries(a: Entry<unknown, Stamped>, b: Entry<unknown, Stamped>): number {
  // One writer stamps in the order of its events; a broken one may not, and all must agree even so.
  return compareHlc(stampOf(a), stampOf(b)) || a.counter - b.counter
}

// Written: the ms as the difference to the stamp before, its sign in the lowest bit; the counter; the value.

/** @param previousMs the ms of the stamp before in the same bytes, 0 for the first. */
export function writeStamped(writer: ByteWriter, { ms, counter, value }: Stamped, previousMs = 0): void {
  const difference = ms - previousMs
  writer.uint(difference < 0 ? -difference * 2 - 1 : difference * 2)
  writer.uint(counter)
  writeValue(writer, value)
}

/** Reads what {@link writeStamped} wrote; {@link isStamped} tells whether it is in range. */
export function readStamped(reader: ByteReader, previousMs = 0): Stamped {
  const difference = reader.uint()
  const ms = previousMs + (difference % 2 === 1 ? -(difference + 1) / 2 : difference / 2)
  return { ms, counter: reader.uint(), value: readValue(reader) }
}

export function isStamped(payload: unknown): payload is Stamped {
  const { ms, counter, value } = (payload ?? {}) as Partial<Stamped>
  return isUpTo(ms, HLC_MAX_MS) && isUpTo(counter, HLC_MAX_COUNTER) && value !== undefined
}

export const sameStamped = (a: Stamped, b: Stamped): boolean =>
  a.ms === b.ms && a.counter === b.counter && sameValue(a.value, b.value)

export const stampedToJSON = ({ ms, counter, value }: Stamped): Readonly<Record<string, unknown>> => ({
  value: valueToJSON(value),
  stamp: [ms, counter],
})

export function stampedFromJSON({ value, stamp }: Readonly<Record<string, unknown>>): unknown {
  const [ms, counter]: unknown[] = Array.isArray(stamp) ? stamp : []
  return { ms, counter, value: valueFromJSON(value) }
}

const isUpTo = (value: unknown, max: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max && !Object.is(value, -0)
