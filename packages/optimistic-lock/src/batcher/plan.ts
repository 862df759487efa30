// What a batch means, without a database: each request is judged on what those before it left, as if it had come
// alone. The SQL of `statements.ts` folds the same way, under the row's lock.

const MAX = Number.MAX_SAFE_INTEGER

/** The sums of a row's requests from the first one on. */
export interface Sums {
  /** Sum of all. */
  readonly total: number
  /** Lowest sum of a beginning, at most 0. */
  readonly lowest: number
  /** Highest sum of a beginning, at least 0. If the bounds allow both, all are granted. */
  readonly highest: number
}

/** What one statement must know of the requests for one row, besides the requests themselves. */
export interface Summary {
  /** `undefined` if one of them is beyond ±(2^53 − 1), so that a number may not be exact. */
  readonly sums: Sums | undefined
  /** If all go down, the smallest of them, below 0: if the bound forbids it, none is granted. Else `undefined`. */
  readonly easiest: number | undefined
}

/** @param deltas signed whole numbers, in the order they came. */
export function summarize(deltas: readonly number[]): Summary {
  let total = 0
  let lowest = 0
  let highest = 0
  let isExact = true
  let easiest = -Infinity
  let isFalling = deltas.length > 0
  for (const delta of deltas) {
    total += delta
    if (total < lowest) lowest = total
    else if (total > highest) highest = total
    if (delta >= 0) isFalling = false
    else if (delta > easiest) easiest = delta
  }
  if (lowest < -MAX || highest > MAX) isExact = false
  return {
    sums: isExact ? { total, lowest, highest } : undefined,
    easiest: isFalling ? easiest : undefined,
  }
}

/**
 * The rule of the whole package: what goes down must stay at or above `min`; what goes up is granted, as long as a
 * number can hold it.
 *
 * @returns what the request leaves, or `undefined`: not granted.
 */
export function grant(units: number, delta: number, min: number): number | undefined {
  const left = units + delta
  return (delta < 0 ? left < min : left > MAX) ? undefined : left
}

/** What became of the requests for one row. */
export interface Fold {
  /** For each request what it left, or `undefined`: not granted. */
  readonly lefts: readonly (number | undefined)[]
  readonly after: number
  readonly granted: number
}

/** Each request in its turn. */
export function fold(before: number, deltas: readonly number[], min: number): Fold {
  let after = before
  let granted = 0
  const lefts = deltas.map((delta) => {
    const left = grant(after, delta, min)
    if (left === undefined) return undefined
    granted++
    return (after = left)
  })
  return { lefts, after, granted }
}
