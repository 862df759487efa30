import type { Violation } from '../result.ts'
import { keyName, NONE, type Transactions } from './transactions.ts'

/** An anomaly that is no cycle, before it is told. */
export interface Finding {
  readonly name: string
  readonly message: string
  readonly operations: readonly number[]
  readonly key?: Violation['key']
}

/**
 * What transactions say about the order in which versions of each key came to be. A version is named by the element
 * that made it; versions nobody saw are in no known order, but come after all that were seen.
 */
export interface Versions {
  /** Elements of each key in order, of transactions that happened. */
  readonly order: readonly (readonly number[])[]
  /** Elements of each key that come after `order`, in no known order. */
  readonly rest: readonly (readonly number[])[]
  /** Place of each element in `order`; {@link LATER} if it is in `rest`, -1 if it did not happen. */
  readonly place: Int32Array
  /** Steps that read what other transactions had written, or the initial state. */
  readonly reads: Int32Array
  /** For each of these: how many versions of the key had been there; -1 if that fits no order. */
  readonly seen: Int32Array
  /** For each of these: the element read, {@link NONE} for the initial state. */
  readonly last: Int32Array
}

export const LATER = 0x3fffffff

/** Which transactions are known to have happened: all that committed, and the crashed ones that somebody saw. */
export type Happened = Uint8Array

export const writerOf = (txns: Transactions, element: number): number => {
  const step = txns.elements.writer[element]!
  return step === NONE ? NONE : txns.owner[step]!
}

/** For each step, the previous and the next step of the same transaction on the same key; {@link NONE} if there is none. */
export function linkSteps(txns: Transactions): { readonly previous: Int32Array; readonly next: Int32Array } {
  const steps = txns.owner.length
  const previous = new Int32Array(steps).fill(NONE)
  const next = new Int32Array(steps).fill(NONE)
  const latest = new Int32Array(txns.keys.size).fill(NONE)
  for (let step = 0; step < steps; step++) {
    const key = txns.key[step]!
    const before = latest[key]!
    if (before !== NONE && txns.owner[before] === txns.owner[step]) {
      previous[step] = before
      next[before] = step
    }
    latest[key] = step
  }
  return { previous, next }
}

const LONGEST_TEXT = 60

/** A value in a sentence. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length <= LONGEST_TEXT
    ? text
    : `${text.slice(0, LONGEST_TEXT / 2)}…${text.slice(-LONGEST_TEXT / 2)}`
}

export const showElement = (txns: Transactions, element: number): string =>
  show(txns.elements.valueOf(element))
export const showKey = (txns: Transactions, key: number): string => String(keyName(txns, key))

/** Collects findings; counts all of them, and keeps the first few of each name. */
export class Findings {
  readonly counts: Map<string, number> = new Map()
  readonly #kept: Finding[] = []
  readonly #maxEach: number

  constructor(maxEach: number) {
    this.#maxEach = maxEach
  }

  add(name: string, key: Violation['key'], operations: readonly number[], message: () => string): void {
    const count = (this.counts.get(name) ?? 0) + 1
    this.counts.set(name, count)
    if (count > this.#maxEach) return
    this.#kept.push({ name, message: message(), operations: [...new Set(operations)], key })
  }

  of(names: ReadonlySet<string>): Finding[] {
    return this.#kept.filter(({ name }) => names.has(name))
  }
}
