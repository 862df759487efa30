/**
 * A text that two values share exactly if they are equal by structure; order of object keys does not count.
 * Values are what JSON or EDN can hold; anything else counts by `String(value)`.
 */
export function valueKey(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null)
    return typeof value === 'bigint' ? `${value}n` : String(value)
  if (Array.isArray(value)) return `[${value.map(valueKey).join(',')}]`
  const entries = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${valueKey(field)}`)
  return `{${entries.toSorted().join(',')}}`
}

/** Equal by structure? */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object') return false
  return valueKey(a) === valueKey(b)
}

/** Small whole numbers, from 0, for values: equal values get equal numbers. */
export class Interner {
  readonly #primitives = new Map<unknown, number>()
  readonly #structures = new Map<string, number>()
  readonly #values: unknown[] = []

  get size(): number {
    return this.#values.length
  }

  idOf(value: unknown): number {
    const structured = typeof value === 'object' && value !== null
    const map: Map<unknown, number> = structured ? this.#structures : this.#primitives
    const key = structured ? valueKey(value) : value
    let id = map.get(key)
    if (id === undefined) {
      id = this.#values.length
      map.set(key, id)
      this.#values.push(value)
    }
    return id
  }

  valueOf(id: number): unknown {
    return this.#values[id]
  }
}
