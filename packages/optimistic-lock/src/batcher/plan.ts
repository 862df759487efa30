// What a batch means, without a database: each request is judged on what those before it left, as if it had come
// alone. The SQL of `statements.ts` folds the same way, under the row's lock.

/** What one statement must know of the requests for one row, besides the requests themselves. */
export interface Summary {
  /** Sum of all. */
  readonly total: number
  /** Lowest sum of a beginning, at most 0: if the bound allows it, all are granted. */
  readonly lowest: number
  /** If all go down, the smallest of them, below 0: if the bound forbids it, none is granted. Else `undefined`. */
  readonly easiest: number | undefined
}

/** @param deltas signed whole numbers, in the order they came. */
export function summarize(deltas: readonly number[]): Summary {
  let total = 0
  let lowest = 0
  let easiest: number | undefined = -Infinity
  for (const delta of deltas) {
    total += delta
    if (total < lowest) lowest = total
    if (delta >= 0) easiest = undefined
    else if (easiest !== undefined && delta > easiest) easiest = delta
  }
  return { total, lowest, easiest: easiest === -Infinity ? undefined : easiest }
}

/** What became of the requests for one row. */
export interface Fold {
  /** For each request what it left, or `undefined`: refused. */
  readonly lefts: readonly (number | undefined)[]
  readonly after: number
  readonly granted: number
}

/** The rule of the whole package: what goes down must stay at or above `min`; what goes up is granted. */
export function fold(before: number, deltas: readonly number[], min: number): Fold {
  let after = before
  let granted = 0
  const lefts = deltas.map((delta) => {
    if (delta < 0 && after + delta < min) return undefined
    granted++
    return (after += delta)
  })
  return { lefts, after, granted }
}
