import { valueKey } from '../value.ts'

/** Whole numbers below this are looked up in a table, not in a `Map`: ten times faster, and the common case. */
const TABLE_LIMIT = 1 << 24

/**
 * Small whole numbers, from 0, for values; equal values get equal numbers. As `Interner`, but made for
 * millions of values that are mostly small whole numbers. `undefined` counts as `null`.
 */
export class ValueIds {
  readonly #values: unknown[] = []
  readonly #others = new Map<unknown, number>()
  readonly #structures = new Map<string, number>()
  /** Whole number → id + 1. */
  #table = new Int32Array(1024)

  get size(): number {
    return this.#values.length
  }

  valueOf(id: number): unknown {
    return this.#values[id]
  }

  idOf(value: unknown): number {
    if (typeof value === 'number' && value >= 0 && value < TABLE_LIMIT && value === Math.trunc(value)) {
      const whole = value + 0 // no -0
      if (whole >= this.#table.length) this.#grow(whole)
      const known = this.#table[whole]!
      if (known > 0) return known - 1
      this.#values.push(value)
      this.#table[whole] = this.#values.length
      return this.#values.length - 1
    }
    if (typeof value === 'object' && value !== null)
      return this.#find(this.#structures, valueKey(value), value)
    return this.#find(this.#others, value ?? null, value ?? null)
  }

  #find<K>(map: Map<K, number>, key: K, value: unknown): number {
    let id = map.get(key)
    if (id === undefined) {
      id = this.#values.length
      map.set(key, id)
      this.#values.push(value)
    }
    return id
  }

  #grow(whole: number): void {
    const table = new Int32Array(Math.min(TABLE_LIMIT, Math.max(whole + 1, this.#table.length * 2)))
    table.set(this.#table)
    this.#table = table
  }
}
