import { requireColumns } from './options.ts'
import type { KeyValues } from './types.ts'

/**
 * The key columns of an object, and nothing else.
 *
 * @throws TypeError if one has no value, or if there is no object.
 */
export function keyValuesOf(action: string, label: string, key: readonly string[], of: object): KeyValues {
  if (typeof of !== 'object' || of === null || 'then' in of) requireRow(action, label, key, of)
  const values: Record<string, unknown> = {}
  for (const column of key) {
    const value = (of as KeyValues)[column]
    if (value === undefined || value === null) {
      throw new TypeError(
        `Cannot ${action} a row of ${label}: key column ${column} must have a value, got ${value}`,
      )
    }
    values[column] = value
  }
  return values
}

/** Most often what `get()` gave for a row that is not there, or a promise of it. */
function requireRow(action: string, label: string, key: readonly string[], of: unknown): void {
  const what = `{ ${key.map((column) => `${column}: …`).join(', ')} }`
  if (of === undefined || of === null) {
    throw new TypeError(
      `Cannot ${action} a row of ${label}: it must be an object with ${what}, got ${of}; did get() find no row?`,
    )
  }
  requireColumns(`${action} a row of ${label}`, `it must be an object with ${what}`, of)
}
