/** How many replicas must answer: a number, or a name for one. `QUORUM` is a majority of N. */
export type Level = number | 'ONE' | 'TWO' | 'QUORUM' | 'ALL'

/**
 * The number behind a level.
 *
 * @throws RangeError if it is not a whole number from 1 to `n`.
 */
export function levelCount(name: string, level: Level, n: number, or = ''): number {
  const count = typeof level === 'number' ? level : NAMED[level]?.(n)
  if (count !== undefined && Number.isInteger(count) && count >= 1 && count <= n) return count
  throw new RangeError(
    `${name} must be ONE, TWO, QUORUM, ALL${or} or a whole number from 1 to n = ${n}, got ${String(level)}`,
  )
}

const NAMED: Readonly<Record<string, (n: number) => number>> = {
  ONE: () => 1,
  TWO: () => 2,
  QUORUM: (n) => Math.floor(n / 2) + 1,
  ALL: (n) => n,
}
