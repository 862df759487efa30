/** @throws RangeError that names the action, the value and the rule, unless `value` is finite and 0 or more. */
export function requireFinite(action: string, name: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) {
    throw new RangeError(`Cannot ${action}: ${name} must be a finite number from 0, got ${value}`)
  }
}
