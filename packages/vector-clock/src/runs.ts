// Sets of whole numbers as flat lists `[from, to, from, to, …]`: ascending, both ends included, and
// with at least one number between two runs, so that each set has exactly one list.

/** Where the first run starts that ends at or after `value`; the length of the list if there is none. */
export function find(list: readonly number[], value: number): number {
  let low = 0
  let high = list.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (value > (list[middle * 2 + 1] as number)) low = middle + 1
    else high = middle
  }
  return low * 2
}

/** True if one of the runs holds all from `from` to `to`. */
export function contains(list: readonly number[], from: number, to: number): boolean {
  const at = find(list, from)
  return (list[at] as number) <= from && (list[at + 1] as number) >= to
}

/** Puts a run into the list: cheap for a few runs in a long list, where {@link union} copies all. */
export function insert(list: number[], from: number, to: number): void {
  const start = find(list, from - 1)
  let end = start
  let low = from
  let high = to
  for (; end < list.length && (list[end] as number) <= to + 1; end += 2) {
    low = Math.min(low, list[end] as number)
    high = Math.max(high, list[end + 1] as number)
  }
  list.splice(start, end - start, low, high)
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
