import type { KeyValues } from './types.ts'

/**
 * The key columns of an object, and nothing else.
 *
 * @throws TypeError if one has no value.
 */
export function keyValuesOf(action: string, label: string, key: readonly string[], of: object): KeyValues {
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
