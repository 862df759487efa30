import { kindOf, READ_WRITE } from './labels.ts'
import { lightestCycle, type Edges, type MemberEdge } from './lightest-cycle.ts'
import type { Meter } from './meter.ts'
import type { Polygraph } from './polygraph.ts'

/** All ways to make the choices are looked at up to so many choices. */
const MAX_CHOICES = 8

export interface BestCycle {
  readonly edges: readonly MemberEdge[]
  /** Literals of which the other side closes a cycle with known edges alone. */
  readonly forced: ReadonlySet<number>
}

/**
 * A cycle that tells what is wrong with a few members that contradict each other. Each way to order the versions has a worst
 * cycle; told is that of the way that is least bad, so that a lost update is not called a dirty read only because somebody
 * might order the versions that way. `undefined` if there is a way
 * without a cycle, or the budget is spent.
 */
export function cycleOf(polygraph: Polygraph, meter: Meter): BestCycle | undefined {
  const { graph } = polygraph
  const known = knownEdges(polygraph)
  if (graph.choices === 0) return found(polygraph, [], known)
  const forced = new Set<number>()
  for (let literal = 0; literal < graph.choices * 2 && !meter.isSpent(); literal++)
    if (lightestCycle(polygraph, graph.nodes, withSides(polygraph, known, [literal ^ 1])) !== undefined)
      forced.add(literal)
  const open: number[] = []
  const sides: number[] = []
  for (let literal = 0; literal < graph.choices * 2; literal += 2) {
    const first = forced.has(literal)
    const second = forced.has(literal + 1)
    if (first === second) open.push(literal)
    else sides.push(first ? literal : literal + 1)
  }
  // The known and forced edges may suffice; else the ways to make what is open, the first ones of too many.
  const certain = found(polygraph, sides, known)
  if (certain !== undefined) return { ...certain, forced }
  const varied = Math.min(open.length, MAX_CHOICES)
  let best: BestCycle | undefined
  for (let way = 0; way < 2 ** varied && !meter.isSpent(); way++) {
    const chosen = open.map((literal, i) => literal + (i < varied ? (way >> i) & 1 : 0))
    const cycle = found(polygraph, [...sides, ...chosen], known)
    if (cycle === undefined) return undefined
    if (best === undefined || weight(cycle.edges) > weight(best.edges)) best = { ...cycle, forced }
  }
  return best
}

function found(polygraph: Polygraph, sides: readonly number[], known: Edges): BestCycle | undefined {
  const edges = lightestCycle(polygraph, polygraph.graph.nodes, withSides(polygraph, known, sides))
  return edges === undefined ? undefined : { edges, forced: new Set() }
}

/** More read-write edges: less bad. As bad, but without guesses: easier to believe. */
function weight(cycle: readonly MemberEdge[]): number {
  const rw = cycle.filter((edge) => kindOf(edge.label) === READ_WRITE).length
  const guesses = cycle.filter((edge) => edge.literal !== -1).length
  return rw * 10_000 + cycle.length * 100 - guesses
}

function knownEdges({ graph }: Polygraph): Edges {
  return {
    from: [...graph.from],
    to: [...graph.to],
    label: [...graph.label],
    literal: Array.from(graph.from, () => -1),
  }
}

function withSides({ graph }: Polygraph, known: Edges, sides: readonly number[]): Edges {
  const from = [...known.from]
  const to = [...known.to]
  const label = [...known.label]
  const literal = [...known.literal]
  for (const side of sides)
    for (let i = graph.sideStart[side] as number; i < (graph.sideStart[side + 1] as number); i++) {
      from.push(graph.sideFrom[i] as number)
      to.push(graph.sideTo[i] as number)
      label.push(graph.sideLabel[i] as number)
      literal.push(side)
    }
  return { from, to, label, literal }
}
