/** The arithmetic of the benches; no clock, no I/O. */

/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/**
 * Linear interpolation between closest ranks (Hyndman, Fan 1996, type 7), as in NumPy and R.
 *
 * @param percent 0 (smallest) to 100 (largest).
 * @throws RangeError for no values or a percent outside 0 to 100.
 */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) throw new RangeError('Cannot take a percentile: there are no values')
  if (!(percent >= 0 && percent <= 100)) {
    throw new RangeError(`Cannot take a percentile: percent must be from 0 to 100, got ${percent}`)
  }
  const sorted = Float64Array.from(values).toSorted()
  const rank = ((sorted.length - 1) * percent) / 100
  const below = sorted[Math.floor(rank)] ?? Number.NaN
  const above = sorted[Math.ceil(rank)] ?? Number.NaN
  // Equal neighbours first: Infinity - Infinity is not a number.
  return below === above ? below : below + (above - below) * (rank - Math.floor(rank))
}

/** Half the distance between the smallest and the largest value, as a share of the median. */
export function spread(values: readonly number[]): number {
  const middle = median(values)
  return middle === 0 ? 0 : (percentile(values, 100) - percentile(values, 0)) / 2 / Math.abs(middle)
}
