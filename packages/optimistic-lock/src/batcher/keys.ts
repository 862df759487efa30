import { keyValuesOf } from '../key-values.ts'
import type { KeyValues } from '../types.ts'

/**
 * The name of a row's lane: the same for keys that the driver sends as the same text, different for all others. Which
 * of those are equal, only the database knows.
 *
 * @throws TypeError for a value that is no text, number, boolean, `Date` or bytes.
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
    if (value instanceof Date) values[column] = new Date(value)
    else values[column] = value instanceof Uint8Array ? value.slice() : value
  }
  return values
}

function nameOf(action: string, table: string, column: string, row: object): string {
  const value: unknown = (row as KeyValues | undefined)?.[column]
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  // No text of Postgres holds a NUL, so these are nobody else's.
  if (value instanceof Date && !Number.isNaN(value.getTime())) return `\0t${value.getTime()}`
  if (value instanceof Uint8Array) return `\0b${value.join()}`
  const found = value === null || value === undefined ? String(value) : `an ${typeof value}`
  throw new TypeError(
    `Cannot ${action} a row of ${table}: key column ${column} must have a value that is a string, number, bigint, ` +
      `boolean, Date or bytes, got ${found}`,
  )
}
