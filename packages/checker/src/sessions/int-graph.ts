import type { Meter } from './meter.ts'

/** Edges of a graph over `0 … size - 1`, as columns that grow. `label` is the caller's. */
export class EdgeColumns {
  from: Int32Array = new Int32Array(1024)
  to: Int32Array = new Int32Array(1024)
  label: Int32Array = new Int32Array(1024)
  count = 0
  readonly #meter: Meter

  constructor(meter: Meter) {
    this.#meter = meter
  }

  add(from: number, to: number, label: number): void {
    if (this.count === this.from.length) this.#grow()
    this.from[this.count] = from
    this.to[this.count] = to
    this.label[this.count++] = label
  }

  #grow(): void {
    this.#meter.reserve(this.count * 12)
    this.from = doubled(this.from)
    this.to = doubled(this.to)
    this.label = doubled(this.label)
  }
}

function doubled(column: Int32Array): Int32Array {
  const larger = new Int32Array(column.length * 2)
  larger.set(column)
  return larger
}

/** Finds cycles: fast if there are none. Cycles are lists of edges (their numbers). */
export class IntGraph {
  readonly #size: number
  readonly #edges: EdgeColumns
  readonly #meter: Meter
  readonly #start: Int32Array
  /** Numbers of the edges, by where they come from. */
  readonly #out: Int32Array

  /** @param keep Which labels count. Default: all. */
  constructor(size: number, edges: EdgeColumns, meter: Meter, keep: (label: number) => boolean = () => true) {
    meter.reserve(size * 8 + edges.count * 4)
    const start = new Int32Array(size + 1)
    for (let edge = 0; edge < edges.count; edge++)
      if (keep(edges.label[edge]!)) start[edges.from[edge]! + 1]!++
    for (let node = 0; node < size; node++) start[node + 1]! += start[node]!
    const next = start.slice(0, -1)
    const out = new Int32Array(start[size]!)
    for (let edge = 0; edge < edges.count; edge++)
      if (keep(edges.label[edge]!)) out[next[edges.from[edge]!]!++] = edge
    this.#size = size
    this.#edges = edges
    this.#meter = meter
    this.#start = start
    this.#out = out
  }

  /** One cycle, the shortest that a few searches find, for each of the first `max` groups of nodes that are on cycles. */
  cycles(max: number): { readonly count: number; readonly cycles: readonly (readonly number[])[] } {
    const left = this.#withoutOrder()
    if (left.length === 0) return { count: 0, cycles: [] }
    const { loops, components } = this.#components(left)
    const cycles = components.slice(0, max).map((component) => this.#shortest(component))
    return {
      count: loops.length + components.length,
      cycles: [...loops.map((edge) => [edge]), ...cycles].slice(0, max),
    }
  }

  /** Nodes that are on a cycle or after one. */
  #withoutOrder(): number[] {
    const { to } = this.#edges
    const missing = new Int32Array(this.#size)
    for (const edge of this.#out) missing[to[edge]!]!++
    const ready = new Int32Array(this.#size)
    let count = 0
    for (let node = 0; node < this.#size; node++) if (missing[node] === 0) ready[count++] = node
    for (let i = 0; i < count; i++) {
      this.#meter.step()
      const node = ready[i]!
      for (let at = this.#start[node]!; at < this.#start[node + 1]!; at++) {
        const next = to[this.#out[at]!]!
        if (--missing[next]! === 0) ready[count++] = next
      }
    }
    const left: number[] = []
    for (let node = 0; node < this.#size; node++) if (missing[node]! > 0) left.push(node)
    return left
  }

  /** Strongly connected components of two or more (Tarjan 1972, without recursion), and edges from a node to itself. */
  #components(among: readonly number[]): { loops: number[]; components: number[][] } {
    const index = new Map<number, number>()
    const low = new Map<number, number>()
    const onStack = new Set<number>()
    const stack: number[] = []
    const components: number[][] = []
    const loops: number[] = []
    const enter = (node: number): [number, number] => {
      low.set(node, index.size)
      index.set(node, index.size)
      stack.push(node)
      onStack.add(node)
      return [node, this.#start[node]!]
    }
    for (const root of among) {
      if (index.has(root)) continue
      const work = [enter(root)]
      while (work.length > 0) {
        this.#meter.step()
        const frame = work.at(-1)!
        const [node, at] = frame
        if (at < this.#start[node + 1]!) {
          frame[1]++
          const next = this.#edges.to[this.#out[at]!]!
          if (next === node) loops.push(this.#out[at]!)
          else if (!index.has(next)) work.push(enter(next))
          else if (onStack.has(next)) low.set(node, Math.min(low.get(node)!, index.get(next)!))
          continue
        }
        work.pop()
        const parent = work.at(-1)
        if (parent !== undefined) low.set(parent[0], Math.min(low.get(parent[0])!, low.get(node)!))
        if (low.get(node) !== index.get(node)) continue
        const component = stack.splice(stack.lastIndexOf(node))
        for (const member of component) onStack.delete(member)
        if (component.length > 1) components.push(component)
      }
    }
    return { loops, components }
  }

  #shortest(component: readonly number[]): number[] {
    const members = new Set(component)
    let best: number[] = []
    for (const root of component.slice(0, 64)) {
      const cycle = this.#cycleThrough(root, members)
      if (best.length === 0 || cycle.length < best.length) best = cycle
      if (best.length === 2) break
    }
    return best
  }

  /** Breadth first. */
  #cycleThrough(root: number, members: ReadonlySet<number>): number[] {
    const { from, to } = this.#edges
    const reachedBy = new Map<number, number>()
    const queue = [root]
    for (const node of queue) {
      this.#meter.step()
      for (let at = this.#start[node]!; at < this.#start[node + 1]!; at++) {
        const edge = this.#out[at]!
        const next = to[edge]!
        if (next === node || !members.has(next) || reachedBy.has(next)) continue
        reachedBy.set(next, edge)
        if (next !== root) {
          queue.push(next)
          continue
        }
        const cycle = [edge]
        while (from[cycle[0]!]! !== root) cycle.unshift(reachedBy.get(from[cycle[0]!]!)!)
        return cycle
      }
    }
    return []
  }
}
