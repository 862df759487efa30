import { describe, expect, it } from 'vitest'
import { GraphBuilder, type ConstraintGraph } from './constraint-graph.ts'
import { Meter } from './meter.ts'
import { certainOf } from './prune.ts'
import { outlook } from './reachability.ts'
import { oneSeed, randomOf, seedMessage, seeds } from './testing/random.ts'

const FILE = 'packages/checker/src/isolation/solver/reachability.test.ts'

/** `lines` paths through `nodes` nodes, some edges between them, all to higher numbers, and choices. */
function randomGraph(random: (below: number) => number, nodes: number, lines: number): ConstraintGraph {
  const builder = new GraphBuilder(nodes)
  // Two that lead away from the paths come first, so that two nodes want to continue the same path.
  for (let i = 0; i < 2; i++) builder.addEdge(i, nodes / 2 + random(nodes / 2), 0)
  for (let node = lines; node < nodes; node++) builder.addEdge(node - lines, node, 0)
  const helper = builder.addNode()
  builder.addEdge(random(nodes / 2), helper, 0)
  builder.addEdge(helper, nodes / 2 + random(nodes / 2), 0)
  for (let i = 0; i < nodes; i++) {
    const from = random(nodes - 1)
    builder.addEdge(from, from + 1 + random(nodes - from - 1), 0)
  }
  for (let i = 0; i < nodes; i++) {
    for (let side = 0; side < 2; side++) {
      builder.openSide()
      for (let k = 1 + random(2); k > 0; k--) builder.addSideEdge(random(nodes), random(nodes), 0)
    }
  }
  return builder.build()
}

/** Which nodes each node reaches, itself among them. */
function reachable(graph: ConstraintGraph): readonly ReadonlySet<number>[] {
  const next: number[][] = Array.from({ length: graph.nodes }, () => [])
  graph.from.forEach((from, i) => (next[from] as number[]).push(graph.to[i] as number))
  return next.map((_, start) => {
    const seen = new Set([start])
    for (const node of seen) for (const to of next[node] as number[]) seen.add(to)
    return seen
  })
}

describe('outlook()', () => {
  it.each([
    ['few long paths', 240, 3],
    ['many short paths', 120, 60],
  ])('marks exactly the sides of which an edge closes a cycle, with %s', (_, nodes, lines) => {
    let marked = 0
    let open = 0
    for (const seed of seeds(30)) {
      const graph = randomGraph(randomOf(seed), nodes, lines)
      const certain = certainOf(graph)
      const look = outlook(graph, certain.taken, certain.from, certain.to, new Meter({}))
      const reaches = reachable(graph)
      const expected = Array.from({ length: graph.choices * 2 }, (_side, literal) => {
        for (let i = graph.sideStart[literal] as number; i < (graph.sideStart[literal + 1] as number); i++)
          if (reaches[graph.sideTo[i] as number]?.has(graph.sideFrom[i] as number) === true) return 1
        return 0
      })
      expect(look.kind === 'open' && [...look.infeasible], seedMessage(seed, FILE)).toEqual(expected)
      marked += expected.filter((side) => side === 1).length
      open += expected.filter((side) => side === 0).length
    }
    if (oneSeed) return
    expect(marked).toBeGreaterThan(100)
    expect(open).toBeGreaterThan(200)
  })

  it('says so where what is certain has a cycle', () => {
    const builder = new GraphBuilder(2)
    builder.addEdge(0, 1, 0)
    builder.addEdge(1, 0, 0)
    const graph = builder.build()
    const certain = certainOf(graph)
    expect(outlook(graph, certain.taken, certain.from, certain.to, new Meter({}))).toEqual({ kind: 'cyclic' })
  })
})
