import { graphBytes, type ConstraintGraph } from './constraint-graph.ts'
import type { Meter } from './meter.ts'
import { certainOf, prune, type Certain } from './prune.ts'
import { Search } from './search.ts'
import { ranksOf } from './topological-order.ts'

export interface GraphStats {
  choices: number
  /** Choices that pruning left open. */
  openChoices: number
  rounds: number
  decisions: number
  conflicts: number
  restarts: number
}

export type GraphResult =
  /** Each edge, known or of a literal in `literals`, leads to a higher rank. */
  | { readonly kind: 'acyclic'; readonly rank: Int32Array }
  /** `touched[node]` is 1 for nodes that a proof was found with; `undefined`: for any of them. */
  | {
      readonly kind: 'cyclic'
      readonly certain: Certain
      readonly touched?: Uint8Array | undefined
      readonly choice?: number | undefined
    }
  | { readonly kind: 'unknown' }

/** Can all choices be made without a cycle? Prunes first; searches what that leaves open. */
export function solveGraph(graph: ConstraintGraph, meter: Meter, stats: GraphStats): GraphResult {
  // Beside the graph: the certain edges twice, adjacency, and the tables of the search.
  const bytes = 3 * graphBytes(graph) + 64 * graph.choices + 48 * graph.nodes
  if (!meter.take(bytes)) return { kind: 'unknown' }
  const certain = certainOf(graph)
  const pruned = prune(graph, certain, meter)
  stats.choices = graph.choices
  stats.openChoices = certain.openChoices
  stats.rounds = certain.rounds
  if (pruned.kind === 'spent') return { kind: 'unknown' }
  if (pruned.kind === 'contradiction') return { kind: 'cyclic', certain, choice: pruned.choice }
  const order = pruned.order
  if (certain.openChoices === 0) {
    meter.release(bytes)
    return { kind: 'acyclic', rank: ranksOf(order) }
  }
  const search = new Search(graph, certain, ranksOf(order), meter)
  const result = search.run()
  stats.decisions += search.decisions
  stats.conflicts += search.conflicts
  stats.restarts += search.restarts
  if (result.kind === 'spent') return { kind: 'unknown' }
  meter.release(bytes)
  if (result.kind === 'none') return { kind: 'cyclic', certain, touched: result.touched }
  return { kind: 'acyclic', rank: result.rank }
}
