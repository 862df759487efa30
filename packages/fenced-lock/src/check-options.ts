import { checkNames } from '@quorate/core'

/** As text for a message: `''` and `'500'` stay apart from nothing and from 500. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (value === null || typeof value !== 'object') return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}

/**
 * Refuses a misspelt option, and what is no options at all.
 *
 * @throws TypeError for what is no object, or names an option that is not among `known`.
 */
export function checkOptions(action: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`Cannot ${action}: options must be an object, got ${shown(options)}`)
  }
  checkNames(action, options, known)
}

/** @throws TypeError for a number given as anything else, for example as a string from the environment. */
export function checkNumber(action: string, name: string, value: unknown): void {
  if (typeof value === 'number') return
  throw new TypeError(`Cannot ${action}: ${name} must be a number, got ${shown(value)}`)
}

/** Has `value` all of these methods? */
export function hasMethods(value: unknown, names: readonly string[]): boolean {
  const methods = value as Record<string, unknown> | null | undefined
  return names.every((name) => typeof methods?.[name] === 'function')
}
