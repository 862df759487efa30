import { kindOf, keyOf, READ_WRITE, WRITE_WRITE } from './labels.ts'
import { memberOf, type Polygraph } from './polygraph.ts'
import type { Certain } from './prune.ts'
import { adjacency, type Adjacency, components } from './topological-order.ts'

const CYCLES_TO_COMPARE = 64

/**
 * Members that a contradiction was found with, so that only these have to be looked at for a small reason: those on the cycle,
 * those on the cycles that ruled out the other side of each choice on it, and so on. Not exact: if they do not contradict each
 * other, others were left out, and the caller has to start from all.
 */
export function suspects(
  polygraph: Polygraph,
  certain: Certain,
  choice: number | undefined,
  touched: Uint8Array | undefined,
): Int32Array {
  const collector = new Collector(polygraph, certain)
  if (touched !== undefined) collector.addTouched(touched)
  else if (choice === undefined) collector.addCycle()
  else collector.addChoice(choice)
  return collector.finish()
}

class Collector {
  readonly #polygraph: Polygraph
  readonly #certain: Certain
  readonly #out: Adjacency
  readonly #isSuspect: Uint8Array
  /** Literals whose other side's cycle is still to be added. */
  readonly #pending: number[] = []
  readonly #isDone: Uint8Array
  readonly #enteredBy: Int32Array

  constructor(polygraph: Polygraph, certain: Certain) {
    this.#polygraph = polygraph
    this.#certain = certain
    this.#out = adjacency(polygraph.graph.nodes, certain.from.view(), certain.to.view())
    this.#isSuspect = new Uint8Array(polygraph.members.length)
    this.#isDone = new Uint8Array(polygraph.graph.choices * 2)
    this.#enteredBy = new Int32Array(polygraph.graph.nodes)
  }

  finish(): Int32Array {
    for (let literal = this.#pending.pop(); literal !== undefined; literal = this.#pending.pop())
      this.#addSide(literal ^ 1, this.#certain.round[literal] as number)
    return this.#polygraph.members.filter((_, m) => this.#isSuspect[m] === 1)
  }

  addTouched(touched: Uint8Array): void {
    for (let node = 0; node < touched.length; node++) if (touched[node] === 1) this.#addNode(node)
  }

  addChoice(choice: number): void {
    const rounds = this.#certain.rounds
    this.#addChains(choice * 2)
    this.#addSide(choice * 2, rounds)
    this.#addSide(choice * 2 + 1, rounds)
  }

  /** A cycle of what is certain: the shortest through one of the edges that came last, of the first few that are on one. */
  addCycle(): void {
    const { from, to, literal, rounds, round } = this.#certain
    const component = components(this.#polygraph.graph.nodes, this.#out)
    let best: readonly number[] | undefined
    let left = CYCLES_TO_COMPARE
    for (let edge = from.length - 1; edge >= 0 && left > 0; edge--) {
      const of = literal.at(edge)
      const start = to.at(edge)
      const end = from.at(edge)
      if (rounds > 0 && (of === -1 || round[of] !== rounds)) continue
      if (component[start] !== component[end] || !this.#search(start, end, rounds + 1)) continue
      const cycle = [edge, ...this.#pathTo(end)]
      if (best === undefined || cycle.length < best.length) best = cycle
      left--
    }
    for (const edge of best ?? []) this.#addEdge(edge)
  }

  /** The cycle that this side would close with what was certain before that round. */
  #addSide(side: number, round: number): void {
    const { sideStart, sideFrom, sideTo, sideLabel } = this.#polygraph.graph
    for (let i = sideStart[side] as number; i < (sideStart[side + 1] as number); i++) {
      const from = sideFrom[i] as number
      const to = sideTo[i] as number
      if (!this.#search(to, from, round)) continue
      for (const edge of this.#pathTo(from)) this.#addEdge(edge)
      this.#addNode(from)
      this.#addNode(to)
      this.#addRead(from, sideLabel[i] as number)
      return
    }
  }

  #search(start: number, goal: number, beforeRound: number): boolean {
    const { round, literal } = this.#certain
    const enteredBy = this.#enteredBy.fill(-2)
    const queue = [start]
    enteredBy[start] = -1
    for (let head = 0; head < queue.length && enteredBy[goal] === -2; head++) {
      const node = queue[head] as number
      for (let i = this.#out.start[node] as number; i < (this.#out.start[node + 1] as number); i++) {
        const next = this.#out.to[i] as number
        const edge = this.#out.edge[i] as number
        const of = literal.at(edge)
        if (enteredBy[next] !== -2 || (of !== -1 && (round[of] as number) >= beforeRound)) continue
        enteredBy[next] = edge
        queue.push(next)
      }
    }
    return enteredBy[goal] !== -2
  }

  /** The edges found by the last search, backwards. */
  #pathTo(goal: number): readonly number[] {
    const { from } = this.#certain
    const path: number[] = []
    let edge = this.#enteredBy[goal] as number
    for (; edge !== -1; edge = this.#enteredBy[from.at(edge)] as number) path.push(edge)
    return path
  }

  #addEdge(edge: number): void {
    const { from, to, literal } = this.#certain
    this.#addNode(from.at(edge))
    this.#addNode(to.at(edge))
    const of = literal.at(edge)
    const graph = this.#polygraph.graph
    if (of === -1) {
      const known = graph.label[edge] as number
      this.#addRead(from.at(edge), known)
      return
    }
    for (let i = graph.sideStart[of] as number; i < (graph.sideStart[of + 1] as number); i++)
      this.#addRead(graph.sideFrom[i] as number, graph.sideLabel[i] as number)
    if (this.#isDone[of] === 1) return
    this.#isDone[of] = 1
    this.#addChains(of)
    this.#pending.push(of)
  }

  #addNode(node: number): void {
    const member = memberOf(this.#polygraph, node)
    if (member !== -1) this.#isSuspect[member] = 1
  }

  /** A read-write edge holds because of the version read: its writer and its reader, who may be behind a helper node. */
  #addRead(from: number, of: number): void {
    if (kindOf(of) !== READ_WRITE) return
    const { versions } = this.#polygraph
    const { keyStart, readerStart, reader, writer } = versions
    const key = keyOf(of)
    const member = memberOf(this.#polygraph, from)
    if (member === -1) return
    for (let v = keyStart[key] as number; v < (keyStart[key + 1] as number); v++)
      for (let i = readerStart[v] as number; i < (readerStart[v + 1] as number); i++)
        if (reader[i] === member && writer[v] !== -1) this.#isSuspect[writer[v] as number] = 1
  }

  /** What is between the ends of the two chains that a choice is about. */
  #addChains(literal: number): void {
    const { graph, versions, after } = this.#polygraph
    for (const side of [literal, literal ^ 1]) {
      const at = graph.sideStart[side] as number
      const of = graph.sideLabel[at] as number
      if (kindOf(of) !== WRITE_WRITE) continue
      const first = memberOf(this.#polygraph, graph.sideFrom[at] as number)
      const second = memberOf(this.#polygraph, graph.sideTo[at] as number)
      this.#addNode(graph.sideFrom[at] as number)
      this.#addNode(graph.sideTo[at] as number)
      const key = keyOf(of)
      const end = versions.keyStart[key + 1] as number
      for (let v = versions.keyStart[key] as number; v < end; v++) {
        const member = versions.writer[v] as number
        if (member !== second && member !== first) continue
        for (let next = after[v] as number; next !== -1; next = after[next] as number)
          this.#isSuspect[versions.writer[next] as number] = 1
      }
    }
  }
}
