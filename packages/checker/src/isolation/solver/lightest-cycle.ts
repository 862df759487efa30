import { INNER, kindOf, PROCESS, READ_WRITE, REAL_TIME } from './labels.ts'
import { memberOf, type Polygraph } from './polygraph.ts'

/** Edges of a small graph, in columns. */
export interface Edges {
  readonly from: readonly number[]
  readonly to: readonly number[]
  readonly label: readonly number[]
  /** The literal that brought the edge, or -1. */
  readonly literal: readonly number[]
}

/** An edge between transactions, in words of the polygraph. */
export interface MemberEdge {
  readonly from: number
  readonly to: number
  readonly label: number
  readonly literal: number
}

/** A cycle with few read-write edges tells of a worse anomaly; then one with few edges is easier to read. */
function weightOf(label: number): number {
  const kind = kindOf(label)
  if (kind === INNER) return 0
  if (kind === READ_WRITE) return 10_000
  return kind === PROCESS || kind === REAL_TIME ? 101 : 100
}

/** The lightest cycle (Dijkstra from every node, so for small graphs); `undefined` if there is none. */
export function lightestCycle(
  polygraph: Polygraph,
  nodes: number,
  edges: Edges,
): readonly MemberEdge[] | undefined {
  const out: number[][] = Array.from({ length: nodes }, () => [])
  edges.from.forEach((from, edge) => (out[from] as number[]).push(edge))
  let best: number[] | undefined
  let bestWeight = Infinity
  for (let start = 0; start < polygraph.graph.chainNodes; start++) {
    const distance = new Float64Array(nodes).fill(Infinity)
    const enteredBy = new Int32Array(nodes).fill(-1)
    const settled = new Uint8Array(nodes)
    let back = Infinity
    let backBy = -1
    let node = start
    let reached = 0
    while (node !== -1 && reached < Math.min(back, bestWeight)) {
      settled[node] = 1
      for (const edge of out[node] as number[]) {
        const to = edges.to[edge] as number
        const along = reached + weightOf(edges.label[edge] as number)
        if (to === start && along < back) {
          back = along
          backBy = edge
        } else if (to !== start && along < (distance[to] as number)) {
          distance[to] = along
          enteredBy[to] = edge
        }
      }
      node = -1
      reached = Infinity
      for (let n = 0; n < nodes; n++) {
        if (settled[n] === 1 || (distance[n] as number) >= reached) continue
        node = n
        reached = distance[n] as number
      }
    }
    if (back >= bestWeight) continue
    bestWeight = back
    best = []
    for (let edge = backBy; edge !== -1; edge = enteredBy[edges.from[edge] as number] as number)
      best.unshift(edge)
  }
  return best === undefined ? undefined : betweenMembers(polygraph, edges, best)
}

/** Takes out what is within transactions and the helper nodes: the edge that enters a transaction tells what it is. */
function betweenMembers(polygraph: Polygraph, edges: Edges, cycle: readonly number[]): readonly MemberEdge[] {
  const result: MemberEdge[] = []
  let current = memberOf(polygraph, edges.from[cycle[0] as number] as number)
  for (const edge of cycle) {
    const to = memberOf(polygraph, edges.to[edge] as number)
    if (to === -1 || to === current) continue
    result.push({
      from: current,
      to,
      label: edges.label[edge] as number,
      literal: edges.literal[edge] as number,
    })
    current = to
  }
  return result
}
