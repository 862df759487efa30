import { AMBIGUOUS, COMMITTED, EXTERNAL, INITIAL } from '../../transactions/register-transactions.ts'
import { commitOf, snapshotOf } from './nodes.ts'
import type { Problem } from './problem.ts'

/**
 * Runs the transactions in the order of `rank` (of the nodes of a polygraph) on a plain key-value map and says what the level
 * does not allow; `undefined`: nothing. It knows nothing of edges, so it checks the solver by another path.
 */
export function faultOf(problem: Problem, members: Int32Array, rank: Int32Array): string | undefined {
  const { level, transactions } = problem
  const { eventStart, eventKey, eventValue, readKind, isFinal, initialValue } = transactions
  const split = level !== 'serializable'
  const nodes = split ? members.length * 2 : members.length
  const order = Int32Array.from({ length: nodes }, (_, node) => node).toSorted(
    (a, b) => (rank[a] as number) - (rank[b] as number),
  )
  const value = new Int32Array(transactions.keys.size).fill(initialValue)
  const committedAt = new Int32Array(transactions.keys.size).fill(-1)
  for (const node of order) {
    const member = split ? node >> 1 : node
    const t = members[member] as number
    const end = eventStart[t + 1] as number
    if (!split || (node & 1) === 0) {
      for (let event = eventStart[t] as number; event < end; event++) {
        const kind = readKind[event]
        if (kind !== EXTERNAL && kind !== INITIAL && kind !== AMBIGUOUS) continue
        if (value[eventKey[event] as number] !== eventValue[event]) return `#${t} reads another value`
      }
    }
    if (split && (node & 1) === 0) continue
    const snapshot = rank[snapshotOf(split, member)] as number
    for (let event = eventStart[t] as number; event < end; event++) {
      if (isFinal[event] === 0) continue
      const key = eventKey[event] as number
      if (level === 'snapshot-isolation' && (committedAt[key] as number) > snapshot)
        return `#${t} overwrites what its snapshot does not have`
      value[key] = eventValue[event] as number
      committedAt[key] = rank[node] as number
    }
  }
  return orderFault(problem, members, rank, split)
}

/** Sessions and real time. */
function orderFault(
  problem: Problem,
  members: Int32Array,
  rank: Int32Array,
  split: boolean,
): string | undefined {
  const { session, sessionCount, status, history } = problem.transactions
  const { operations } = history
  if (problem.sessionOrder) {
    const last = new Int32Array(sessionCount).fill(-1)
    for (let m = 0; m < members.length; m++) {
      const t = members[m] as number
      const of = session[t] as number
      if ((rank[snapshotOf(split, m)] as number) <= (last[of] as number))
        return `#${t} misses its own session`
      if (status[t] === COMMITTED) last[of] = rank[commitOf(split, m)] as number
    }
  }
  if (problem.realTime) {
    const at = (m: number): number => members[m] as number
    const all = Array.from(members, (_, m) => m)
    const ends = all.toSorted((a, b) => (operations[at(a)]?.end ?? 0) - (operations[at(b)]?.end ?? 0))
    const starts = all.toSorted((a, b) => (operations[at(a)]?.start ?? 0) - (operations[at(b)]?.start ?? 0))
    let latest = -1
    let next = 0
    for (const m of starts) {
      const start = operations[at(m)]?.start ?? 0
      for (; next < ends.length && (operations[at(ends[next] as number)]?.end ?? 0) < start; next++)
        latest = Math.max(latest, rank[commitOf(split, ends[next] as number)] as number)
      if ((rank[snapshotOf(split, m)] as number) <= latest)
        return `#${at(m)} misses what had completed before it`
    }
  }
  return undefined
}
