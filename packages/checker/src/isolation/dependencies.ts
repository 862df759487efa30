import { type Happened, LATER, type Versions, writerOf } from './evidence.ts'
import { FREE, GraphBuilder, PROCESS, REAL_TIME, RW, WR, WW } from './graph.ts'
import { COMMITTED, NONE, type Transactions } from './transactions.ts'

/** Below this many direct edges no helper nodes are made. */
const DIRECT_EDGES = 64

/** Edges `ww`, `wr` and `rw` between transactions that happened. */
export function addDependencies(
  txns: Transactions,
  versions: Versions,
  happened: Happened,
  builder: GraphBuilder,
): void {
  const { order, rest, reads, seen, last } = versions
  const later: number[][] = []
  for (let key = 0; key < order.length; key++) {
    let before = NONE
    for (const element of order[key] as readonly number[]) {
      const writer = writerOf(txns, element)
      if (before !== NONE) builder.addEdge(before, writer, WW, element)
      before = writer
    }
    const unordered = oncePerWriter(txns, rest[key] as readonly number[])
    if (before !== NONE)
      for (const element of unordered) builder.addEdge(before, writerOf(txns, element), WW, element)
    later.push(unordered)
  }
  const lateReaders: (number[] | undefined)[] = []
  for (let slot = 0; slot < reads.length; slot++) {
    const step = reads[slot]!
    const reader = txns.owner[step]!
    if (happened[reader] === 0) continue
    const key = txns.key[step]!
    const element = last[slot]!
    if (element !== NONE) builder.addEdge(writerOf(txns, element), reader, WR, element)
    const versionsSeen = seen[slot]!
    if (versionsSeen < 0) continue
    const ofKey = order[key] as readonly number[]
    if (versionsSeen < ofKey.length) {
      const overwrote = ofKey[versionsSeen]!
      builder.addEdge(reader, writerOf(txns, overwrote), RW, overwrote)
    } else if (later[key]!.length > 0) (lateReaders[key] ??= []).push(reader)
  }
  lateReaders.forEach((readers, key) => {
    if (readers !== undefined) addFan(txns, [...new Set(readers)], later[key]!, builder)
  })
}

/** The first element of each writer. */
export function oncePerWriter(txns: Transactions, elements: readonly number[]): number[] {
  if (elements.length < 2) return [...elements]
  const writers = new Set<number>()
  return elements.filter((element) => {
    const writer = writerOf(txns, element)
    return !writers.has(writer) && writers.add(writer)
  })
}

/**
 * An `rw` edge from every reader to every other writer. Many of them go through two chains of helpers, one down and
 * one up the list of writers: a reader that is itself the writer at place `i` enters them at `i - 1` and `i + 1`.
 */
export function addFan(
  txns: Transactions,
  readers: readonly number[],
  elements: readonly number[],
  builder: GraphBuilder,
): void {
  const writers = elements.map((element) => writerOf(txns, element))
  if (readers.length * writers.length <= DIRECT_EDGES + readers.length + writers.length) {
    for (const reader of readers)
      writers.forEach((writer, at) => builder.addEdge(reader, writer, RW, elements[at]))
    return
  }
  const placeOf = new Map(writers.map((writer, at) => [writer, at]))
  const chain = (up: boolean): number[] => {
    const nodes = writers.map(() => builder.addNode())
    nodes.forEach((node, at) => {
      builder.addEdge(node, writers[at]!, FREE, elements[at])
      const next = nodes[up ? at + 1 : at - 1]
      if (next !== undefined) builder.addEdge(node, next, FREE)
    })
    return nodes
  }
  const down = chain(false)
  const up = chain(true)
  for (const reader of readers) {
    const place = placeOf.get(reader)
    const below = place === undefined ? down.length - 1 : place - 1
    const above = place === undefined ? up.length : place + 1
    const first = down[below]
    const second = up[above]
    if (first !== undefined) builder.addEdge(reader, first, RW)
    if (second !== undefined) builder.addEdge(reader, second, RW)
  }
}

/**
 * Order within each process. What committed comes before all that its process did later; what crashed may have
 * taken effect at any later time, so nothing comes after it.
 */
export function addProcessOrder(txns: Transactions, happened: Happened, builder: GraphBuilder): void {
  const latest = new Int32Array(txns.processes.size).fill(NONE)
  for (let txn = 0; txn < txns.count; txn++) {
    if (happened[txn] === 0) continue
    const process = txns.process[txn]!
    const before = latest[process]!
    if (before !== NONE) builder.addEdge(before, txn, PROCESS)
    if (txns.status[txn] === COMMITTED) latest[process] = txn
  }
}

/**
 * Real time: each transaction that completed before another began comes before it. A helper node stands for each
 * moment at which transactions begin after others have completed; the edges are at most four per transaction.
 */
export function addRealTime(txns: Transactions, happened: Happened, builder: GraphBuilder): void {
  const { operations } = txns.history
  const endOf = (txn: number): number => operations[txn]?.end as number
  const startOf = (txn: number): number => operations[txn]?.start as number
  const all = Int32Array.from({ length: txns.count }, (_, txn) => txn).filter((txn) => happened[txn] === 1)
  const ends = all
    .filter((txn) => txns.status[txn] === COMMITTED && endOf(txn) < Infinity)
    .toSorted((a, b) => endOf(a) - endOf(b))
  const starts = all.toSorted((a, b) => startOf(a) - startOf(b))
  let moment = NONE
  let ended = 0
  for (const txn of starts) {
    const start = startOf(txn)
    if (ended < ends.length && endOf(ends[ended]!) < start) {
      const now = builder.addNode()
      if (moment !== NONE) builder.addEdge(moment, now, REAL_TIME)
      moment = now
      for (; ended < ends.length && endOf(ends[ended]!) < start; ended++)
        builder.addEdge(ends[ended]!, moment, REAL_TIME)
    }
    if (moment !== NONE) builder.addEdge(moment, txn, REAL_TIME)
  }
}

/** Lost updates, told apart by what is known of the order. Calls back with reader, who came between, and the element. */
export function findLostUpdates(
  txns: Transactions,
  versions: Versions,
  happened: Happened,
  next: Int32Array,
  report: (loser: number, between: number, key: number, element: number) => void,
): void {
  const { order, place, reads, seen } = versions
  const lateUpdater = new Map<number, number>()
  const done = new Set<number>()
  for (let slot = 0; slot < reads.length; slot++) {
    const from = seen[slot]!
    const step = reads[slot]!
    const txn = txns.owner[step]!
    if (from < 0 || happened[txn] === 0) continue
    let write = next[step]!
    while (write !== NONE && txns.isWrite[write] === 0) write = next[write]!
    if (write === NONE || done.has(write)) continue
    const key = txns.key[step]!
    const ofKey = order[key] as readonly number[]
    const until = place[txns.value[write]!] as number
    if (until === -1) continue
    let at = from
    while (at < until && at < ofKey.length && writerOf(txns, ofKey[at]!) === txn) at++
    if (at < until && at < ofKey.length) {
      done.add(write)
      report(txn, writerOf(txns, ofKey[at]!), key, ofKey[at]!)
    } else if (until === LATER) {
      const other = lateUpdater.get(key)
      if (other === undefined) lateUpdater.set(key, write)
      else if (txns.owner[other] !== txn) report(txn, txns.owner[other]!, key, txns.value[other]!)
    }
  }
}
