import { ActivityHeap } from './activity-heap.ts'
import type { ConstraintGraph } from './constraint-graph.ts'
import { IncrementalOrder } from './incremental-order.ts'
import { IntList } from './int-list.ts'
import type { Meter } from './meter.ts'
import type { Certain } from './prune.ts'

const NO_REASON = -1
const FIRST_RESTART_CONFLICTS = 128
const DECAY = 0.95
/** Learned clauses kept at first; then 10 % more each time half of them were forgotten. */
const FIRST_CLAUSE_LIMIT = 8_000
const STEPS_PER_CLOCK = 2_048

export type SearchResult =
  /** Every choice has a side of which all edges lead to a higher rank. */
  | { readonly kind: 'found'; readonly rank: Int32Array }
  /** `touched[node]` is 1 for nodes on the cycles that rule everything out. */
  | { readonly kind: 'none'; readonly touched: Uint8Array }
  | { readonly kind: 'spent' }

/**
 * Conflict-driven search (CDCL, Marques-Silva & Sakallah 1996) for a way to make all open choices without a cycle. The
 * order of the graph is the theory: the edges of each literal are added as soon as it is chosen, and a cycle is learned
 * as the clause "not all of these literals".
 *
 * A choice of which one side agrees with the present order is left open: it is as good as made. So only choices that the
 * order contradicts, and those that were part of a conflict, are ever decided, and a good first order ends the search
 * at once.
 */
export class Search {
  decisions = 0
  conflicts = 0
  restarts = 0
  readonly #graph: ConstraintGraph
  readonly #meter: Meter
  readonly #order: IncrementalOrder
  /** 1 for literals that hold. */
  readonly #holds: Uint8Array
  /** Of each choice: depth at which it was made, and the clause that made it. */
  readonly #depthOf: Int32Array
  readonly #reasonOf: Int32Array
  readonly #trail = new IntList()
  readonly #trailStart = new IntList()
  /** Edges in the order before the literal at this place of the trail. */
  readonly #edgesBefore = new IntList()
  #propagated = 0
  /** Choices that were part of a conflict. */
  readonly #heap: ActivityHeap
  /** First literals of the choices that were open at the start, gone through in turn. */
  readonly #open: Int32Array
  #nextOpen = 0
  #bump = 1
  /** The literals of a clause; the first two are watched. */
  #clauses: Int32Array[] = []
  #glue: number[] = []
  /** By literal: clauses that watch it. */
  readonly #watchers: (number[] | undefined)[]
  #clauseLimit = FIRST_CLAUSE_LIMIT
  readonly #seen: Uint8Array
  readonly #touched: Uint8Array
  #steps = 0

  constructor(graph: ConstraintGraph, certain: Certain, rank: Int32Array, meter: Meter) {
    this.#graph = graph
    this.#meter = meter
    this.#order = new IncrementalOrder(rank, certain.from.view(), certain.to.view())
    this.#holds = certain.taken.slice()
    this.#depthOf = new Int32Array(graph.choices)
    this.#reasonOf = new Int32Array(graph.choices).fill(NO_REASON)
    this.#heap = new ActivityHeap(graph.choices)
    this.#watchers = Array.from({ length: graph.choices * 2 }, () => undefined)
    this.#seen = new Uint8Array(graph.choices)
    this.#touched = new Uint8Array(graph.nodes)
    this.#open = Int32Array.from({ length: certain.openChoices })
    let open = 0
    for (let literal = 0; literal < certain.taken.length; literal += 2)
      if (certain.taken[literal] === 0 && certain.taken[literal + 1] === 0) this.#open[open++] = literal
  }

  run(): SearchResult {
    let conflictsLeft = FIRST_RESTART_CONFLICTS
    for (;;) {
      const conflict = this.#propagate()
      if (conflict !== undefined) {
        this.conflicts++
        conflictsLeft--
        if (this.#depth === 0) return { kind: 'none', touched: this.#touched }
        this.#learn(conflict)
      } else if (conflictsLeft <= 0) {
        this.restarts++
        conflictsLeft = FIRST_RESTART_CONFLICTS * luby(this.restarts)
        this.#backTo(0)
        if (this.#clauses.length > this.#clauseLimit) this.#forget()
      } else if (!this.#decide()) {
        return this.#meter.reason === undefined
          ? { kind: 'found', rank: this.#order.rank }
          : { kind: 'spent' }
      }
      if (++this.#steps % STEPS_PER_CLOCK === 0 && this.#meter.isSpent()) return { kind: 'spent' }
      if (this.#meter.reason !== undefined) return { kind: 'spent' }
    }
  }

  get #depth(): number {
    return this.#trailStart.length
  }

  /** `false`: nothing is left to decide. */
  #decide(): boolean {
    const literal = this.#mostActive()
    const side = literal === -1 ? this.#contradicted() : literal
    if (side === -1) return false
    this.decisions++
    this.#trailStart.push(this.#trail.length)
    this.#assign(this.#againstOrder(side) <= this.#againstOrder(side ^ 1) ? side : side ^ 1, NO_REASON)
    return true
  }

  #mostActive(): number {
    for (;;) {
      const choice = this.#heap.pop()
      if (choice === -1) return -1
      if (this.#isOpen(choice * 2)) return choice * 2
    }
  }

  /** An open choice of which no side agrees with the order; -1 if there is none. */
  #contradicted(): number {
    for (let looked = 0; looked < this.#open.length; looked++) {
      const literal = this.#open[this.#nextOpen] as number
      this.#nextOpen = this.#nextOpen + 1 === this.#open.length ? 0 : this.#nextOpen + 1
      if (!this.#isOpen(literal)) continue
      if (this.#againstOrder(literal) !== 0 && this.#againstOrder(literal + 1) !== 0) return literal
    }
    return -1
  }

  #isOpen(literal: number): boolean {
    return this.#holds[literal] === 0 && this.#holds[literal ^ 1] === 0
  }

  /** How many edges of a side disagree with the present order; the first one, which is the choice itself, weighs double. */
  #againstOrder(literal: number): number {
    const { sideStart, sideFrom, sideTo } = this.#graph
    const rank = this.#order.rank
    const start = sideStart[literal] as number
    const end = sideStart[literal + 1] as number
    let against = 0
    for (let i = start; i < end; i++)
      if ((rank[sideFrom[i] as number] as number) > (rank[sideTo[i] as number] as number))
        against += i === start ? 2 : 1
    return against
  }

  #assign(literal: number, reason: number): void {
    const choice = literal >> 1
    this.#holds[literal] = 1
    this.#depthOf[choice] = this.#depth
    this.#reasonOf[choice] = reason
    this.#trail.push(literal)
    this.#edgesBefore.push(this.#order.edges)
  }

  /** Follows up everything on the trail. Returns the literals that cannot all hold, if there are such. */
  #propagate(): Int32Array | undefined {
    while (this.#propagated < this.#trail.length) {
      const place = this.#propagated++
      const literal = this.#trail.at(place)
      this.#edgesBefore.view()[place] = this.#order.edges
      const conflict = this.#addEdges(literal) ?? this.#propagateClauses(literal ^ 1)
      if (conflict !== undefined) return conflict
    }
    return undefined
  }

  #addEdges(literal: number): Int32Array | undefined {
    const { sideStart, sideFrom, sideTo } = this.#graph
    const end = sideStart[literal + 1] as number
    for (let i = sideStart[literal] as number; i < end; i++) {
      if (this.#order.add(sideFrom[i] as number, sideTo[i] as number, literal)) continue
      const literals = new Set(this.#order.cycleTags.view())
      literals.add(literal)
      for (const node of this.#order.cycleNodes.view()) this.#touched[node] = 1
      for (const other of literals) this.#touchEnds(other)
      return Int32Array.from(literals)
    }
    return undefined
  }

  #touchEnds(literal: number): void {
    const { sideStart, sideFrom, sideTo } = this.#graph
    for (const side of [literal, literal ^ 1]) {
      const first = sideStart[side] as number
      this.#touched[sideFrom[first] as number] = 1
      this.#touched[sideTo[first] as number] = 1
    }
  }

  /** `failed` has just become false: the clauses that watched it look for another literal. */
  #propagateClauses(failed: number): Int32Array | undefined {
    const watchers = this.#watchers[failed]
    if (watchers === undefined) return undefined
    let kept = 0
    for (let w = 0; w < watchers.length; w++) {
      const id = watchers[w] as number
      const clause = this.#clauses[id] as Int32Array
      if (clause[0] === failed) {
        clause[0] = clause[1] as number
        clause[1] = failed
      }
      const first = clause[0] as number
      if (this.#holds[first] === 1 || !this.#watchAnother(clause, id)) {
        watchers[kept++] = id
        if (this.#holds[first] === 1) continue
        if (this.#holds[first ^ 1] === 1) {
          for (w++; w < watchers.length; w++) watchers[kept++] = watchers[w] as number
          watchers.length = kept
          return clause.map((literal) => literal ^ 1)
        }
        this.#assign(first, id)
      }
    }
    watchers.length = kept
    return undefined
  }

  #watchAnother(clause: Int32Array, id: number): boolean {
    for (let i = 2; i < clause.length; i++) {
      const literal = clause[i] as number
      if (this.#holds[literal ^ 1] === 1) continue
      clause[i] = clause[1] as number
      clause[1] = literal
      this.#watch(literal, id)
      return true
    }
    return false
  }

  /**
   * From literals that hold but cannot hold together: the clause of the first unique implication point, and back to
   * where it would have forced something. One of the literals is of the present depth, or they would have been found before.
   */
  #learn(conflict: Int32Array): void {
    const deepest = this.#depth
    const others: number[] = []
    let pending = 0
    let place = this.#trail.length
    let literals: Int32Array = conflict
    let pivot = -1
    for (;;) {
      for (const literal of literals) {
        const choice = literal >> 1
        if (literal === pivot || this.#seen[choice] === 1 || this.#depthOf[choice] === 0) continue
        this.#seen[choice] = 1
        this.#raise(choice)
        if (this.#depthOf[choice] === deepest) pending++
        else others.push(literal)
      }
      do pivot = this.#trail.at(--place)
      while (this.#seen[pivot >> 1] === 0)
      pending--
      this.#seen[pivot >> 1] = 0
      if (pending === 0) break
      const reason = this.#clauses[this.#reasonOf[pivot >> 1] as number] as Int32Array
      // The reason made the pivot hold: all its other literals are false.
      literals = reason.map((literal) => (literal === pivot ? literal : literal ^ 1))
    }
    for (const literal of others) this.#seen[literal >> 1] = 0
    this.#bump /= DECAY
    others.sort((a, b) => (this.#depthOf[b >> 1] as number) - (this.#depthOf[a >> 1] as number))
    const back = others.length === 0 ? 0 : (this.#depthOf[(others[0] as number) >> 1] as number)
    const glue = new Set(others.map((literal) => this.#depthOf[literal >> 1])).size + 1
    this.#backTo(back)
    const clause = Int32Array.from([pivot, ...others], (literal) => literal ^ 1)
    this.#assign(clause[0] as number, this.#addClause(clause, glue))
  }

  #addClause(clause: Int32Array, glue: number): number {
    const id = this.#clauses.length
    this.#clauses.push(clause)
    this.#glue.push(glue)
    this.#meter.take(clause.byteLength + 64)
    if (clause.length > 1) {
      this.#watch(clause[0] as number, id)
      this.#watch(clause[1] as number, id)
    }
    return id
  }

  #watch(literal: number, id: number): void {
    const watchers = this.#watchers[literal]
    if (watchers === undefined) this.#watchers[literal] = [id]
    else watchers.push(id)
  }

  #raise(choice: number): void {
    const activity = this.#heap.activity
    activity[choice] = (activity[choice] as number) + this.#bump
    if (activity[choice] > 1e100) {
      for (let c = 0; c < activity.length; c++) activity[c] = (activity[c] as number) * 1e-100
      this.#bump *= 1e-100
    }
    this.#heap.raise(choice)
  }

  #backTo(depth: number): void {
    if (depth >= this.#depth) return
    const start = this.#trailStart.at(depth)
    if (start < this.#propagated) this.#order.truncate(this.#edgesBefore.at(start))
    for (let i = this.#trail.length - 1; i >= start; i--) {
      const literal = this.#trail.at(i)
      this.#holds[literal] = 0
      if ((this.#heap.activity[literal >> 1] as number) > 0) this.#heap.push(literal >> 1)
    }
    this.#trail.length = start
    this.#edgesBefore.length = start
    this.#trailStart.length = depth
    this.#propagated = Math.min(this.#propagated, start)
  }

  /** Drops the half of the clauses that join the most depths. Only at depth 0, where no clause is a reason that counts. */
  #forget(): void {
    const ids = this.#clauses.map((_, id) => id).filter((id) => (this.#clauses[id] as Int32Array).length > 1)
    ids.sort((a, b) => (this.#glue[a] as number) - (this.#glue[b] as number))
    const kept = ids.filter((id, i) => i < ids.length / 2 || (this.#glue[id] as number) <= 2)
    const clauses = kept.map((id) => this.#clauses[id] as Int32Array)
    const glue = kept.map((id) => this.#glue[id] as number)
    for (const clause of this.#clauses) this.#meter.release(clause.byteLength + 64)
    this.#watchers.fill(undefined)
    this.#clauses = []
    this.#glue = []
    clauses.forEach((clause, i) => this.#addClause(clause, glue[i] as number))
    this.#clauseLimit *= 1.1
  }
}

/** 1 1 2 1 1 2 4 1 1 2 … (Luby, Sinclair & Zuckerman 1993), from 1. */
function luby(place: number): number {
  let size = 1
  while (size < place + 1) size *= 2
  if (size === place + 1) return size / 2
  return luby(place - size / 2 + 1)
}
