import { excerpt } from './source.ts'

/** More digits than any key, value or time has; turning them into a number takes longer than linear time. */
const MAX_DIGITS = 100

/** A whole number, exactly: a `bigint` where a `number` would round. */
export function integerOf(digits: string, fail: (reason: string) => never): number | bigint {
  const value = Number(digits)
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
  if (digits.length > MAX_DIGITS) fail(`a number out of range: ${excerpt(digits)}`)
  return BigInt(digits.startsWith('+') ? digits.slice(1) : digits)
}
