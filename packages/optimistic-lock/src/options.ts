import type { MutateOptions } from './types.ts'

const OPTIONS = 'table, key, version, onEvent, clock, random'

/**
 * Checks what the types cannot when they are not asked (JavaScript, a cast); `table` is the adapter's.
 *
 * @throws TypeError for an option that is missing, of the wrong type or unknown.
 */
export function checkRepositoryOptions(options: { readonly key: unknown; readonly version: unknown }): void {
  const { key, version } = options
  const unknown = Object.keys(options).find((name) => !OPTIONS.split(', ').includes(name))
  if (unknown !== undefined) refuse(`there is no option ${unknown}; known: ${OPTIONS}`)
  if (!Array.isArray(key) || key.some((column) => typeof column !== 'string')) {
    refuse(`key must be an array of column names such as ['id'], got ${show(key)}`)
  }
  if (typeof version !== 'string') refuse(`version must name an integer column, got ${show(version)}`)
}

/** Numbers that came as text, from the environment for example. */
export function checkMutateOptions(options: MutateOptions): void {
  for (const name of ['deadlineMs', 'maxAttempts', 'baseMs', 'maxMs'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'number') {
      throw new TypeError(`Cannot mutate: ${name} must be a number, got ${show(value)}`)
    }
  }
}

/** @throws TypeError always. */
export function refuse(why: string): never {
  throw new TypeError(`Cannot make a repository: ${why}`)
}

/** A wrong value for a message. */
export function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : typeof value
}
