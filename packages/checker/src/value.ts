/**
 * A text that two values share exactly if they are equal by structure; order of object keys does not count.
 * Values are what JSON or EDN can hold, and `Date`, `Map` and `Set`; an object without fields counts by `String(value)`.
 */
export function valueKey(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null)
    return typeof value === 'bigint' ? `${value}n` : String(value)
  if (Array.isArray(value)) return `[${value.map(valueKey).join(',')}]`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof Set) return `Set{${Array.from(value, valueKey).toSorted().join(',')}}`
  if (value instanceof Map)
    return `Map{${Array.from(value, ([key, field]) => `${valueKey(key)}:${valueKey(field)}`)
      .toSorted()
      .join(',')}}`
  const entries = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${valueKey(field)}`)
  const other: unknown = value
  if (entries.length === 0 && !isPlain(value)) return String(other)
  return `{${entries.toSorted().join(',')}}`
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Is that the text of what hides all it holds, as an object with private fields does? Others may have the same. */
export const isOpaque = (text: string): boolean => text.startsWith('[object ')

/** Equal by structure? */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
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
