import type { History } from '../../../history.ts'
import type { MicroOperation, Operation } from '../../../operation.ts'
import { sameValue } from '../../../value.ts'
import type { SolverLevel } from '../problem.ts'

export interface Order {
  readonly sessionOrder: boolean
  readonly realTime: boolean
}

interface Txn {
  readonly operation: Operation
  readonly steps: readonly MicroOperation[]
  /** Transactions that must have committed before this one takes its snapshot. */
  readonly after: readonly Txn[]
}

const stepsOf = (operation: Operation): readonly MicroOperation[] =>
  (operation.status === 'ok' ? operation.output : operation.input) as readonly MicroOperation[]

function txnsOf(history: History, order: Order): readonly Txn[] {
  const txns: Txn[] = []
  for (const operation of history.operations) {
    if (operation.status === 'fail') continue
    const after = txns.filter(
      ({ operation: other }) =>
        other.status === 'ok' &&
        ((order.sessionOrder && other.process === operation.process) ||
          (order.realTime && other.end < operation.start)),
    )
    txns.push({ operation, steps: stepsOf(operation), after })
  }
  return txns
}

/** What a transaction leaves behind; `undefined` if it cannot have read what it says it read. */
function run(
  txn: Txn,
  state: ReadonlyMap<unknown, unknown>,
  initial: unknown,
): Map<unknown, unknown> | undefined {
  const own = new Map<unknown, unknown>()
  for (const [kind, key, value] of txn.steps) {
    if (kind === 'w') own.set(key, value)
    else if (txn.operation.status === 'ok') {
      const seen = own.has(key) ? own.get(key) : state.has(key) ? state.get(key) : initial
      if (!sameValue(seen, value)) return undefined
    }
  }
  return own
}

/**
 * Tries all lines of snapshots and commits, running each on a map: the definition of the levels as people tell it.
 * A transaction of unknown status may be anywhere on the line that its order allows, or not be there.
 */
export function keepsByPoints(history: History, level: SolverLevel, order: Order): boolean {
  const txns = txnsOf(history, order)
  const needed = txns.filter(({ operation }) => operation.status === 'ok').length
  const committed = new Set<Txn>()
  const begun = new Map<Txn, { writes: Map<unknown, unknown>; overwritten: Set<unknown> }>()

  const search = (state: ReadonlyMap<unknown, unknown>, done: number): boolean => {
    if (done === needed) return true
    for (const txn of txns) {
      if (committed.has(txn)) continue
      const open = begun.get(txn)
      if (open === undefined) {
        if (!txn.after.every((other) => committed.has(other))) continue
        const writes = run(txn, state, history.initial)
        if (writes === undefined) continue
        begun.set(txn, { writes, overwritten: new Set() })
        const found = level === 'serializable' ? commit(txn, state, done) : search(state, done)
        if (found) return true
        begun.delete(txn)
      } else if (level !== 'serializable' && commit(txn, state, done)) return true
    }
    return false
  }

  const commit = (txn: Txn, state: ReadonlyMap<unknown, unknown>, done: number): boolean => {
    const { writes, overwritten } = begun.get(txn) as {
      writes: Map<unknown, unknown>
      overwritten: Set<unknown>
    }
    if (level === 'snapshot-isolation' && [...writes.keys()].some((key) => overwritten.has(key))) return false
    const next = new Map(state)
    const marked: [Set<unknown>, unknown][] = []
    for (const [key, value] of writes) {
      next.set(key, value)
      for (const [other, { overwritten: theirs }] of begun)
        if (other !== txn && !committed.has(other) && !theirs.has(key)) {
          theirs.add(key)
          marked.push([theirs, key])
        }
    }
    committed.add(txn)
    const found = search(next, done + (txn.operation.status === 'ok' ? 1 : 0))
    committed.delete(txn)
    for (const [set, key] of marked) set.delete(key)
    return found
  }

  return search(new Map(), 0)
}

/**
 * Tries all commit orders and all choices of unknown transactions against the axioms of Biswas & Enea (OOPSLA 2019, figure 2):
 * if `t3` read `x` from `t1`, and `t2`, another writer of `x`, is before `t3` in the way that the level names, then `t2` is before `t1`.
 * Only for values that are unique.
 */
export function keepsByAxioms(history: History, level: SolverLevel, order: Order): boolean {
  const all = txnsOf(history, order)
  const certain = all.filter(({ operation }) => operation.status === 'ok')
  const unknown = all.filter(({ operation }) => operation.status === 'unknown')
  for (let choice = 0; choice < 2 ** unknown.length; choice++) {
    const txns = [...certain, ...unknown.filter((_, i) => ((choice >> i) & 1) === 1)]
    if (keepsWith(txns, history.initial, level)) return true
  }
  return false
}

function keepsWith(txns: readonly Txn[], initial: unknown, level: SolverLevel): boolean {
  const finals = txns.map(
    (txn) => new Map(txn.steps.filter(([kind]) => kind === 'w').map(([, key, value]) => [key, value])),
  )
  const writes = (txn: number, key: unknown): boolean => (finals[txn] as Map<unknown, unknown>).has(key)
  /** Reader, key and writer, -1 for the initial state. */
  const reads: { reader: number; key: unknown; writer: number }[] = []
  for (const [reader, txn] of txns.entries()) {
    if (txn.operation.status !== 'ok') continue
    const own = new Map<unknown, unknown>()
    for (const [kind, key, value] of txn.steps) {
      if (kind === 'w') own.set(key, value)
      else if (own.has(key)) {
        if (!sameValue(own.get(key), value)) return false
      } else {
        const writer = finals.findIndex(
          (final, i) => i !== reader && final.has(key) && sameValue(final.get(key), value),
        )
        if (writer === -1 && !sameValue(value, initial)) return false
        reads.push({ reader, key, writer })
      }
    }
  }
  const visible = (a: number, b: number): boolean =>
    (txns[b] as Txn).after.includes(txns[a] as Txn) ||
    reads.some((read) => read.writer === a && read.reader === b)
  const axiom = (place: readonly number[]): boolean => {
    const before = (a: number, b: number): boolean => (place[a] as number) < (place[b] as number)
    const orEqual = (a: number, b: number): boolean => a === b || before(a, b)
    const conflicts = (a: number, b: number): boolean =>
      before(a, b) && [...(finals[a] as Map<unknown, unknown>).keys()].some((key) => writes(b, key))
    const isBefore = (t2: number, t3: number): boolean =>
      level === 'serializable'
        ? before(t2, t3)
        : txns.some(
            (_, t4) =>
              orEqual(t2, t4) && (visible(t4, t3) || (level === 'snapshot-isolation' && conflicts(t4, t3))),
          )
    for (const { reader, key, writer } of reads)
      for (let t2 = 0; t2 < txns.length; t2++)
        if (
          t2 !== writer &&
          t2 !== reader &&
          writes(t2, key) &&
          isBefore(t2, reader) &&
          (writer === -1 || !before(t2, writer))
        )
          return false
    return true
  }
  const ranks = txns.map(() => -1)
  const permute = (next: number): boolean => {
    if (next === txns.length) return axiom(ranks)
    for (let t = 0; t < txns.length; t++) {
      if (ranks[t] !== -1) continue
      if (txns.some((_, other) => ranks[other] === -1 && other !== t && visible(other, t))) continue
      ranks[t] = next
      if (permute(next + 1)) return true
      ranks[t] = -1
    }
    return false
  }
  return !txns.some((_, t) => visible(t, t)) && permute(0)
}
