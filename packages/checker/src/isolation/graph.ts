/**
 * Dependencies between transactions, after Adya (1999) section 3.1, as bits so that a search can choose among them.
 * `ww`: overwrote. `wr`: read from. `rw`: overwrote what the other had read.
 */
export const WW = 1
export const WR = 2
export const RW = 4
export const PROCESS = 8
export const REAL_TIME = 16
/** Out of a helper node: goes on with the edge that led there. */
export const FREE = 32

export const DATA: number = WW | WR | RW | FREE

/**
 * A directed graph in compressed rows. Nodes below `real` are transactions; those from `real` on are helpers that
 * stand for "everything that completed before this moment" or "every append that nobody read": they keep the
 * number of edges linear, and an edge through them counts as one.
 */
export interface Graph {
  readonly nodes: number
  readonly real: number
  /** Edges out of node `v`: from `head[v]` to `head[v + 1]`. */
  readonly head: Int32Array
  readonly from: Int32Array
  readonly to: Int32Array
  readonly kind: Uint8Array
  /** The element that the edge is about: what was read (`wr`), or written by `to` (`ww`, `rw`). -1: none. */
  readonly element: Int32Array
}

/** Edges before they are sorted. */
export class GraphBuilder {
  #from = new Int32Array(1024)
  #to = new Int32Array(1024)
  #kind = new Uint8Array(1024)
  #element = new Int32Array(1024)
  #count = 0
  #nodes: number
  readonly real: number

  constructor(real: number) {
    this.real = real
    this.#nodes = real
  }

  get bytes(): number {
    return this.#from.length * 13
  }

  get edges(): number {
    return this.#count
  }

  addNode(): number {
    return this.#nodes++
  }

  addEdge(from: number, to: number, kind: number, element = -1): void {
    if (from === to) return
    if (this.#count === this.#from.length) this.#grow()
    const at = this.#count++
    this.#from[at] = from
    this.#to[at] = to
    this.#kind[at] = kind
    this.#element[at] = element
  }

  build(): Graph {
    const count = this.#count
    const head = new Int32Array(this.#nodes + 1)
    for (let edge = 0; edge < count; edge++) head[this.#from[edge]! + 1]!++
    for (let node = 0; node < this.#nodes; node++) head[node + 1]! += head[node]!
    const next = head.slice(0, this.#nodes)
    const from = new Int32Array(count)
    const to = new Int32Array(count)
    const kind = new Uint8Array(count)
    const element = new Int32Array(count)
    for (let edge = 0; edge < count; edge++) {
      const node = this.#from[edge]!
      const at = next[node]!++
      from[at] = node
      to[at] = this.#to[edge]!
      kind[at] = this.#kind[edge]!
      element[at] = this.#element[edge]!
    }
    return { nodes: this.#nodes, real: this.real, head, from, to, kind, element }
  }

  #grow(): void {
    const size = this.#from.length * 2
    const copy = <T extends Int32Array | Uint8Array>(into: T, old: T): T => (into.set(old), into)
    this.#from = copy(new Int32Array(size), this.#from)
    this.#to = copy(new Int32Array(size), this.#to)
    this.#kind = copy(new Uint8Array(size), this.#kind)
    this.#element = copy(new Int32Array(size), this.#element)
  }
}

/** Strongly connected components. */
export interface Components {
  /** Component of each node. An edge never leads to a component with a higher number. */
  readonly of: Int32Array
  readonly count: number
}

/** Tarjan's algorithm (1972) without recursion, over the edges whose kind is in `mask`. */
export function components(graph: Graph, mask: number): Components {
  const { nodes, head, to, kind } = graph
  const of = new Int32Array(nodes).fill(-1)
  const order = new Int32Array(nodes)
  const low = new Int32Array(nodes)
  const stack = new Int32Array(nodes)
  const path = new Int32Array(nodes)
  const cursor = new Int32Array(nodes)
  let stacked = 0
  let clock = 0
  let count = 0
  for (let root = 0; root < nodes; root++) {
    if (order[root] !== 0) continue
    let depth = 0
    path[0] = root
    cursor[root] = head[root]!
    order[root] = low[root] = ++clock
    stack[stacked++] = root
    while (depth >= 0) {
      const node = path[depth]!
      const edge = cursor[node]!
      if (edge < head[node + 1]!) {
        cursor[node] = edge + 1
        if ((kind[edge]! & mask) === 0) continue
        const next = to[edge]!
        if (order[next] === 0) {
          order[next] = low[next] = ++clock
          cursor[next] = head[next]!
          stack[stacked++] = next
          path[++depth] = next
        } else if (of[next] === -1 && order[next]! < low[node]!) {
          low[node] = order[next]!
        }
        continue
      }
      if (low[node] === order[node]) {
        let member: number
        do {
          member = stack[--stacked]!
          of[member] = count
        } while (member !== node)
        count++
      }
      depth--
      if (depth >= 0) {
        const parent = path[depth]!
        if (low[node]! < low[parent]!) low[parent] = low[node]!
      }
    }
  }
  return { of, count }
}

/** Part of a graph: its nodes and edges have new numbers. */
export interface Subgraph extends Graph {
  /** Number in the whole graph of each edge here. */
  readonly edgeOf: Int32Array
  readonly nodeOf: Int32Array
}

/** What is left of a graph when every edge that lies on no cycle is taken away. `undefined` if nothing is. */
export function cyclicPart(graph: Graph, mask: number): Subgraph | undefined {
  const { of, count } = components(graph, mask)
  if (count === graph.nodes) return undefined
  const size = new Int32Array(count)
  for (let node = 0; node < graph.nodes; node++) size[of[node]!]!++
  const renamed = new Int32Array(graph.nodes).fill(-1)
  const nodeOf: number[] = []
  let real = 0
  for (let node = 0; node < graph.nodes; node++) {
    if (size[of[node]!]! < 2) continue
    renamed[node] = nodeOf.length
    nodeOf.push(node)
    if (node < graph.real) real++
  }
  const edgeOf: number[] = []
  for (let edge = 0; edge < graph.from.length; edge++) {
    const within = of[graph.from[edge]!] === of[graph.to[edge]!]
    if (within && (graph.kind[edge]! & mask) !== 0) edgeOf.push(edge)
  }
  const head = new Int32Array(nodeOf.length + 1)
  const from = new Int32Array(edgeOf.length)
  const to = new Int32Array(edgeOf.length)
  const kind = new Uint8Array(edgeOf.length)
  const element = new Int32Array(edgeOf.length)
  edgeOf.forEach((edge, at) => {
    from[at] = renamed[graph.from[edge]!] as number
    to[at] = renamed[graph.to[edge]!] as number
    kind[at] = graph.kind[edge]!
    element[at] = graph.element[edge]!
    head[from[at] + 1]!++
  })
  for (let node = 0; node < nodeOf.length; node++) head[node + 1]! += head[node]!
  return {
    nodes: nodeOf.length,
    real,
    head,
    from,
    to,
    kind,
    element,
    edgeOf: Int32Array.from(edgeOf),
    nodeOf: Int32Array.from(nodeOf),
  }
}
