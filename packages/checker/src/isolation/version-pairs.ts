import { writerOf } from './evidence.ts'
import type { RegisterEvidence } from './rw-register.ts'
import { NONE, type Transactions, UNKNOWN } from './transactions.ts'

/** One version of a key comes before another one. `assumed` if that does not follow from read committed alone. */
export interface VersionPair {
  readonly before: number
  readonly after: number
  readonly assumed: boolean
}

export type Assumption = 'initial-state' | 'wfr-keys' | 'sequential-keys' | 'linearizable-keys'

/**
 * Pairs of versions in order. A transaction that reads a version and then writes the key comes after the version's
 * writer in any history that is read committed, so its version does too. The rest holds only where it is assumed:
 * `wfr-keys` the same at any level; `sequential-keys`, that each process sees the versions of a key in order;
 * `linearizable-keys`, that all do in real time.
 */
export function versionPairs(
  txns: Transactions,
  evidence: RegisterEvidence,
  assume: ReadonlySet<Assumption>,
): VersionPair[] {
  const pairs: VersionPair[] = []
  const touched = touches(txns, evidence)
  for (const { first, last, txn } of touched) {
    for (const [before, after] of inOrder(txns, evidence, txn, first, last))
      pairs.push({
        before,
        after,
        assumed: assume.has('wfr-keys') || assume.has('sequential-keys') || assume.has('linearizable-keys'),
      })
  }
  if (assume.has('sequential-keys')) addSequential(txns, touched, pairs)
  if (assume.has('linearizable-keys')) addLinearizable(txns, touched, pairs)
  return pairs
}

/** The first and last step of a transaction on a key that say something about versions. */
interface Touch {
  readonly txn: number
  readonly key: number
  readonly first: number
  readonly last: number
}

function touches(txns: Transactions, { versions, happened }: RegisterEvidence): Touch[] {
  const says = new Uint8Array(txns.owner.length)
  for (const step of versions.reads) says[step] = 1
  for (let step = 0; step < says.length; step++)
    if (txns.isWrite[step] === 1 && happened[txns.owner[step]!] === 1) says[step] = 1
  const all: Touch[] = []
  for (let txn = 0; txn < txns.count; txn++) {
    const byKey = new Map<number, { first: number; last: number }>()
    for (let step = txns.first[txn]!; step < txns.first[txn + 1]!; step++) {
      if (says[step] === 0) continue
      const touch = byKey.get(txns.key[step]!)
      if (touch === undefined) byKey.set(txns.key[step]!, { first: step, last: step })
      else touch.last = step
    }
    for (const [key, { first, last }] of byKey) all.push({ txn, key, first, last })
  }
  return all
}

/** Versions a transaction read and then overwrote. */
function inOrder(
  txns: Transactions,
  { versions }: RegisterEvidence,
  txn: number,
  first: number,
  last: number,
): [number, number][] {
  const pairs: [number, number][] = []
  const key = txns.key[first]!
  let before = NONE
  for (let step = first; step <= last; step++) {
    if (txns.key[step] !== key) continue
    const element = txns.value[step]!
    if (element === NONE || versions.place[element] === -1) continue
    // Written again later: that is the version.
    if (txns.isWrite[step] === 1 && txns.elements.writer[element] !== step) continue
    if (txns.isWrite[step] === 1 && before !== NONE && before !== element) pairs.push([before, element])
    if (txns.isWrite[step] === 1 || writerOf(txns, element) !== txn) before = element
  }
  return pairs
}

function addSequential(txns: Transactions, touched: readonly Touch[], pairs: VersionPair[]): void {
  const latest = new Map<number, number>()
  for (const { txn, key, first, last } of touched) {
    const slot = txns.process[txn]! * txns.keys.size + key
    pushPair(txns, pairs, latest.get(slot), first)
    if (txns.status[txn] !== UNKNOWN) latest.set(slot, last)
  }
}

function addLinearizable(txns: Transactions, touched: readonly Touch[], pairs: VersionPair[]): void {
  const { operations } = txns.history
  const byKey = new Map<number, Touch[]>()
  for (const touch of touched) {
    const list = byKey.get(touch.key)
    if (list === undefined) byKey.set(touch.key, [touch])
    else list.push(touch)
  }
  const endOf = ({ txn }: Touch): number => operations[txn]?.end as number
  const startOf = ({ txn }: Touch): number => operations[txn]?.start as number
  for (const list of byKey.values()) {
    const byStart = list.toSorted((a, b) => startOf(a) - startOf(b))
    // Those that had completed and of which no later one had begun after them: the others follow by way of these.
    let frontier: Touch[] = []
    const running = list.filter((touch) => endOf(touch) < Infinity).toSorted((a, b) => endOf(b) - endOf(a))
    for (const touch of byStart) {
      for (
        let done = running.at(-1);
        done !== undefined && endOf(done) < startOf(touch);
        done = running.at(-1)
      ) {
        running.pop()
        const from = startOf(done)
        frontier = frontier.filter((other) => endOf(other) >= from)
        frontier.push(done)
      }
      for (const { last } of frontier) pushPair(txns, pairs, last, touch.first)
    }
  }
}

function pushPair(txns: Transactions, pairs: VersionPair[], last: number | undefined, first: number): void {
  if (last === undefined) return
  const before = txns.value[last]!
  const after = txns.value[first]!
  if (before !== after) pairs.push({ before, after, assumed: true })
}
