import { describe, expect, it } from 'vitest'

import { GraphBuilder, type ConstraintGraph } from './constraint-graph.ts'
import { Meter } from './meter.ts'
import { solveGraph, type GraphResult, type GraphStats } from './solve-graph.ts'
import { oneSeed, randomOf, seedMessage, seeds } from './testing/random.ts'
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

/** Total ordering (Opatrny 1979), NP-complete: each of `triples` says that its second node is between the others. */
function betweenness(random: (below: number) => number, nodes: number, triples: number): ConstraintGraph {
  const builder = new GraphBuilder(nodes)
  for (let i = 0; i < triples; i++) {
    const three = new Set<number>()
    while (three.size < 3) three.add(random(nodes))
    const [a, b, c] = [...three] as [number, number, number]
    builder.openSide()
    builder.addSideEdge(a, b, 0)
    builder.addSideEdge(b, c, 0)
    builder.openSide()
    builder.addSideEdge(c, b, 0)
    builder.addSideEdge(b, a, 0)
  }
  return builder.build()
}

/** Tries all ways: chooses one side after the other and turns back where there is a cycle. */
function backtrack(graph: ConstraintGraph, literals: readonly number[] = []): boolean {
  const [from, to] = edgesOf(graph, literals)
  if (topologicalOrder(graph.nodes, adjacency(graph.nodes, from, to)) === undefined) return false
  const next = literals.length * 2
  return (
    literals.length === graph.choices ||
    backtrack(graph, [...literals, next]) ||
    backtrack(graph, [...literals, next + 1])
  )
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

describe('solveGraph()', { timeout: 60_000 }, () => {
  it('says of 10,000 random graphs with choices what trying all ways says, with an order that proves it', () => {
    let acyclic = 0
    let searched = 0
    let conflicts = 0
    const all = seeds(10_000)
    for (const seed of all) {
      const graph = randomGraph(randomOf(seed))
      const stats = noStats()
      const result = solveGraph(graph, new Meter({}), stats)
      expect(result.kind, seedMessage(seed, FILE)).toBe(backtrack(graph) ? 'acyclic' : 'cyclic')
      if (result.kind === 'acyclic') {
        acyclic++
        expectOrder(graph, result)
      }
      if (stats.decisions > 0) searched++
      conflicts += stats.conflicts
    }
    if (oneSeed) return
    expect(acyclic).toBeGreaterThan(3_000)
    expect(acyclic).toBeLessThan(7_000)
    expect(searched).toBeGreaterThan(3_000)
    expect(conflicts).toBeGreaterThan(1_000)
  })

  it('decides 600 betweenness problems, where nothing is pruned and clauses are learned upon learned clauses', () => {
    let acyclic = 0
    let conflicts = 0
    const all = seeds(600)
    for (const seed of all) {
      const graph = betweenness(randomOf(seed), 12, 12)
      const stats = noStats()
      const result = solveGraph(graph, new Meter({}), stats)
      const message = seedMessage(seed, FILE)
      expect(stats.openChoices, message).toBe(graph.choices)
      expect(result.kind, message).toBe(backtrack(graph) ? 'acyclic' : 'cyclic')
      if (result.kind === 'acyclic') {
        acyclic++
        expectOrder(graph, result)
      }
      conflicts += stats.conflicts
    }
    if (oneSeed) return
    expect(acyclic).toBeGreaterThan(150)
    expect(acyclic).toBeLessThan(450)
    expect(conflicts).toBeGreaterThan(4_000)
  })

  it('restarts where the first decisions were bad, and still finds orders', () => {
    const stats = noStats()
    let acyclic = 0
    for (let seed = 1; seed <= 30; seed++) {
      const graph = betweenness(randomOf(seed), 80, 92)
      const result = solveGraph(graph, new Meter({}), stats)
      if (result.kind !== 'acyclic') continue
      acyclic++
      expectOrder(graph, result)
    }
    expect(acyclic).toBeGreaterThan(10)
    expect(stats.restarts).toBeGreaterThan(4)
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
