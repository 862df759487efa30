/** Puts spans, in order of `from`, into as few rows as it takes that none touch: the first free row for each. */
export function packRows(spans: ReadonlyArray<readonly [from: number, to: number]>): {
  rows: number[]
  count: number
} {
  const ends: number[] = []
  const rows = spans.map(([from, to]) => {
    const free = ends.findIndex((end) => end <= from)
    const row = free < 0 ? ends.length : free
    ends[row] = to
    return row
  })
  return { rows, count: ends.length }
}
