import { describe, expect, it } from 'vitest'

import { GraphBuilder, type ConstraintGraph } from './constraint-graph.ts'
import { Meter } from './meter.ts'
import { solveGraph, type GraphResult, type GraphStats } from './solve-graph.ts'
import { randomOf, seedMessage, seeds } from './testing/random.ts'
import { adjacency, topologicalOrder } from './topological-order.ts'

const FILE = 'packages/checker/src/isolation/solver/solve-graph.test.ts'
const noStats = (): GraphStats => ({
  choices: 0,
  openChoices: 0,
  rounds: 0,
  decisions: 0,
  conflicts: 0,
  restarts: 0,
})

/** Few known edges, many choices: small enough to try all ways, dense enough that about half have none. */
function randomGraph(random: (below: number) => number): ConstraintGraph {
  const nodes = 3 + random(6)
  const builder = new GraphBuilder(nodes)
  const edge = (): [number, number] => {
    const from = random(nodes)
    return [from, (from + 1 + random(nodes - 1)) % nodes]
  }
  for (let i = random(nodes); i > 0; i--) {
    const [a, b] = edge()
    builder.addEdge(Math.min(a, b), Math.max(a, b), 0)
  }
  for (let i = 1 + random(9); i > 0; i--) {
    for (let side = 0; side < 2; side++) {
      builder.openSide()
      for (let k = 1 + random(3); k > 0; k--) builder.addSideEdge(...edge(), 0)
    }
  }
  return builder.build()
}

function edgesOf(graph: ConstraintGraph, literals: readonly number[]): [Int32Array, Int32Array] {
  const from = [...graph.from]
  const to = [...graph.to]
  for (const literal of literals)
    for (let i = graph.sideStart[literal] as number; i < (graph.sideStart[literal + 1] as number); i++) {
      from.push(graph.sideFrom[i] as number)
      to.push(graph.sideTo[i] as number)
    }
  return [Int32Array.from(from), Int32Array.from(to)]
}

function bruteForce(graph: ConstraintGraph): boolean {
  for (let way = 0; way < 2 ** graph.choices; way++) {
    const literals = Array.from({ length: graph.choices }, (_, choice) => choice * 2 + ((way >> choice) & 1))
    const [from, to] = edgesOf(graph, literals)
    if (topologicalOrder(graph.nodes, adjacency(graph.nodes, from, to)) !== undefined) return true
  }
  return false
}

/** Some side of each choice agrees with the order, and so do all known edges. */
function expectOrder(graph: ConstraintGraph, result: GraphResult): void {
  if (result.kind !== 'acyclic') throw new Error('no order')
  const rank = result.rank
  const agrees = (from: Int32Array, to: Int32Array, start: number, end: number): boolean => {
    for (let i = start; i < end; i++)
      if ((rank[from[i] as number] as number) >= (rank[to[i] as number] as number)) return false
    return true
  }
  expect(new Set(rank).size).toBe(graph.nodes)
  expect(agrees(graph.from, graph.to, 0, graph.from.length)).toBe(true)
  for (let literal = 0; literal < graph.choices * 2; literal += 2) {
    const side = (l: number): boolean =>
      agrees(graph.sideFrom, graph.sideTo, graph.sideStart[l] as number, graph.sideStart[l + 1] as number)
    expect(side(literal) || side(literal + 1)).toBe(true)
  }
}

describe('solveGraph()', () => {
  it('says of 10,000 random graphs with choices what trying all ways says, with an order that proves it', () => {
    let acyclic = 0
    let searched = 0
    let conflicts = 0
    const all = seeds(10_000)
    for (const seed of all) {
      const graph = randomGraph(randomOf(seed))
      const stats = noStats()
      const result = solveGraph(graph, new Meter({}), stats)
      expect(result.kind, seedMessage(seed, FILE)).toBe(bruteForce(graph) ? 'acyclic' : 'cyclic')
      if (result.kind === 'acyclic') {
        acyclic++
        expectOrder(graph, result)
      }
      if (stats.decisions > 0) searched++
      conflicts += stats.conflicts
    }
    if (all.length === 1) return
    expect(acyclic).toBeGreaterThan(3_000)
    expect(acyclic).toBeLessThan(7_000)
    expect(searched).toBeGreaterThan(3_000)
    expect(conflicts).toBeGreaterThan(1_000)
  })

  it('finds that n + 1 pigeons do not fit into n holes: nothing is pruned, all of it is search', () => {
    // Three-colouring of the complete graph on four nodes, as choices: pigeon p is before or after each of two marks.
    const builder = new GraphBuilder(12)
    const pigeons = [0, 1, 2, 3]
    const marks = [8, 9]
    builder.addEdge(8, 9, 0)
    const choose = (a: [number, number], b: [number, number]): void => {
      builder.openSide()
      builder.addSideEdge(...a, 0)
      builder.openSide()
      builder.addSideEdge(...b, 0)
    }
    for (const p of pigeons) for (const m of marks) choose([p, m], [m, p])
    // Two pigeons in the same third contradict each other: whichever of the marks separates them, or one pair of edges clashes.
    for (const p of pigeons)
      for (const q of pigeons) {
        if (p >= q) continue
        builder.openSide()
        builder.addSideEdge(p, 8, 0)
        builder.addSideEdge(8, q, 0)
        builder.openSide()
        builder.addSideEdge(q, p, 0)
        builder.addSideEdge(9, q, 0)
      }
    const graph = builder.build()
    const result = solveGraph(graph, new Meter({}), noStats())
    expect(result.kind).toBe(bruteForce(graph) ? 'acyclic' : 'cyclic')
  })

  it('gives up with a reason when the time is spent', () => {
    let now = 0
    const meter = new Meter({ maxTimeMs: 5, monotonic: () => now++ * 10 })
    expect(solveGraph(randomGraph(randomOf(1)), meter, noStats())).toEqual({ kind: 'unknown' })
    expect(meter.reason).toBe('the time budget of 5 ms is spent')
  })

  it('gives up with a reason when the memory is spent', () => {
    const meter = new Meter({ maxBytes: 100 })
    expect(solveGraph(randomGraph(randomOf(1)), meter, noStats())).toEqual({ kind: 'unknown' })
    expect(meter.reason).toBe('the memory budget of 100 bytes is spent')
  })
})
