/** A monotone map from times to px, known at `times` and straight between them. */
export interface Scale {
  /** Rising, each once. */
  readonly times: readonly number[]
  /** Px of each. */
  readonly xs: readonly number[]
  /** Stretches that were cut short: from which time to which. */
  readonly cuts: ReadonlyArray<readonly [from: number, to: number]>
}

/** Between these two times there must be room for so many px. */
export interface Demand {
  readonly from: number
  readonly to: number
  readonly px: number
}

const GAP = 4

/** Rising, each once. */
export function distinct(times: readonly number[]): number[] {
  return [...new Set(times)].toSorted((a, b) => a - b)
}

/**
 * The narrowest scale on which every event has a place of its own and every demand is met: from left to right,
 * each as far left as the ones before it allow. How long anything took does not count.
 */
export function orderScale(times: readonly number[], demands: readonly Demand[]): Scale {
  const at = new Map(times.map((time, place) => [time, place]))
  const ending: Demand[][] = times.map(() => [])
  for (const demand of demands) ending[at.get(demand.to) ?? -1]?.push(demand)
  const xs: number[] = []
  for (const [place, here] of ending.entries()) {
    let x = place === 0 ? 0 : (xs[place - 1] ?? 0) + GAP
    for (const { from, px } of here) x = Math.max(x, (xs[at.get(from) ?? -1] ?? 0) + px)
    xs.push(x)
  }
  return { times, xs, cuts: [] }
}

/** A stretch without an event that is this many times longer than nine of ten others is cut short. */
const LONG = 4

/** Proportional to the times, but for long stretches in which nothing begins or ends. */
export function timeScale(times: readonly number[], width: number): Scale {
  const gaps = times.slice(1).map((time, place) => time - (times[place] ?? 0))
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length * 0.9)] ?? 0
  const most = usual * LONG
  const total = gaps.reduce((sum, gap) => sum + Math.min(gap, most), 0)
  const cuts: Array<[number, number]> = []
  const xs = [0]
  for (const [place, gap] of gaps.entries()) {
    if (gap > most) cuts.push([times[place] ?? 0, times[place + 1] ?? 0])
    xs.push((xs[place] ?? 0) + (total === 0 ? 0 : (Math.min(gap, most) / total) * width))
  }
  return { times, xs: xs.slice(0, times.length), cuts }
}

/** Where a time is; before the first and after the last there is nothing. */
export function xOf({ times, xs }: Scale, time: number): number {
  const after = placeOf(times, time)
  const left = xs[after - 1] ?? 0
  if (times[after] === undefined || after === 0) return xs[after] ?? left
  if (times[after] === time) return xs[after] ?? 0
  const from = times[after - 1] ?? 0
  return left + ((time - from) / (times[after] - from)) * ((xs[after] ?? 0) - left)
}

/** The first place whose time is not before this one. */
export function placeOf(times: readonly number[], time: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < time) low = middle + 1
    else high = middle
  }
  return low
}
