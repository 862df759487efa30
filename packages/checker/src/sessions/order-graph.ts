import type { Meter } from './meter.ts'
import type { VersionEdges } from './version-edges.ts'
import type { View } from './view.ts'

/** Why one transaction is before another. `index` is into the version edges, or the event that read. */
export interface Step {
  readonly before: number
  readonly after: number
  readonly why: 'process' | 'wr' | 'ww'
  /** `wr`: the event that read. `ww`: the event for whose sake `before` is before `after`. */
  readonly event: number
}

/**
 * One cycle per group of transactions that come before each other by sessions, reads and `edges`: the shortest
 * that a few searches find. Edges to the initial state are not cycles and are left out.
 */
export function findCycles(
  view: View,
  edges: VersionEdges,
  meter: Meter,
  maxCycles: number,
): { readonly count: number; readonly cycles: readonly (readonly Step[])[] } {
  const graph = new OrderGraph(view, edges, meter)
  const left = graph.withoutOrder()
  if (left.length === 0) return { count: 0, cycles: [] }
  const components = graph.components(left)
  return {
    count: components.length,
    cycles: components
      .slice(0, maxCycles)
      .map((component) => shortenedCycle(view, graph.shortestCycle(component))),
  }
}

/** Steps along one session in one. */
export function shortened(view: View, path: readonly Step[]): Step[] {
  const { session } = view.transactions
  const short: Step[] = []
  for (const step of path) {
    const last = short.at(-1)
    const along = last?.why === 'process' && step.why === 'process'
    if (along && session[last.before] === session[step.after])
      short[short.length - 1] = { ...last, after: step.after }
    else short.push(step)
  }
  return short
}

/** So that a walk along a session is not cut in two where the cycle begins. */
function shortenedCycle(view: View, cycle: readonly Step[]): Step[] {
  const start = cycle.findIndex((step) => step.why !== 'process')
  return start < 0 ? [...cycle] : shortened(view, [...cycle.slice(start), ...cycle.slice(0, start)])
}

/** Successors: next in chain (and leaves), readers, then version edges, as one compressed table. */
class OrderGraph {
  readonly #size: number
  readonly #start: Int32Array
  readonly #target: Int32Array
  /** -1: process; below the number of events: wr; else ww, less the number of events. */
  readonly #label: Int32Array
  readonly #events: number
  readonly #view: View
  readonly #edges: VersionEdges
  readonly #meter: Meter

  constructor(view: View, edges: VersionEdges, meter: Meter) {
    const { from, transactions } = view
    this.#size = transactions.size
    this.#events = from.length
    this.#view = view
    this.#edges = edges
    this.#meter = meter
    const start = new Int32Array(this.#size + 1)
    let total = 0
    this.#forEachEdge((before) => {
      start[before + 1]!++
      total++
    })
    meter.reserve(total * 8 + this.#size * 12)
    for (let t = 0; t < this.#size; t++) start[t + 1]! += start[t]!
    const next = start.slice(0, -1)
    const target = new Int32Array(total)
    const label = new Int32Array(total)
    this.#forEachEdge((before, after, why) => {
      const at = next[before]!++
      target[at] = after
      label[at] = why
    })
    this.#start = start
    this.#target = target
    this.#label = label
  }

  #forEachEdge(visit: (before: number, after: number, label: number) => void): void {
    const { chainCount, chainStart, chainTransactions, parent, from, transactions, chain } = this.#view
    for (let c = 0; c < chainCount; c++) {
      if (parent[c]! >= 0) visit(parent[c]!, chainTransactions[chainStart[c]!]!, -1)
      for (let i = chainStart[c]! + 1; i < chainStart[c + 1]!; i++)
        visit(chainTransactions[i - 1]!, chainTransactions[i]!, -1)
    }
    for (let event = 0; event < from.length; event++) {
      const reader = transactions.eventTransaction[event]!
      if (from[event]! >= 0 && chain[reader]! >= 0) visit(from[event]!, reader, event)
    }
    const { before, after, count } = this.#edges
    for (let i = 0; i < count; i++) if (after[i]! >= 0) visit(before[i]!, after[i]!, from.length + i)
  }

  /** Transactions that are on a cycle or after one. */
  withoutOrder(): number[] {
    const missing = new Int32Array(this.#size)
    for (let i = 0; i < this.#target.length; i++) missing[this.#target[i]!]!++
    const ready = new Int32Array(this.#size)
    let count = 0
    for (let t = 0; t < this.#size; t++) if (missing[t] === 0) ready[count++] = t
    for (let i = 0; i < count; i++) {
      this.#meter.step()
      const t = ready[i]!
      for (let at = this.#start[t]!; at < this.#start[t + 1]!; at++)
        if (--missing[this.#target[at]!]! === 0) ready[count++] = this.#target[at]!
    }
    const left: number[] = []
    for (let t = 0; t < this.#size; t++) if (missing[t]! > 0) left.push(t)
    return left
  }

  /** Strongly connected components of two or more (Tarjan 1972, without recursion). */
  components(among: readonly number[]): number[][] {
    const index = new Map<number, number>()
    const low = new Map<number, number>()
    const onStack = new Set<number>()
    const stack: number[] = []
    const found: number[][] = []
    for (const root of among) {
      if (index.has(root)) continue
      const work: [node: number, at: number][] = [[root, this.#start[root]!]]
      index.set(root, index.size)
      low.set(root, index.get(root)!)
      stack.push(root)
      onStack.add(root)
      while (work.length > 0) {
        this.#meter.step()
        const frame = work.at(-1)!
        const [node, at] = frame
        if (at < this.#start[node + 1]!) {
          frame[1]++
          const next = this.#target[at]!
          if (!index.has(next)) {
            index.set(next, index.size)
            low.set(next, index.get(next)!)
            stack.push(next)
            onStack.add(next)
            work.push([next, this.#start[next]!])
          } else if (onStack.has(next)) low.set(node, Math.min(low.get(node)!, index.get(next)!))
          continue
        }
        work.pop()
        const parent = work.at(-1)
        if (parent !== undefined) low.set(parent[0], Math.min(low.get(parent[0])!, low.get(node)!))
        if (low.get(node) !== index.get(node)) continue
        const component = stack.splice(stack.lastIndexOf(node))
        for (const member of component) onStack.delete(member)
        if (component.length > 1) found.push(component)
      }
    }
    return found
  }

  shortestCycle(component: readonly number[]): Step[] {
    const members = new Set(component)
    let best: Step[] = []
    for (const root of component.slice(0, 64)) {
      const cycle = this.#cycleThrough(root, members)
      if (best.length === 0 || cycle.length < best.length) best = cycle
      if (best.length === 2) break
    }
    return best
  }

  #cycleThrough(root: number, members: ReadonlySet<number>): Step[] {
    const reachedBy = new Map<number, Step>()
    let frontier = [root]
    while (frontier.length > 0) {
      const next: number[] = []
      for (const before of frontier) {
        this.#meter.step()
        for (let at = this.#start[before]!; at < this.#start[before + 1]!; at++) {
          const after = this.#target[at]!
          if (!members.has(after) || reachedBy.has(after)) continue
          reachedBy.set(after, this.#step(before, after, this.#label[at]!))
          next.push(after)
          if (after !== root) continue
          const cycle: Step[] = []
          for (let node = root; cycle.length === 0 || node !== root; node = cycle[0]!.before)
            cycle.unshift(reachedBy.get(node)!)
          return cycle
        }
      }
      frontier = next
    }
    return []
  }

  #step(before: number, after: number, label: number): Step {
    if (label < 0) return { before, after, why: 'process', event: -1 }
    if (label < this.#events) return { before, after, why: 'wr', event: label }
    return { before, after, why: 'ww', event: this.#edges.read[label - this.#events]! }
  }
}
