/** Successors of every node: those of `n` are `to[start[n]] … to[start[n + 1]]`, by the edge at the same place in `edge`. */
export interface Adjacency {
  readonly start: Int32Array
  readonly to: Int32Array
  readonly edge: Int32Array
}

/** Groups edges by where they come from (swap the arguments to group them by where they go to). */
export function adjacency(nodes: number, from: Int32Array, to: Int32Array): Adjacency {
  const start = new Int32Array(nodes + 1)
  for (let i = 0; i < from.length; i++) (start[(from[i] as number) + 1] as number)++
  for (let n = 0; n < nodes; n++) start[n + 1] = (start[n + 1] as number) + (start[n] as number)
  const next = start.slice(0, nodes)
  const grouped = new Int32Array(from.length)
  const edge = new Int32Array(from.length)
  for (let i = 0; i < from.length; i++) {
    const n = from[i] as number
    const at = next[n] as number
    next[n] = at + 1
    grouped[at] = to[i] as number
    edge[at] = i
  }
  return { start, to: grouped, edge }
}

/** Every node after all its predecessors (Kahn 1962), or `undefined` if there is a cycle. */
export function topologicalOrder(nodes: number, out: Adjacency): Int32Array | undefined {
  const waitingFor = new Int32Array(nodes)
  for (let i = 0; i < out.to.length; i++) (waitingFor[out.to[i] as number] as number)++
  const order = new Int32Array(nodes)
  let length = 0
  for (let n = 0; n < nodes; n++) if (waitingFor[n] === 0) order[length++] = n
  for (let head = 0; head < length; head++) {
    const n = order[head] as number
    for (let i = out.start[n] as number; i < (out.start[n + 1] as number); i++) {
      const m = out.to[i] as number
      const left = (waitingFor[m] as number) - 1
      waitingFor[m] = left
      if (left === 0) order[length++] = m
    }
  }
  return length === nodes ? order : undefined
}

/** Component of each node: two nodes are in the same one exactly if they are on a cycle together (Tarjan 1972, without recursion). */
export function components(nodes: number, out: Adjacency): Int32Array {
  const component = new Int32Array(nodes).fill(-1)
  const entered = new Int32Array(nodes)
  const low = new Int32Array(nodes)
  const next = out.start.slice(0, nodes)
  const open: number[] = []
  const path: number[] = []
  let clock = 0
  const enter = (n: number): void => {
    entered[n] = low[n] = ++clock
    open.push(n)
    path.push(n)
  }
  for (let root = 0; root < nodes; root++) {
    if (entered[root] !== 0) continue
    enter(root)
    while (path.length > 0) {
      const n = path.at(-1) as number
      const at = next[n] as number
      if (at < (out.start[n + 1] as number)) {
        next[n] = at + 1
        const m = out.to[at] as number
        if (entered[m] === 0) enter(m)
        else if (component[m] === -1) low[n] = Math.min(low[n] as number, entered[m] as number)
        continue
      }
      path.pop()
      const above = path.at(-1)
      if (above !== undefined) low[above] = Math.min(low[above] as number, low[n] as number)
      if (low[n] !== entered[n]) continue
      for (let m = open.pop() as number; ; m = open.pop() as number) {
        component[m] = n
        if (m === n) break
      }
    }
  }
  return component
}

/** Place of each node in an order. */
export function ranksOf(order: Int32Array): Int32Array {
  const rank = new Int32Array(order.length)
  for (let i = 0; i < order.length; i++) rank[order[i] as number] = i
  return rank
}
