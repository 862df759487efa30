import { OVERWRITE, type Part, READ, UPDATE } from './part.ts'
import type { Problem } from './problem.ts'
import type { Decision } from './search.ts'

/** Ends of what happens around a value, as places among completions. */
interface Clusters {
  readonly count: number
  /** First completion of an operation of the cluster. */
  readonly firstEnd: Int32Array
  /** Last beginning, as the number of completions before it. */
  readonly lastStart: Int32Array
  /** State of each cluster, and its write; -1: the initial state has none. */
  readonly state: Int32Array
  readonly write: Int32Array
}

/**
 * Decides a register (anything whose updates are all blind writes and whose reads each fit one state) in
 * O(n log n), all of which is sorting: Gibbons and Korach, "Testing shared memories" (1997), theorem 4.2.
 *
 * A write and the reads of its value form a *cluster*; clusters follow each other undivided. Cluster C must come
 * before D if something in C completed before something in D began. Two that must both come first contradict; if
 * no two do, no longer circle does either, and the clusters have an order.
 *
 * Unknown writes: one that was read happened, before the first read of it completed; one that was not read need not.
 *
 * @returns `undefined` where this does not apply: a value that was read could come from two writes, or from the
 *   initial state and a write.
 */
export function decideUniqueValues<S>(part: Part<S>, problem: Problem): Decision | undefined {
  const { kind, transitions } = part
  const { deadlines, count, cls, optional, available } = problem
  const stateOf = statesOf(part)
  if (stateOf.includes(-1)) return undefined

  const states = transitions.stateCount
  const firstRead = new Int32Array(states).fill(-1) // completes first
  const lastRead = new Int32Array(states).fill(-1) // begins last
  const write = new Int32Array(states).fill(-1)
  const writes = new Uint8Array(states)
  for (let op = 0; op < count; op++) {
    const state = stateOf[cls[op]!]!
    if (kind[cls[op]!] === OVERWRITE) {
      write[state] = op
      if (writes[state]! < 2) writes[state]!++
    } else {
      if (firstRead[state] === -1) firstRead[state] = op
      if (lastRead[state] === -1 || available[op]! > available[lastRead[state]!]!) lastRead[state] = op
    }
  }
  for (let state = 0; state < states; state++) {
    if (firstRead[state] === -1) continue
    if (writes[state]! + (state === part.initial ? 1 : 0) > 1) return undefined
  }
  const isBadRead = (state: number): boolean => {
    if (firstRead[state] === -1 || state === part.initial) return false
    return write[state] === -1 || firstRead[state]! < available[write[state]!]!
  }

  const size = states + deadlines
  const clusters = {
    count: 0,
    firstEnd: new Int32Array(size),
    lastStart: new Int32Array(size),
    state: new Int32Array(size),
    write: new Int32Array(size),
  }
  const add = (firstEnd: number, lastStart: number, state: number, writer: number): void => {
    const at = clusters.count++
    clusters.firstEnd[at] = firstEnd
    clusters.lastStart[at] = lastStart
    clusters.state[at] = state
    clusters.write[at] = writer
  }
  for (let state = 0; state < states; state++) {
    if (firstRead[state] === -1) continue
    if (isBadRead(state)) return violated(part)
    const last = available[lastRead[state]!]!
    if (state === part.initial) add(-1, last, state, -1)
    else {
      const writer = write[state]!
      add(
        Math.min(writer < deadlines ? writer : count, firstRead[state]!),
        Math.max(available[writer]!, last),
        state,
        writer,
      )
    }
  }
  for (let op = 0; op < deadlines; op++) {
    const state = stateOf[cls[op]!]!
    if (kind[cls[op]!] === OVERWRITE && optional[op] === 0 && firstRead[state] === -1)
      add(op, available[op]!, state, op)
  }
  const sorted = inOrder(clusters, deadlines)
  return contradicts(clusters, sorted) ? violated(part) : proof(part, problem, clusters, sorted)
}

/** By class: the state that a blind write leads to, or that a read fits; -1 where there is no such state. */
function statesOf<S>({ kind, onlyIn, leadsTo }: Part<S>): Int32Array {
  return kind.includes(UPDATE)
    ? Int32Array.of(-1)
    : onlyIn.map((only, cls) => (kind[cls] === READ ? only : leadsTo[cls]!))
}

/** Where nothing was searched there is nothing to tell of how far it got. */
function violated<S>(part: Part<S>): Decision {
  return {
    verdict: 'violated',
    order: [],
    state: part.initial,
    frontier: 0,
    isFurthest: false,
    configurations: 0,
  }
}

/**
 * By the earlier end of each zone (between first completion and last beginning): where no two contradict, one that
 * must come first is first in this order.
 */
function inOrder({ count, firstEnd, lastStart }: Clusters, deadlines: number): Int32Array {
  // Completion e is at 2e + 1, a beginning after s completions at 2s; from -1 for the initial value.
  const sorted = new Float64Array(count)
  for (let at = 0; at < count; at++) {
    const low = Math.min(2 * firstEnd[at]! + 1, 2 * Math.min(lastStart[at]!, deadlines))
    sorted[at] = (low + 1) * count + at
  }
  sorted.sort()
  return Int32Array.from(sorted, (both) => both % count)
}

/** Zones whose last beginning comes after their first completion must not meet each other, nor contain another zone. */
function contradicts({ firstEnd, lastStart }: Clusters, sorted: Int32Array): boolean {
  let until = -1 // last beginning of the zones so far of that kind
  for (const at of sorted) {
    if (firstEnd[at]! < until) return true
    if (firstEnd[at]! < lastStart[at]!) until = lastStart[at]!
  }
  return false
}

function proof<S>(part: Part<S>, problem: Problem, { state, write }: Clusters, sorted: Int32Array): Decision {
  const { kind } = part
  const stateOf = statesOf(part)
  const { cls, byStart, place } = problem
  // Reads of each state in order of their beginning.
  const first = new Int32Array(part.transitions.stateCount).fill(-1)
  const following = new Int32Array(problem.count).fill(-1)
  for (let at = byStart.length - 1; at >= 0; at--) {
    const op = byStart[at]!
    if (kind[cls[op]!] === OVERWRITE) continue
    following[op] = first[stateOf[cls[op]!]!]!
    first[stateOf[cls[op]!]!] = op
  }
  const order: number[] = []
  let last = part.initial
  for (const at of sorted) {
    if (write[at] !== -1) order.push(place[write[at]!]!)
    last = state[at]!
    for (let read = first[last]!; read !== -1; read = following[read]!) order.push(place[read]!)
  }
  return {
    verdict: 'ok',
    order,
    state: last,
    frontier: problem.deadlines,
    isFurthest: true,
    configurations: 0,
  }
}
