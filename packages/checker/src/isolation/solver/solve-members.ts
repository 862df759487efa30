import type { Meter } from './meter.ts'
import { polygraphOf, type Polygraph } from './polygraph.ts'
import type { Problem } from './problem.ts'
import { solveGraph, type GraphResult, type GraphStats } from './solve-graph.ts'

export interface MembersResult {
  readonly result: GraphResult
  /** `undefined` if the budget did not suffice to build it. */
  readonly polygraph: Polygraph | undefined
}

export const emptyStats = (): GraphStats => ({
  choices: 0,
  openChoices: 0,
  rounds: 0,
  decisions: 0,
  conflicts: 0,
  restarts: 0,
})

/** Do these transactions alone keep the promise? Reads from transactions that are not among them are left out. */
export function solveMembers(
  problem: Problem,
  members: Int32Array,
  meter: Meter,
  stats: GraphStats,
): MembersResult {
  const polygraph = polygraphOf(problem, members, meter)
  if (polygraph === undefined) return { result: { kind: 'unknown' }, polygraph }
  return { result: solveGraph(polygraph.graph, meter, stats), polygraph }
}
