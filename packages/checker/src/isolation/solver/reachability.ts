import type { ConstraintGraph } from './constraint-graph.ts'
import type { IntList } from './int-list.ts'
import type { Meter } from './meter.ts'
import { adjacency, topologicalOrder, type Adjacency } from './topological-order.ts'

/** A block of the bit table is at most so large; more columns are done block by block. */
const BLOCK_BYTES = 48 * 1024 * 1024

/** What one look at the whole graph tells. */
export type Outlook =
  | { readonly kind: 'open'; readonly order: Int32Array; readonly infeasible: Uint8Array }
  | { readonly kind: 'cyclic' }
  | { readonly kind: 'spent' }

/**
 * Which sides of the open choices would close a cycle by one of their edges alone, given the edges in `from → to`.
 * `taken[literal]` marks sides that are already among the edges.
 *
 * An edge `u → v` closes a cycle if `v` reaches `u`. Two tables can answer that for all edges at once: for each node the
 * last node of every path of a path cover that reaches it (few paths: sessions), or for each node a bit per node asked for.
 */
export function outlook(
  graph: ConstraintGraph,
  taken: Uint8Array,
  from: IntList,
  to: IntList,
  meter: Meter,
): Outlook {
  const out = adjacency(graph.nodes, from.view(), to.view())
  const order = topologicalOrder(graph.nodes, out)
  if (order === undefined) return { kind: 'cyclic' }
  const open = openSides(graph, taken)
  const infeasible = new Uint8Array(graph.choices * 2)
  const columns = columnsOf(graph, open)
  const chains = pathCover(graph, from, to, order)
  const done =
    chains.count * 32 <= columns.count
      ? markByChains(graph, open, infeasible, order, out, chains, meter)
      : markByBits(graph, open, infeasible, order, out, columns, meter)
  return done ? { kind: 'open', order, infeasible } : { kind: 'spent' }
}

function openSides(graph: ConstraintGraph, taken: Uint8Array): Int32Array {
  const open = new Int32Array(graph.choices * 2)
  let length = 0
  for (let literal = 0; literal < taken.length; literal++)
    if (taken[literal] === 0 && taken[literal ^ 1] === 0) open[length++] = literal
  return open.subarray(0, length)
}

interface Columns {
  readonly count: number
  /** Of each node; -1 for nodes that no open edge leads to. */
  readonly of: Int32Array
}

function columnsOf(graph: ConstraintGraph, open: Int32Array): Columns {
  const of = new Int32Array(graph.nodes).fill(-1)
  let count = 0
  for (const literal of open) {
    const end = graph.sideStart[literal + 1] as number
    for (let i = graph.sideStart[literal] as number; i < end; i++) {
      const node = graph.sideTo[i] as number
      if (of[node] === -1) of[node] = count++
    }
  }
  return { count, of }
}

interface Chains {
  readonly count: number
  /** -1 for helper nodes. */
  readonly of: Int32Array
  /** Place on its chain, from 1. */
  readonly place: Int32Array
}

/** A greedy cover by paths: a node continues the path of the first predecessor that still ends one. */
function pathCover(graph: ConstraintGraph, from: IntList, to: IntList, order: Int32Array): Chains {
  const into = adjacency(graph.nodes, to.view(), from.view())
  const of = new Int32Array(graph.nodes).fill(-1)
  const place = new Int32Array(graph.nodes)
  const continued = new Uint8Array(graph.nodes)
  let count = 0
  for (const node of order) {
    if (node >= graph.chainNodes) continue
    for (let i = into.start[node] as number; i < (into.start[node + 1] as number); i++) {
      const before = into.to[i] as number
      if (before >= graph.chainNodes || continued[before] === 1) continue
      continued[before] = 1
      of[node] = of[before] as number
      place[node] = (place[before] as number) + 1
      break
    }
    if (of[node] === -1) {
      of[node] = count++
      place[node] = 1
    }
  }
  return { count, of, place }
}

function markByChains(
  graph: ConstraintGraph,
  open: Int32Array,
  infeasible: Uint8Array,
  order: Int32Array,
  out: Adjacency,
  chains: Chains,
  meter: Meter,
): boolean {
  const width = chains.count
  const bytes = 4 * width * graph.nodes
  if (!meter.take(bytes)) return false
  const latest = new Int32Array(width * graph.nodes)
  for (const node of order) {
    const row = node * width
    const chain = chains.of[node] as number
    if (chain !== -1) latest[row + chain] = chains.place[node] as number
    for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
      const target = (out.to[i] as number) * width
      for (let c = 0; c < width; c++) {
        const known = latest[row + c] as number
        if (known > (latest[target + c] as number)) latest[target + c] = known
      }
    }
  }
  for (const literal of open) {
    const end = graph.sideStart[literal + 1] as number
    for (let i = graph.sideStart[literal] as number; i < end; i++) {
      const to = graph.sideTo[i] as number
      const reached = latest[(graph.sideFrom[i] as number) * width + (chains.of[to] as number)] as number
      if (reached >= (chains.place[to] as number)) infeasible[literal] = 1
    }
  }
  meter.release(bytes)
  return true
}

function markByBits(
  graph: ConstraintGraph,
  open: Int32Array,
  infeasible: Uint8Array,
  order: Int32Array,
  out: Adjacency,
  columns: Columns,
  meter: Meter,
): boolean {
  const words = Math.max(
    1,
    Math.min(Math.ceil(columns.count / 32), Math.floor(BLOCK_BYTES / 4 / graph.nodes)),
  )
  const bytes = 4 * words * graph.nodes
  if (!meter.take(bytes)) return false
  const reachedBy = new Int32Array(words * graph.nodes)
  for (let first = 0; first < columns.count; first += words * 32) {
    if (meter.isSpent()) return false
    reachedBy.fill(0)
    for (const node of order) {
      const row = node * words
      const column = (columns.of[node] as number) - first
      if (column >= 0 && column < words * 32) {
        const word = row + (column >> 5)
        reachedBy[word] = (reachedBy[word] as number) | (1 << (column & 31))
      }
      for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
        const target = (out.to[i] as number) * words
        for (let w = 0; w < words; w++)
          reachedBy[target + w] = (reachedBy[target + w] as number) | (reachedBy[row + w] as number)
      }
    }
    for (const literal of open) {
      const end = graph.sideStart[literal + 1] as number
      for (let i = graph.sideStart[literal] as number; i < end; i++) {
        const column = (columns.of[graph.sideTo[i] as number] as number) - first
        if (column < 0 || column >= words * 32) continue
        const word = (graph.sideFrom[i] as number) * words + (column >> 5)
        if ((((reachedBy[word] as number) >>> (column & 31)) & 1) === 1) infeasible[literal] = 1
      }
    }
  }
  meter.release(bytes)
  return true
}
