import { keyValuesOf } from '../key-values.ts'
import type { KeyValues } from '../types.ts'

/**
 * The name of a row's lane: the same for keys that the driver sends as the same text, different for all others. Which
 * of those are equal, only the database knows.
 *
 * @throws TypeError for a value that is no text, number, boolean, `Date` or bytes, nor an array of these.
 */
export function laneOf(action: string, table: string, key: readonly string[], row: object): string {
  const [only] = key
  if (key.length === 1 && only !== undefined) return nameOf(action, table, only, row)
  let name = ''
  for (const column of key) {
    const part = nameOf(action, table, column, row)
    name += `${part.length}:${part}`
  }
  return name
}

/** A copy of the key, that stays what it is when the caller changes its own. */
export function copyKey(action: string, table: string, key: readonly string[], row: object): KeyValues {
  const values: Record<string, unknown> = {}
  for (const [column, value] of Object.entries(keyValuesOf(action, table, key, row))) {
    values[column] = copyOf(value)
  }
  return values
}

function nameOf(action: string, table: string, column: string, row: object): string {
  const value: unknown = (row as KeyValues | undefined)?.[column]
  const name = spellingOf(value)
  if (name !== undefined && name !== NULL) return name
  const found = value === null || value === undefined ? String(value) : `an ${typeof value}`
  throw new TypeError(
    `Cannot ${action} a row of ${table}: key column ${column} must have a value that is a string, number, bigint, ` +
      `boolean, Date or bytes, or an array of these, got ${found}`,
  )
}

// No text of Postgres holds a NUL, so what begins with one is nobody else's: a text that does has a lane of its own, where it
// is refused.
const NULL = '\0n'

/** @returns `undefined` for what has none. */
function spellingOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.startsWith('\0') ? `\0s${value}` : value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  if (value === null || value === undefined) return NULL
  if (value instanceof Date && !Number.isNaN(value.getTime())) return `\0t${value.getTime()}`
  if (value instanceof Uint8Array) return `\0b${value.join()}`
  if (!Array.isArray(value)) return undefined
  let name = '\0a'
  for (const element of value) {
    const part = spellingOf(element)
    if (part === undefined) return undefined
    name += `${part.length}:${part}`
  }
  return name
}

function copyOf(value: unknown): unknown {
  if (value instanceof Date) return new Date(value)
  if (value instanceof Uint8Array) return new Uint8Array(value) // the slice() of a Buffer is no copy
  return Array.isArray(value) ? value.map(copyOf) : value
}
