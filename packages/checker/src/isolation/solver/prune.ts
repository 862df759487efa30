import type { ConstraintGraph } from './constraint-graph.ts'
import { IntList } from './int-list.ts'
import type { Meter } from './meter.ts'
import { outlook } from './reachability.ts'

/** What is certain so far: the known edges, and those of choices of which only one side is left. */
export interface Certain {
  readonly from: IntList
  readonly to: IntList
  /** The literal that brought an edge, or -1. */
  readonly literal: IntList
  /** Round in which a literal was taken, from 1; 0: it was not. A literal follows from the edges of earlier rounds. */
  readonly round: Int32Array
  readonly taken: Uint8Array
  rounds: number
  openChoices: number
}

export function certainOf(graph: ConstraintGraph): Certain {
  const from = new IntList(graph.from.length + 64)
  const to = new IntList(graph.from.length + 64)
  const literal = new IntList(graph.from.length + 64)
  for (let i = 0; i < graph.from.length; i++) {
    from.push(graph.from[i] as number)
    to.push(graph.to[i] as number)
    literal.push(-1)
  }
  return {
    from,
    to,
    literal,
    round: new Int32Array(graph.choices * 2),
    taken: new Uint8Array(graph.choices * 2),
    rounds: 0,
    openChoices: graph.choices,
  }
}

/** Makes the edges of a literal certain. */
export function take(graph: ConstraintGraph, certain: Certain, literal: number): void {
  certain.taken[literal] = 1
  certain.round[literal] = certain.rounds
  certain.openChoices--
  const end = graph.sideStart[literal + 1] as number
  for (let i = graph.sideStart[literal] as number; i < end; i++) {
    certain.from.push(graph.sideFrom[i] as number)
    certain.to.push(graph.sideTo[i] as number)
    certain.literal.push(literal)
  }
}

export type PruneResult =
  /** Nothing more follows; `order` is a topological order of what is certain. */
  | { readonly kind: 'open'; readonly order: Int32Array }
  /** Neither side of `choice` is possible, or (`undefined`) what is certain has a cycle. */
  | { readonly kind: 'contradiction'; readonly choice: number | undefined }
  | { readonly kind: 'spent' }

/**
 * Takes the other side of each choice of which one side would close a cycle, again and again until nothing follows any
 * more (Tan et al., OSDI 2020, "Cobra", section 4; Huang et al., VLDB 2023, "PolySI", section 4.3).
 */
export function prune(graph: ConstraintGraph, certain: Certain, meter: Meter): PruneResult {
  for (;;) {
    const look = outlook(graph, certain.taken, certain.from, certain.to, meter)
    if (look.kind === 'cyclic') return { kind: 'contradiction', choice: undefined }
    if (look.kind === 'spent' || meter.isSpent()) return { kind: 'spent' }
    certain.rounds++
    let found = 0
    for (let choice = 0; choice < graph.choices; choice++) {
      const literal = choice * 2
      if (certain.taken[literal] === 1 || certain.taken[literal + 1] === 1) continue
      const first = look.infeasible[literal] === 1
      const second = look.infeasible[literal + 1] === 1
      if (first && second) return { kind: 'contradiction', choice }
      if (!first && !second) continue
      take(graph, certain, first ? literal + 1 : literal)
      found++
    }
    if (found === 0) return { kind: 'open', order: look.order }
  }
}
