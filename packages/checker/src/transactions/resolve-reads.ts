import {
  ABORTED,
  AMBIGUOUS,
  COMMITTED,
  EXTERNAL,
  FROM_ABORTED,
  FUTURE,
  INITIAL,
  INTERMEDIATE,
  NOT_OWN,
  OBSERVED,
  OWN,
  THIN_AIR,
  UNKNOWN,
  UNSEEN,
} from './codes.ts'
import type { Events } from './register-events.ts'

interface Columns extends Events {
  readonly size: number
  /** UNKNOWN becomes OBSERVED in here. */
  readonly status: Uint8Array
  readonly initialValue: number
  readonly keyCount: number
}

interface ResolvedReads {
  readonly isFinal: Uint8Array
  readonly readKind: Uint8Array
  readonly source: Int32Array
  readonly badReads: readonly number[]
  readonly ambiguousReads: number
  readonly guesses: boolean
  readonly duplicate: readonly [number, number] | undefined
  readonly tableBytes: number
}

/** Finds the write that each read reads from. */
export function resolveReads(columns: Columns): ResolvedReads {
  const { size, status, eventStart, eventTransaction, eventKind, eventKey, eventValue } = columns
  const count = eventKind.length
  const isFinal = new Uint8Array(count)
  const readKind = new Uint8Array(count)
  const source = new Int32Array(count).fill(-1)
  const lastWrite = new Int32Array(columns.keyCount).fill(-1)
  const table = new WriteTable(columns)

  for (let t = 0; t < size; t++) {
    for (let event = eventStart[t + 1]! - 1; event >= eventStart[t]!; event--) {
      if (eventKind[event] === 0) continue
      const key = eventKey[event]!
      if (lastWrite[key] !== t) isFinal[event] = 1
      lastWrite[key] = t
    }
  }
  lastWrite.fill(-1)

  const badReads: number[] = []
  let ambiguousReads = 0
  let guesses = true
  let duplicate: readonly [number, number] | undefined

  const resolve = (read: number): void => {
    const value = eventValue[read]!
    const key = eventKey[read]!
    if (value < 0) {
      readKind[read] = UNSEEN
      return
    }
    const t = eventTransaction[read]!
    const own = lastWrite[key]!
    if (own >= 0) {
      source[read] = own
      readKind[read] = eventValue[own] === value ? OWN : NOT_OWN
      return
    }
    const first = table.find(key, value)
    const fromInitial = value === columns.initialValue
    if (first >= 0 && !fromInitial && table.next[first] === -1 && isFinal[first] === 1) {
      // The common case: one write with this value.
      const writer = eventTransaction[first]!
      if (writer !== t && status[writer] !== ABORTED) {
        source[read] = first
        readKind[read] = EXTERNAL
        return
      }
    }
    let possible = fromInitial ? 1 : 0
    let committed = -1
    let unknown = -1
    let other = -1
    let wrong: number = THIN_AIR
    let pair: [number, number] = [-1, -1]
    for (let write = first; write >= 0; write = table.next[write]!) {
      const writer = eventTransaction[write]!
      const kind =
        writer === t
          ? FUTURE
          : status[writer] === ABORTED
            ? FROM_ABORTED
            : isFinal[write] === 0
              ? INTERMEDIATE
              : 0
      if (kind !== 0) {
        wrong = kind
        other = write
        continue
      }
      pair = possible === 0 ? [write, -1] : possible === 1 ? [pair[0], write] : pair
      possible++
      if (status[writer] === COMMITTED) committed = committed < 0 ? write : committed
      else unknown = unknown < 0 ? write : unknown
    }
    if (possible === 0) {
      readKind[read] = wrong
      source[read] = other
    } else if (possible === 1) {
      readKind[read] = fromInitial ? INITIAL : EXTERNAL
      source[read] = fromInitial ? -1 : committed >= 0 ? committed : unknown
    } else {
      readKind[read] = AMBIGUOUS
      source[read] = committed
      if (committed < 0 && !fromInitial) guesses = false
      ambiguousReads++
      duplicate ??= pair
    }
  }

  // Transactions whose reads count; an unknown one joins when somebody is seen to read from it.
  const observed: number[] = []
  const resolveTransaction = (t: number): void => {
    const start = eventStart[t]!
    const end = eventStart[t + 1]!
    for (let event = start; event < end; event++) {
      if (eventKind[event] === 1) lastWrite[eventKey[event]!] = event
      else {
        resolve(event)
        const kind = readKind[event]!
        if (kind > UNSEEN) badReads.push(event)
        else if (kind === EXTERNAL) {
          const writer = eventTransaction[source[event]!]!
          if (status[writer] === UNKNOWN) {
            status[writer] = OBSERVED
            observed.push(writer)
          }
        }
      }
    }
    for (let event = start; event < end; event++) if (eventKind[event] === 1) lastWrite[eventKey[event]!] = -1
  }
  for (let t = 0; t < size; t++) if (status[t] === COMMITTED) resolveTransaction(t)
  for (let t = observed.pop(); t !== undefined; t = observed.pop()) resolveTransaction(t)
  for (let t = 0; t < size; t++) {
    if (status[t] !== ABORTED && status[t] !== UNKNOWN) continue
    for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++)
      if (eventKind[event] === 0) readKind[event] = UNSEEN
  }
  badReads.sort((a, b) => a - b)
  return { isFinal, readKind, source, badReads, ambiguousReads, guesses, duplicate, tableBytes: table.bytes }
}

/** From (key, value) to the writes that wrote it, in order of events. */
class WriteTable {
  /** The next write of the same value to the same key; -1 if there is none. */
  readonly next: Int32Array
  readonly bytes: number
  readonly #columns: Columns
  readonly #mask: number
  /** Event + 1 of the first write, by hash. */
  readonly #slots: Int32Array

  constructor(columns: Columns) {
    this.#columns = columns
    let writes = 0
    for (let event = 0; event < columns.eventKind.length; event++) writes += columns.eventKind[event]!
    let capacity = 16
    while (capacity < writes * 2) capacity *= 2
    this.#mask = capacity - 1
    this.#slots = new Int32Array(capacity)
    this.next = new Int32Array(columns.eventKind.length).fill(-1)
    this.bytes = capacity * 4 + columns.eventKind.length * 4
    for (let event = columns.eventKind.length - 1; event >= 0; event--) {
      if (columns.eventKind[event] === 0) continue
      const slot = this.#slot(columns.eventKey[event]!, columns.eventValue[event]!)
      this.next[event] = this.#slots[slot]! - 1
      this.#slots[slot] = event + 1
    }
  }

  /** The first write of `value` to `key`; -1 if there is none. */
  find(key: number, value: number): number {
    return this.#slots[this.#slot(key, value)]! - 1
  }

  #slot(key: number, value: number): number {
    const { eventKey, eventValue } = this.#columns
    let slot = (Math.imul(key, 0x9e3779b1) ^ Math.imul(value, 0x85ebca6b)) >>> 0
    slot = (slot ^ (slot >>> 15)) & this.#mask
    for (;;) {
      const event = this.#slots[slot]! - 1
      if (event < 0 || (eventKey[event] === key && eventValue[event] === value)) return slot
      slot = (slot + 1) & this.#mask
    }
  }
}
