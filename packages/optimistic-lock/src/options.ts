import { checkNames } from '@quorate/core'
import type { CallOptions, MutateOptions } from './types.ts'

const REPOSITORY_OPTIONS = ['table', 'key', 'version', 'onEvent', 'clock', 'random']
const MUTATE_NUMBERS = ['deadlineMs', 'maxAttempts', 'baseMs', 'maxMs'] as const
const MUTATE_OPTIONS: readonly (keyof MutateOptions)[] = ['signal', ...MUTATE_NUMBERS]
const CALL_OPTIONS: readonly (keyof CallOptions)[] = ['signal']
const ADJUST_OPTIONS = ['signal', 'min', 'max']

/**
 * Checks what the types cannot when they are not asked (JavaScript, a cast); `table` is the adapter's.
 *
 * @throws TypeError for an option that is missing, of the wrong type or unknown.
 */
export function checkRepositoryOptions(options: { readonly key: unknown; readonly version: unknown }): void {
  checkNames('make a repository', options, REPOSITORY_OPTIONS)
  const { key, version } = options
  if (!Array.isArray(key) || key.some((column) => typeof column !== 'string')) {
    refuse(`key must be an array of column names such as ['id'], got ${show(key)}`)
  }
  if (typeof version === 'string') return
  const by: unknown =
    typeof version === 'object' && version !== null && 'by' in version ? version.by : undefined
  if (by !== 'xmin' && by !== 'time' && by !== 'values') {
    refuse(
      `version must name an integer column, or be byXmin, byTime(column) or byValues, got ${show(version)}`,
    )
  }
}

/** @throws TypeError for an unknown option, or a number that came as text, from the environment for example. */
export function checkMutateOptions(options: MutateOptions): void {
  checkNames('mutate', options, MUTATE_OPTIONS)
  for (const name of MUTATE_NUMBERS) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'number') {
      throw new TypeError(`Cannot mutate: ${name} must be a number, got ${show(value)}`)
    }
  }
}

/** The signal of a call that takes nothing else. @throws TypeError for an unknown option. */
export function signalOf(method: string, options: CallOptions): AbortSignal | undefined {
  checkNames(method, options, CALL_OPTIONS)
  return options.signal
}

/** A misspelt bound would lift it. @throws TypeError for an unknown option, or a bound without the name of its column. */
export function checkAdjustOptions(
  method: string,
  options: CallOptions & { readonly min?: unknown; readonly max?: unknown },
): void {
  checkNames(method, options, ADJUST_OPTIONS)
  for (const name of ['min', 'max'] as const) {
    if (options[name] === undefined) continue
    requireColumns(method, `${name} must be bounds by column such as { available: 1 }`, options[name])
  }
}

/**
 * What has no columns would pass for an object without any, and be ignored.
 *
 * @throws TypeError unless it is an object and no array.
 */
export function requireColumns(action: string, rule: string, value: unknown): asserts value is object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (!('then' in value && typeof value.then === 'function')) return
    throw new TypeError(`Cannot ${action}: ${rule}, got a promise; await it first`)
  }
  throw new TypeError(`Cannot ${action}: ${rule}, got ${show(value)}`)
}

/** @throws TypeError always. */
export function refuse(why: string): never {
  throw new TypeError(`Cannot make a repository: ${why}`)
}

/** A wrong value for a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return 'an array'
  const isShort = value === null || ['number', 'bigint', 'boolean'].includes(typeof value)
  return isShort ? String(value) : typeof value
}
