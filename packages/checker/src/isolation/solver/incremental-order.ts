import { IntList } from './int-list.ts'

/** The tag of an edge that is always there. */
export const KNOWN = -1

/**
 * A graph without cycles, kept in topological order while edges come and go, last in, first out
 * (Pearce & Kelly 2006, "A dynamic topological sort algorithm for directed acyclic graphs"): an edge that agrees with
 * the order costs nothing, any other only touches the nodes that the order has between its ends.
 */
export class IncrementalOrder {
  /** Place of each node; each edge leads to a higher one. */
  readonly rank: Int32Array
  /** After `add()` returned `false`: the tags on the cycle, that of the refused edge not among them. */
  readonly cycleTags: IntList = new IntList()
  /** And its nodes, in order, from where the refused edge leads to back to where it starts. */
  readonly cycleNodes: IntList = new IntList()
  /** How often the order has changed. */
  changes = 0

  readonly #from = new IntList(1024)
  readonly #to = new IntList(1024)
  readonly #tag = new IntList(1024)
  readonly #nextOut = new IntList(1024)
  readonly #nextIn = new IntList(1024)
  readonly #lastOut: Int32Array
  readonly #lastIn: Int32Array

  #stamp = 0
  readonly #seen: Int32Array
  readonly #enteredBy: Int32Array
  readonly #ahead = new IntList()
  readonly #behind = new IntList()

  /** `rank` has to be a topological order of the edges; it is kept and changed. */
  constructor(rank: Int32Array, from: Int32Array, to: Int32Array) {
    const nodes = rank.length
    this.rank = rank
    this.#lastOut = new Int32Array(nodes).fill(-1)
    this.#lastIn = new Int32Array(nodes).fill(-1)
    this.#seen = new Int32Array(nodes)
    this.#enteredBy = new Int32Array(nodes)
    for (let i = 0; i < from.length; i++) this.#insert(from[i] as number, to[i] as number, KNOWN)
  }

  get edges(): number {
    return this.#from.length
  }

  /** Adds an edge. `false`: it would close a cycle and was not added. */
  add(from: number, to: number, tag: number): boolean {
    if ((this.rank[from] as number) >= (this.rank[to] as number)) {
      if (this.#searchAhead(from, to)) return false
      this.#searchBehind(from, to)
      this.#reorder()
    }
    this.#insert(from, to, tag)
    return true
  }

  /** Takes the last edges back until only so many are left. The order stays right with fewer edges. */
  truncate(edges: number): void {
    for (let i = this.#from.length - 1; i >= edges; i--) {
      this.#lastOut[this.#from.at(i)] = this.#nextOut.at(i)
      this.#lastIn[this.#to.at(i)] = this.#nextIn.at(i)
    }
    for (const list of [this.#from, this.#to, this.#tag, this.#nextOut, this.#nextIn]) list.length = edges
  }

  #insert(from: number, to: number, tag: number): void {
    const edge = this.#from.length
    this.#from.push(from)
    this.#to.push(to)
    this.#tag.push(tag)
    this.#nextOut.push(this.#lastOut[from] as number)
    this.#nextIn.push(this.#lastIn[to] as number)
    this.#lastOut[from] = edge
    this.#lastIn[to] = edge
  }

  /** What `to` leads to, up to the place of `from`, breadth first so that a cycle found is a short one. */
  #searchAhead(from: number, to: number): boolean {
    const stamp = ++this.#stamp
    const limit = this.rank[from] as number
    const queue = this.#ahead
    queue.length = 0
    queue.push(to)
    this.#seen[to] = stamp
    this.#enteredBy[to] = -1
    if (from === to) return this.#noteCycle(from)
    for (let head = 0; head < queue.length; head++) {
      for (let edge = this.#lastOut[queue.at(head)] as number; edge !== -1; edge = this.#nextOut.at(edge)) {
        const next = this.#to.at(edge)
        if ((this.rank[next] as number) > limit || this.#seen[next] === stamp) continue
        this.#seen[next] = stamp
        this.#enteredBy[next] = edge
        if (next === from) return this.#noteCycle(from)
        queue.push(next)
      }
    }
    return false
  }

  #noteCycle(end: number): true {
    this.cycleTags.length = 0
    this.cycleNodes.length = 0
    let node = end
    for (;;) {
      this.cycleNodes.push(node)
      const edge = this.#enteredBy[node] as number
      if (edge === -1) break
      const tag = this.#tag.at(edge)
      if (tag !== KNOWN) this.cycleTags.push(tag)
      node = this.#from.at(edge)
    }
    this.cycleNodes.view().reverse()
    return true
  }

  /** What leads to `from`, down to the place of `to`. */
  #searchBehind(from: number, to: number): void {
    const stamp = ++this.#stamp
    const limit = this.rank[to] as number
    const queue = this.#behind
    queue.length = 0
    queue.push(from)
    this.#seen[from] = stamp
    for (let head = 0; head < queue.length; head++) {
      for (let edge = this.#lastIn[queue.at(head)] as number; edge !== -1; edge = this.#nextIn.at(edge)) {
        const next = this.#from.at(edge)
        if ((this.rank[next] as number) < limit || this.#seen[next] === stamp) continue
        this.#seen[next] = stamp
        queue.push(next)
      }
    }
  }

  /** The places of both sets are shared out anew: first those behind, then those ahead, each in the order it had. */
  #reorder(): void {
    this.changes++
    const rank = this.rank
    const byRank = (a: number, b: number): number => (rank[a] as number) - (rank[b] as number)
    const behind = this.#behind.view().toSorted(byRank)
    const ahead = this.#ahead.view().toSorted(byRank)
    const places = new Int32Array(behind.length + ahead.length)
    for (let i = 0; i < behind.length; i++) places[i] = rank[behind[i] as number] as number
    for (let i = 0; i < ahead.length; i++) places[behind.length + i] = rank[ahead[i] as number] as number
    places.sort()
    for (let i = 0; i < behind.length; i++) rank[behind[i] as number] = places[i] as number
    for (let i = 0; i < ahead.length; i++) rank[ahead[i] as number] = places[behind.length + i] as number
  }
}
