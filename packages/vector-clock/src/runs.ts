// Sets of whole numbers as flat lists `[from, to, from, to, …]`: ascending, both ends included, and
// with at least one number between two runs, so that each set has exactly one list.

/** True if `value` lies in one of the runs. Binary search, with the common single run first. */
export function contains(list: readonly number[], value: number): boolean {
  if (value <= (list[1] as number)) return value >= (list[0] as number)
  let low = 1
  let high = list.length / 2 - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    if (value < (list[middle * 2] as number)) high = middle - 1
    else if (value > (list[middle * 2 + 1] as number)) low = middle + 1
    else return true
  }
  return false
}

/** The numbers of both lists, in time linear in their lengths. */
export function union(a: readonly number[], b: readonly number[]): number[] {
  const out: number[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const fromA = j >= b.length || (i < a.length && (a[i] as number) <= (b[j] as number))
    const from = (fromA ? a[i] : b[j]) as number
    const to = (fromA ? a[i + 1] : b[j + 1]) as number
    if (fromA) i += 2
    else j += 2
    const last = out.length - 1
    if (last > 0 && from <= (out[last] as number) + 1) out[last] = Math.max(out[last] as number, to)
    else out.push(from, to)
  }
  return out
}
