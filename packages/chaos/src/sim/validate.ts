/** @throws RangeError unless `value` is a whole number from `least`. */
export function requireCount(action: string, name: string, value: number, least = 0): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`Cannot ${action}: ${name} must be a whole number from ${least}, got ${value}`)
}

/** @throws RangeError unless `value` is a finite number from `least`. */
export function requireRange(action: string, name: string, value: number, least = 0): void {
  if (!Number.isFinite(value) || value < least)
    throw new RangeError(`Cannot ${action}: ${name} must be a finite number from ${least}, got ${value}`)
}
