import { COMMITTED } from '../../transactions/register-transactions.ts'
import type { GraphBuilder } from './constraint-graph.ts'
import type { Meter } from './meter.ts'
import { commitOf } from './nodes.ts'
import type { Problem } from './problem.ts'
import { adjacency, topologicalOrder } from './topological-order.ts'

/** More sessions than this make the table larger than the pairs that it saves. */
const MAX_LINES = 256

/**
 * Which commits come before which by what is known: sessions, real time, who read from whom. Members stand on *lines*, the
 * sessions, on which all is in order; so for each member the last one of each line that commits before it says everything.
 */
export class KnownOrder {
  readonly lines: number
  /** Line of each member, -1 if it stands on none, and its place on it, from 1. */
  readonly lineOf: Int32Array
  readonly placeOf: Int32Array
  readonly #last: Int32Array

  /** `undefined` if there are too many lines or bytes; `cyclic` if what is known has a cycle already. */
  static of(
    problem: Problem,
    members: Int32Array,
    builder: GraphBuilder,
    meter: Meter,
  ): KnownOrder | 'cyclic' | undefined {
    const { session, sessionCount, status } = problem.transactions
    const lineOf = new Int32Array(members.length)
    const placeOf = new Int32Array(members.length)
    const length = new Int32Array(sessionCount)
    for (let m = 0; m < members.length; m++) {
      const t = members[m] as number
      const of = session[t] as number
      // One that is not known to have completed comes before none of its session.
      lineOf[m] = status[t] === COMMITTED ? of : -1
      if (status[t] !== COMMITTED) continue
      placeOf[m] = (length[of] as number) + 1
      length[of] = placeOf[m] as number
    }
    const lines = sessionCount
    const bytes = 4 * lines * builder.nodes
    if (lines > MAX_LINES || bytes > meter.freeBytes / 2) return undefined
    // Transient: it is gone before the large tables of the search come.
    meter.take(bytes)
    meter.release(bytes)
    const { nodes, from, to } = builder.build()
    const out = adjacency(nodes, from, to)
    const order = topologicalOrder(nodes, out)
    if (order === undefined) return 'cyclic'
    return new KnownOrder(problem, lines, lineOf, placeOf, order, out)
  }

  private constructor(
    problem: Problem,
    lines: number,
    lineOf: Int32Array,
    placeOf: Int32Array,
    order: Int32Array,
    out: { readonly start: Int32Array; readonly to: Int32Array },
  ) {
    this.lines = lines
    this.lineOf = lineOf
    this.placeOf = placeOf
    const split = problem.level !== 'serializable'
    const last = new Int32Array(lines * order.length)
    for (const node of order) {
      const row = node * lines
      const isCommit = split ? node < lineOf.length * 2 && (node & 1) === 1 : node < lineOf.length
      const member = split ? node >> 1 : node
      const line = isCommit ? (lineOf[member] as number) : -1
      for (let i = out.start[node] as number; i < (out.start[node + 1] as number); i++) {
        const target = (out.to[i] as number) * lines
        for (let c = 0; c < lines; c++) {
          const place = c === line ? (placeOf[member] as number) : (last[row + c] as number)
          if (place > (last[target + c] as number)) last[target + c] = place
        }
      }
    }
    // Only the rows of commits are asked for.
    this.#last = new Int32Array(lines * lineOf.length)
    for (let m = 0; m < lineOf.length; m++) {
      const row = commitOf(split, m) * lines
      this.#last.set(last.subarray(row, row + lines), m * lines)
    }
  }

  /** Place of the last member of `line` that commits before `member`; 0 if there is none. */
  lastBefore(member: number, line: number): number {
    return this.#last[member * this.lines + line] as number
  }

  /** Known to be; of a member that stands on no line, nothing is known. */
  isBefore(a: number, b: number): boolean {
    if (this.lineOf[a] === -1) return false
    return this.lastBefore(b, this.lineOf[a] as number) >= (this.placeOf[a] as number)
  }
}
