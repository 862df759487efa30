/**
 * Refuses a misspelt option, which would otherwise mean its default. Cheap enough for every call: no list is built.
 *
 * @param action what cannot be done, as in `retry` or `read`.
 * @param options what was passed; names it inherits are not looked at.
 * @param known every name there is.
 * @param owner whose options they are, if not the action's, as in ` of a replica`.
 * @throws TypeError that names the option, and those that are known; also if what was passed is no object.
 *
 * @example
 * ```ts
 * checkNames('retry', { maxAttemps: 3 }, ['maxAttempts']) // Cannot retry: unknown option maxAttemps; known are maxAttempts
 * ```
 */
export function checkNames(action: string, options: object, known: readonly string[], owner = ''): void {
  const given: unknown = options
  if (typeof given !== 'object' || given === null) {
    throw new TypeError(`Cannot ${action}: options${owner} must be an object, got ${String(given)}`)
  }
  for (const name in options) {
    if (known.includes(name) || !Object.hasOwn(options, name)) continue
    throw new TypeError(`Cannot ${action}: unknown option ${name}${owner}; known are ${known.join(', ')}`)
  }
}

/** @throws RangeError that names the action, the value and the rule, unless `value` is finite and 0 or more. */
export function requireFinite(action: string, name: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) {
    throw new RangeError(`Cannot ${action}: ${name} must be a finite number from 0, got ${value}`)
  }
}
