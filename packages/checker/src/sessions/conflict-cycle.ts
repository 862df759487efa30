import type { Meter } from './meter.ts'
import type { Writers } from './writers.ts'

/**
 * What must come before each writer (a row): by causality `clocks`, by conflict `conflicts`; per chain, how many
 * of its first writers.
 */
interface Before {
  readonly width: number
  readonly clocks: Int32Array
  readonly conflicts: Int32Array
}

/** @returns Rows, each before the next and the last before the first; `undefined` if there is an order for all. */
export function findConflictCycle(
  writers: Writers,
  { width, clocks, conflicts }: Before,
  meter: Meter,
): readonly number[] | undefined {
  const { chainRow } = writers
  const chainOf = (row: number): number => {
    let low = 0
    let high = width - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (chainRow[middle]! <= row) low = middle
      else high = middle - 1
    }
    return low
  }
  const done = new Int32Array(width) // per chain: how many of its writers are placed
  const blockedOn = new Int32Array(width).fill(-1)
  const bound = new Int32Array(width)
  const column = new Int32Array(width) // where the look at the next writer of a chain stopped
  const waiting: number[][] = Array.from({ length: width }, () => [])
  const runnable = Array.from({ length: width }, (_, chain) => chain)
  for (let chain = runnable.pop(); chain !== undefined; chain = runnable.pop()) {
    const count = chainRow[chain + 1]! - chainRow[chain]!
    const doneBefore = done[chain]!
    blockedOn[chain] = -1
    advance: while (done[chain]! < count) {
      meter.step()
      const at = (chainRow[chain]! + done[chain]!) * width
      for (let other = column[chain]!; other < width; other++) {
        const needed =
          other === chain ? conflicts[at + other]! : Math.max(clocks[at + other]!, conflicts[at + other]!)
        if (needed <= done[other]!) continue
        column[chain] = other
        blockedOn[chain] = other
        bound[chain] = needed
        if (other !== chain) waiting[other]!.push(chain)
        break advance
      }
      column[chain] = 0
      done[chain]!++
    }
    if (done[chain] === doneBefore) continue
    const still: number[] = []
    for (const other of waiting[chain]!)
      if (bound[other]! <= done[chain]!) runnable.push(other)
      else still.push(other)
    waiting[chain] = still
  }

  // A chain that is stuck waits for one that is stuck: following that comes round.
  let stuck = blockedOn.findIndex((other) => other >= 0)
  if (stuck < 0) return undefined
  const seen = new Set<number>()
  while (!seen.has(stuck)) {
    seen.add(stuck)
    stuck = blockedOn[stuck]!
  }
  const onCycle: number[] = []
  for (let chain = stuck; onCycle.length === 0 || chain !== stuck; chain = blockedOn[chain]!)
    onCycle.push(chain)

  let best: number[] | undefined
  for (const chain of onCycle.slice(0, 16)) {
    const cycle = shortestThrough(chainRow[chain]! + done[chain]!, chain)
    if (best === undefined || cycle.length < best.length) best = cycle
  }
  return best

  /** Breadth first, backwards, from a row to itself. */
  function shortestThrough(target: number, chain: number): number[] {
    const after = new Map<number, number>() // row → the row that it is before
    let frontier = [target]
    while (frontier.length > 0) {
      const next: number[] = []
      for (const row of frontier) {
        const own = chainOf(row)
        meter.step()
        for (let other = 0; other < width; other++) {
          const causal = other === own ? row - chainRow[own]! : clocks[row * width + other]!
          const needed = Math.max(causal, conflicts[row * width + other]!)
          if (needed === 0) continue
          const before = chainRow[other]! + needed - 1
          // `before` or something it follows in its chain is the target.
          if (other === chain && before >= target) {
            const cycle = before === target ? [target] : [target, before]
            for (let at = row; at !== target; at = after.get(at)!) cycle.push(at)
            return cycle
          }
          if (before === target || after.has(before)) continue
          after.set(before, row)
          next.push(before)
        }
      }
      frontier = next
    }
    return [target]
  }
}
