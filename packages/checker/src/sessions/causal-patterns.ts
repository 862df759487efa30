import { walkCausally } from './causal-order.ts'
import { findConflictCycle } from './conflict-cycle.ts'
import type { Meter } from './meter.ts'
import { FROM_INITIAL, FROM_NOTHING, type View } from './view.ts'
import type { Writers } from './writers.ts'

/** What breaks causal consistency, after Bouajjani, Enea, Guerraoui and Hamza, POPL 2017, section 3. */
export interface CausalPatterns {
  /** CyclicCO: transactions that come before themselves, or after such ones. Then nothing else is judged. */
  readonly cyclic: readonly number[]
  /** WriteCOInitRead: reads of the initial state by one that knew of a write. */
  readonly initialReads: StaleReads
  /** WriteCORead: reads by one that knew of a write which knew of the write that was read. */
  readonly staleReads: StaleReads
  /** CyclicCF: writers that would have to come before each other, if there were one order of versions for all. */
  readonly conflictCycle: ConflictCycle | undefined
}

export interface StaleReads {
  readonly count: number
  /** The first of them: the event that read, and the transaction whose write it should have seen. */
  readonly first: readonly (readonly [read: number, missed: number])[]
}

/** `transactions[i]` is before `transactions[i + 1]`: by causality if `reads[i]` is -1, else because of that event, which read the latter. */
export interface ConflictCycle {
  readonly transactions: readonly number[]
  readonly reads: readonly number[]
}

interface PatternOptions {
  /** Look for CyclicCF. */
  readonly convergent: boolean
  readonly maxViolations: number
}

/**
 * Each read is compared, per chain, with the latest write of its key that it knew of: an older one adds nothing.
 * The `convergent` part keeps the conflicts as a second vector clock per writer, in place of a list of edges:
 * n·k numbers, whatever the number of conflicts (the idea of AWDIT, PLDI 2025).
 */
export function findCausalPatterns(
  view: View,
  writers: Writers,
  meter: Meter,
  { convergent, maxViolations }: PatternOptions,
): CausalPatterns {
  const { chainCount: width, chain, from, transactions } = view
  const { eventStart, eventKey } = transactions
  const { row, chainRow, keyGroup, groupChain, groupStart, place, transaction } = writers
  const initialReads = { count: 0, first: [] as [number, number][] }
  const staleReads = { count: 0, first: [] as [number, number][] }
  const note = (reads: typeof staleReads, event: number, missed: number): void => {
    if (reads.count++ < maxViolations) reads.first.push([event, missed])
  }
  meter.reserve(groupChain.length * 4)
  const hint = groupStart.slice(0, groupChain.length)

  const walk = (conflicts: Int32Array | undefined, reasons: Int32Array | undefined) =>
    walkCausally(view, writers, meter, (t, known, clock) => {
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++) {
        const source = from[event]!
        if (source === FROM_NOTHING) continue
        const key = eventKey[event]!
        const sourceRow = source < 0 ? -1 : row[source]!
        const sourceChain = source < 0 ? -1 : chain[source]!
        const sourcePlace = source < 0 ? 0 : sourceRow - chainRow[sourceChain]! + 1
        for (let group = keyGroup[key]!; group < keyGroup[key + 1]!; group++) {
          const other = groupChain[group]!
          const bound = known[clock + other]!
          if (bound === 0) continue
          const latest = latestPlace(place, groupStart[group]!, groupStart[group + 1]!, hint, group, bound)
          if (latest === 0) continue
          const writerRow = chainRow[other]! + latest - 1
          if (source === FROM_INITIAL) {
            note(initialReads, event, transaction[writerRow]!)
            break
          }
          // The usual case: what it knew of is what it read, or older than that.
          if (latest <= known[sourceRow * width + other]!) continue
          if (known[writerRow * width + sourceChain]! >= sourcePlace) {
            note(staleReads, event, transaction[writerRow]!)
            break
          }
          if (conflicts === undefined || conflicts[sourceRow * width + other]! >= latest) continue
          conflicts[sourceRow * width + other] = latest
          if (reasons !== undefined) reasons[sourceRow * width + other] = event
        }
      }
    })

  if (convergent) meter.reserve(writers.count * width * 4)
  const conflicts = convergent ? new Int32Array(writers.count * width) : undefined
  const { clocks, stuck } = walk(conflicts, undefined)
  const patterns = { cyclic: stuck, initialReads, staleReads, conflictCycle: undefined }
  if (stuck.length + initialReads.count + staleReads.count > 0 || conflicts === undefined) return patterns
  const cycle = findConflictCycle(writers, { width, clocks, conflicts }, meter)
  if (cycle === undefined) return patterns

  // Once more, now with the reads that made the conflicts.
  const reasons = new Int32Array(writers.count * width).fill(-1)
  walk(conflicts.fill(0), reasons)
  const reads = cycle.map((before, index) => {
    const after = cycle[(index + 1) % cycle.length]!
    const entry = after * width + chain[transaction[before]!]!
    const placeBefore = before - chainRow[chain[transaction[before]!]!]! + 1
    return clocks[entry]! >= placeBefore ? -1 : reasons[entry]!
  })
  return { ...patterns, conflictCycle: { transactions: cycle.map((at) => transaction[at]!), reads } }
}

/** The last of `place[start … end - 1]` that is not above `bound`; 0 if there is none. Starts at where it was last time. */
function latestPlace(
  place: Int32Array,
  start: number,
  end: number,
  hint: Int32Array,
  group: number,
  bound: number,
): number {
  let low = start
  let high = end // the first above `bound` is in low … high
  const at = hint[group]!
  if (place[at]! <= bound) {
    low = at + 1
    for (let step = 1; low < end; step *= 2) {
      const probe = Math.min(low + step - 1, end - 1)
      if (place[probe]! > bound) {
        high = probe
        break
      }
      low = probe + 1
    }
  } else {
    high = at
    for (let step = 1; high > start; step *= 2) {
      const probe = Math.max(high - step, start)
      if (place[probe]! <= bound) {
        low = probe + 1
        break
      }
      high = probe
    }
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if (place[middle]! <= bound) low = middle + 1
    else high = middle
  }
  hint[group] = low > start ? low - 1 : start
  return low > start ? place[low - 1]! : 0
}
