import type { Configuration } from './configuration.ts'

/** Fields of an entry before the placed bits. */
const HASH = 0
const NEXT = 1
const STATE = 2
const FRONTIER = 3
const WRITTEN_AT = 4
const FLAGS = 5
const HEAD = 6

/** So many others are compared with a configuration; more would find little more. */
const MAX_CHAIN = 48

/**
 * Configurations that a search has been in, one after the other in one typed array; those that can be compared, with
 * the same state, frontier and placed updates, form a chain found through open addressing. The hash only finds
 * the chain; equality is exact.
 *
 * A configuration need not be entered if an earlier one *covers* it, that is, can do all that it can: placed no
 * operation that is of use later and the other did not, placed all reads that the other did, and can still put under
 * its last blind write what the other has placed already.
 */
export class Visited<S> {
  readonly #at: Configuration<S>
  readonly #stride: number
  #entries: Int32Array
  #table: Int32Array
  #size = 0
  #chains = 0

  constructor(at: Configuration<S>) {
    this.#at = at
    this.#stride = HEAD + at.placed.length
    this.#entries = new Int32Array(this.#stride * 256)
    this.#table = new Int32Array(1024)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#entries.byteLength + this.#table.byteLength
  }

  /** Enters where the search is now. @returns `false` if an earlier configuration covers it. */
  add(): boolean {
    const at = this.#at
    const hash = mixed(at.hash ^ mixed(Math.imul(at.state + 1, 0x9e3779b1) ^ mixed(at.frontier)))
    const place = this.#placeOf(hash)
    const head = this.#table[place]!
    let left = MAX_CHAIN
    for (let entry = head; entry !== 0 && left > 0; left--) {
      const from = (entry - 1) * this.#stride
      if (this.#covers(from)) return false
      entry = this.#entries[from + NEXT]!
    }
    const from = this.#size++ * this.#stride
    if (from + this.#stride > this.#entries.length) this.#growEntries()
    const entries = this.#entries
    entries[from + HASH] = hash
    entries[from + NEXT] = head
    entries[from + STATE] = at.state
    entries[from + FRONTIER] = at.frontier
    entries[from + WRITTEN_AT] = at.writtenAt
    entries[from + FLAGS] = at.flags
    entries.set(at.placed, from + HEAD)
    this.#table[place] = this.#size
    if (head === 0 && ++this.#chains * 2 > this.#table.length) this.#growTable()
    return true
  }

  /** Where the chain is, or where it belongs. */
  #placeOf(hash: number): number {
    const mask = this.#table.length - 1
    let place = (hash ^ (hash >>> 15)) & mask
    for (; ; place = (place + 1) & mask) {
      const head = this.#table[place]!
      if (head === 0 || this.#isComparable((head - 1) * this.#stride, hash)) return place
    }
  }

  #isComparable(from: number, hash: number): boolean {
    const at = this.#at
    const entries = this.#entries
    if (entries[from + HASH] !== hash || entries[from + STATE] !== at.state) return false
    if (entries[from + FRONTIER] !== at.frontier) return false
    for (let word = 0; word < at.placed.length; word++)
      if (
        ((entries[from + HEAD + word]! ^ at.placed[word]!) & ~(at.avoidable[word]! | at.reads[word]!)) !==
        0
      )
        return false
    return true
  }

  #covers(from: number): boolean {
    const at = this.#at
    const entries = this.#entries
    const writtenAt = entries[from + WRITTEN_AT]!
    if (writtenAt < at.writtenAt || (entries[from + FLAGS]! & ~at.flags) !== 0) return false
    for (let word = 0; word < at.placed.length; word++) {
      const theirs = entries[from + HEAD + word]!
      const ours = at.placed[word]!
      if ((theirs & ~ours & at.avoidable[word]!) !== 0) return false
      if ((ours & ~theirs & at.reads[word]!) !== 0) return false
      for (let bits = ours & ~theirs & at.avoidable[word]!; bits !== 0; bits &= bits - 1)
        if (!at.isAvoidable(word * 32 + 31 - Math.clz32(bits & -bits), writtenAt)) return false
    }
    return true
  }

  #growEntries(): void {
    const grown = new Int32Array(this.#entries.length * 2)
    grown.set(this.#entries)
    this.#entries = grown
  }

  #growTable(): void {
    const old = this.#table
    const table = new Int32Array(old.length * 2)
    const mask = table.length - 1
    for (const head of old) {
      if (head === 0) continue
      const hash = this.#entries[(head - 1) * this.#stride + HASH]!
      let place = (hash ^ (hash >>> 15)) & mask
      while (table[place] !== 0) place = (place + 1) & mask
      table[place] = head
    }
    this.#table = table
  }
}

/** Spreads the bits of a whole number over 32 bits (the finalizer of MurmurHash3). */
export function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
