import type { Random } from '@quorate/core'

/** From, to: both included. */
export type Range = readonly [low: number, high: number]

/** A whole number of the range. */
export function integerIn([low, high]: Range, random: Random): number {
  return Math.max(low, Math.min(high, Math.round(low + random() * (high - low))))
}

/** @param items at least one. */
export function pickOne<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)] as T
}

/** Fisher and Yates. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const moved = order[last] as T
    order[last] = order[other] as T
    order[other] = moved
  }
  return order
}

/** @throws RangeError unless both are finite, at least `least`, and in order. */
export function validateRange(name: string, range: Range, least: number = -Infinity): void {
  const [low, high] = Array.isArray(range) ? (range as Range) : [Number.NaN, Number.NaN]
  if (Number.isFinite(low) && Number.isFinite(high) && low <= high && low >= least) return
  const bound = least === -Infinity ? '' : ` from ${least}`
  throw new RangeError(
    `Cannot plan faults: ${name} must be two finite numbers${bound}, the lower first, got ${String(range)}`,
  )
}
