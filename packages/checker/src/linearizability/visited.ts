/**
 * Configurations that a search has been in: number of fields fixed, kept one after the other in one typed array,
 * found through open addressing. Equality is exact; the hash only finds the place.
 *
 * With each configuration goes a *reach*: being there again with a reach no greater cannot lead further.
 */
export class Visited {
  readonly #fields: number
  readonly #stride: number
  #entries: Int32Array
  #table: Int32Array
  #size = 0

  constructor(fields: number) {
    this.#fields = fields
    this.#stride = fields + 2
    this.#entries = new Int32Array(this.#stride * 256)
    this.#table = new Int32Array(1024)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#entries.byteLength + this.#table.byteLength
  }

  /** @returns `false` if it was there already with at least that reach. */
  add(fields: Int32Array, hash: number, reach: number): boolean {
    const stride = this.#stride
    const count = this.#fields
    const mask = this.#table.length - 1
    const entries = this.#entries
    for (let at = (hash ^ (hash >>> 15)) & mask; ; at = (at + 1) & mask) {
      const entry = this.#table[at]!
      if (entry === 0) {
        this.#table[at] = ++this.#size
        break
      }
      const from = (entry - 1) * stride
      if (entries[from] !== hash) continue
      let field = 0
      while (field < count && entries[from + 2 + field] === fields[field]) field++
      if (field < count) continue
      if (entries[from + 1]! >= reach) return false
      entries[from + 1] = reach
      return true
    }
    const from = (this.#size - 1) * stride
    if (from + stride > entries.length) this.#growEntries()
    this.#entries[from] = hash
    this.#entries[from + 1] = reach
    this.#entries.set(fields, from + 2)
    if (this.#size * 2 > this.#table.length) this.#growTable()
    return true
  }

  #growEntries(): void {
    const grown = new Int32Array(this.#entries.length * 2)
    grown.set(this.#entries)
    this.#entries = grown
  }

  #growTable(): void {
    const table = new Int32Array(this.#table.length * 2)
    const mask = table.length - 1
    for (let entry = 1; entry <= this.#size; entry++) {
      const hash = this.#entries[(entry - 1) * this.#stride]!
      let at = (hash ^ (hash >>> 15)) & mask
      while (table[at] !== 0) at = (at + 1) & mask
      table[at] = entry
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
