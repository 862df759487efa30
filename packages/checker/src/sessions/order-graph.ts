import { EdgeColumns, IntGraph } from './int-graph.ts'
import type { Meter } from './meter.ts'
import type { VersionEdges } from './version-edges.ts'
import type { View } from './view.ts'

/** Why one transaction is before another. */
export interface Step {
  readonly before: number
  readonly after: number
  readonly why: 'process' | 'wr' | 'ww'
  /** `wr`: the event that read. `ww`: the event for whose sake `before` is before `after`. */
  readonly event: number
}

/**
 * One cycle per group of transactions that come before each other by sessions, reads and `versions`. Edges to
 * the initial state are not of cycles and are left out.
 */
export function findCycles(
  view: View,
  versions: VersionEdges | undefined,
  meter: Meter,
  maxCycles: number,
): { readonly count: number; readonly cycles: readonly (readonly Step[])[] } {
  const { chainCount, chainStart, chainTransactions, parent, from, transactions } = view
  const edges = new EdgeColumns(meter)
  const events = from.length
  for (let c = 0; c < chainCount; c++) {
    if (parent[c]! >= 0) edges.add(parent[c]!, chainTransactions[chainStart[c]!]!, -1)
    for (let i = chainStart[c]! + 1; i < chainStart[c + 1]!; i++)
      edges.add(chainTransactions[i - 1]!, chainTransactions[i]!, -1)
  }
  for (let event = 0; event < events; event++)
    if (from[event]! >= 0) edges.add(from[event]!, transactions.eventTransaction[event]!, event)
  if (versions !== undefined)
    for (let i = 0; i < versions.count; i++)
      if (versions.after[i]! >= 0)
        edges.add(versions.before[i]!, versions.after[i]!, events + versions.read[i]!)

  const { count, cycles } = new IntGraph(transactions.size, edges, meter).cycles(maxCycles)
  const step = (edge: number): Step => {
    const label = edges.label[edge]!
    const why = label < 0 ? 'process' : label < events ? 'wr' : 'ww'
    const event = label < events ? label : label - events
    return { before: edges.from[edge]!, after: edges.to[edge]!, why, event }
  }
  return { count, cycles: cycles.map((cycle) => shortenedCycle(view, cycle.map(step))) }
}

/** Steps along one session in one. */
export function shortened(view: View, path: readonly Step[]): Step[] {
  const { session } = view.transactions
  const short: Step[] = []
  for (const step of path) {
    const last = short.at(-1)
    const along = last?.why === 'process' && step.why === 'process'
    if (along && session[last.before] === session[step.after])
      short[short.length - 1] = { ...last, after: step.after }
    else short.push(step)
  }
  return short
}

/** So that a walk along a session is not cut in two where the cycle begins. */
function shortenedCycle(view: View, cycle: readonly Step[]): Step[] {
  const start = cycle.findIndex((step) => step.why !== 'process')
  return start < 0 ? [...cycle] : shortened(view, [...cycle.slice(start), ...cycle.slice(0, start)])
}
