import {
  type Findings,
  type Happened,
  LATER,
  showElement,
  showKey,
  type Versions,
  writerOf,
} from './evidence.ts'
import { cyclicPart, DATA, type Graph, PROCESS, REAL_TIME, type Subgraph, WR, WW } from './graph.ts'
import { COMMITTED, keyName, NONE, type Transactions } from './transactions.ts'

/** A reader that missed a version of `key` which `writer` had made, though something of `writer` had reached it. */
export type ReportMissed = (reader: number, writer: number, key: number, element: number) => void

/** Slot of each step in `versions.reads`; -1 if it is no read of something outside. */
export function slotsOf(txns: Transactions, versions: Versions): Int32Array {
  const slots = new Int32Array(txns.owner.length).fill(-1)
  versions.reads.forEach((step, slot) => (slots[step] = slot))
  return slots
}

/** For each key the fewest versions that a read of the present transaction saw. */
class SeenByKey {
  readonly #least: Int32Array
  readonly #reader: Int32Array

  constructor(keys: number) {
    this.#least = new Int32Array(keys)
    this.#reader = new Int32Array(keys).fill(-1)
  }

  load(txns: Transactions, versions: Versions, slots: Int32Array, txn: number): void {
    for (let step = txns.first[txn]!; step < txns.first[txn + 1]!; step++) {
      const slot = slots[step]!
      if (slot === -1) continue
      const seen = versions.seen[slot]!
      const key = txns.key[step]!
      if (seen < 0 || (this.#reader[key] === txn && this.#least[key]! <= seen)) continue
      this.#reader[key] = txn
      this.#least[key] = seen
    }
  }

  /** Is an element at this place later than what the transaction saw of its key? */
  missed(txn: number, key: number, place: number): boolean {
    return this.#reader[key] === txn && place >= this.#least[key]!
  }
}

/** The first element of `writer` that `reader`, whose reads are loaded, did not see though it read the key. */
function missedElement(
  txns: Transactions,
  versions: Versions,
  seen: SeenByKey,
  reader: number,
  writer: number,
): number {
  for (let step = txns.first[writer]!; step < txns.first[writer + 1]!; step++) {
    if (txns.isWrite[step] === 0) continue
    const element = txns.value[step]!
    const place = versions.place[element]!
    if (place !== -1 && seen.missed(reader, txns.key[step]!, place)) return element
  }
  return NONE
}

/**
 * Reads that see one write of a transaction and miss another one (Bailis et al. 2014, fractured reads). With the
 * order of processes, a transaction of the own process counts as seen; with real time, all that had completed.
 */
export function findFracturedReads(
  txns: Transactions,
  versions: Versions,
  happened: Happened,
  stages: number,
  report: (stage: 0 | 1 | 2, reader: number, writer: number, element: number) => void,
): void {
  const slots = slotsOf(txns, versions)
  const seen = new SeenByKey(txns.keys.size)
  for (let txn = 0; txn < txns.count; txn++) {
    if (happened[txn] === 0) continue
    seen.load(txns, versions, slots, txn)
    for (let step = txns.first[txn]!; step < txns.first[txn + 1]!; step++) {
      const slot = slots[step]!
      const element = slot === -1 ? NONE : versions.last[slot]!
      const writer = element === NONE ? txn : writerOf(txns, element)
      if (writer === txn) continue
      const missed = missedElement(txns, versions, seen, txn, writer)
      if (missed !== NONE) {
        report(0, txn, writer, missed)
        break
      }
    }
  }
  if (stages > 1) {
    const latest = new LatestWrites(txns, versions)
    for (let txn = 0; txn < txns.count; txn++) {
      if (happened[txn] === 0) continue
      const process = txns.process[txn]!
      latest.check(txn, process, slots, (writer, element) => report(1, txn, writer, element))
      if (txns.status[txn] === COMMITTED) latest.add(txn, process)
    }
  }
  if (stages > 2) {
    const { operations } = txns.history
    const latest = new LatestWrites(txns, versions)
    const endOf = (txn: number): number => operations[txn]?.end as number
    const startOf = (txn: number): number => operations[txn]?.start as number
    const all = Int32Array.from({ length: txns.count }, (_, txn) => txn).filter((txn) => happened[txn] === 1)
    const ends = all.filter((txn) => txns.status[txn] === COMMITTED).toSorted((a, b) => endOf(a) - endOf(b))
    let ended = 0
    for (const txn of all.toSorted((a, b) => startOf(a) - startOf(b))) {
      for (; ended < ends.length && endOf(ends[ended]!) < startOf(txn); ended++) latest.add(ends[ended]!, 0)
      latest.check(txn, 0, slots, (writer, element) => report(2, txn, writer, element))
    }
  }
}

/** The latest element of each key among the transactions added, for each of several groups. */
class LatestWrites {
  readonly #txns: Transactions
  readonly #versions: Versions
  readonly #element = new Map<number, number>()

  constructor(txns: Transactions, versions: Versions) {
    this.#txns = txns
    this.#versions = versions
  }

  add(txn: number, group: number): void {
    const { first, isWrite, key, value, keys } = this.#txns
    const { place } = this.#versions
    for (let step = first[txn]!; step < first[txn + 1]!; step++) {
      if (isWrite[step] === 0) continue
      const slot = group * keys.size + key[step]!
      const element = value[step]!
      const before = this.#element.get(slot)
      if (before === undefined || place[before]! < place[element]!) this.#element.set(slot, element)
    }
  }

  check(
    txn: number,
    group: number,
    slots: Int32Array,
    report: (writer: number, element: number) => void,
  ): void {
    const { first, key, keys } = this.#txns
    const { place, seen } = this.#versions
    for (let step = first[txn]!; step < first[txn + 1]!; step++) {
      const slot = slots[step]!
      const count = slot === -1 ? -1 : seen[slot]!
      if (count < 0) continue
      const element = this.#element.get(group * keys.size + key[step]!)
      if (element === undefined || place[element]! < count) continue
      report(writerOf(this.#txns, element), element)
      return
    }
  }
}

/** Edges of a part of the graph, by where they lead. */
class Backwards {
  readonly #sub: Subgraph
  readonly #head: Int32Array
  readonly #edges: Int32Array
  readonly #seenIn: Int32Array
  #search = 0

  constructor(sub: Subgraph) {
    this.#sub = sub
    this.#head = new Int32Array(sub.nodes + 1)
    for (const to of sub.to) this.#head[to + 1]!++
    for (let node = 0; node < sub.nodes; node++) this.#head[node + 1]! += this.#head[node]!
    this.#edges = new Int32Array(sub.to.length)
    const next = this.#head.slice(0, -1)
    sub.to.forEach((to, edge) => (this.#edges[next[to]!++] = edge))
    this.#seenIn = new Int32Array(sub.nodes)
  }

  begin(): void {
    this.#search++
  }

  has(node: number): boolean {
    return node !== -1 && this.#seenIn[node] === this.#search
  }

  /** Nodes from which an edge in `mask` leads to `node`. */
  before(node: number, mask: number): number[] {
    const edges = this.#edges.subarray(this.#head[node], this.#head[node + 1])
    return [...edges]
      .filter((edge) => (this.#sub.kind[edge]! & mask) !== 0)
      .map((edge) => this.#sub.from[edge]!)
  }

  /** Adds everything that leads to `node` over `mask`, `node` too; never enters `except`. */
  reach(node: number, except: number, mask: number, visit: (node: number) => boolean): void {
    const stack = [node]
    this.#seenIn[node] = this.#search
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (visit(at)) return
      for (let slot = this.#head[at]!; slot < this.#head[at + 1]!; slot++) {
        const edge = this.#edges[slot]!
        const from = this.#sub.from[edge]!
        if ((this.#sub.kind[edge]! & mask) === 0 || from === except || this.#seenIn[from] === this.#search)
          continue
        this.#seenIn[from] = this.#search
        stack.push(from)
      }
    }
  }
}

/** Reads that miss a version though its writer comes causally before them: by what they and their process read before. */
export function findNonCausalReads(
  txns: Transactions,
  versions: Versions,
  graph: Graph,
  candidates: ReadonlySet<number>,
  withinBudget: () => boolean,
  report: (reader: number, writer: number, element: number) => void,
): boolean {
  if (candidates.size === 0) return true
  const sub = cyclicPart(graph, DATA | PROCESS)
  if (sub === undefined) return true
  const slots = slotsOf(txns, versions)
  const seen = new SeenByKey(txns.keys.size)
  const back = new Backwards(sub)
  for (let node = 0; node < sub.real; node++) {
    const reader = sub.nodeOf[node]!
    if (!candidates.has(reader)) continue
    if (!withinBudget()) return false
    seen.load(txns, versions, slots, reader)
    back.begin()
    back.reach(node, -1, WR | PROCESS, (at) => {
      const writer = at < sub.real ? sub.nodeOf[at]! : reader
      const missed = writer === reader ? NONE : missedElement(txns, versions, seen, reader, writer)
      if (missed !== NONE) report(reader, writer, missed)
      return missed !== NONE
    })
  }
  return true
}

/**
 * G-monotonic (Adya 1999, section 4.2.2): within one transaction a read that misses something on which an earlier
 * step of it depends already.
 */
export function findNonMonotonicReads(
  txns: Transactions,
  versions: Versions,
  graph: Graph,
  candidates: readonly ReadonlySet<number>[],
  withinBudget: () => boolean,
  report: (stage: 0 | 1 | 2, reader: number, element: number) => void,
): boolean {
  const slots = slotsOf(txns, versions)
  for (let stage = 0 as 0 | 1 | 2; stage < candidates.length; stage++) {
    const readers = candidates[stage] as ReadonlySet<number>
    if (readers.size === 0) continue
    const order = stage === 0 ? 0 : stage === 1 ? PROCESS : PROCESS | REAL_TIME
    const sub = cyclicPart(graph, DATA | order)
    if (sub === undefined) continue
    const nodeFor = new Int32Array(graph.nodes).fill(-1)
    sub.nodeOf.forEach((node, at) => (nodeFor[node] = at))
    const back = new Backwards(sub)
    const mask = WW | WR | order
    for (let node = 0; node < sub.real; node++) {
      const txn = sub.nodeOf[node]!
      if (!readers.has(txn)) continue
      if (!withinBudget()) return false
      back.begin()
      const enter = (from: number | undefined): void => {
        const at = from === undefined || from === NONE ? -1 : nodeFor[from]!
        if (at !== -1 && at !== node && !back.has(at)) back.reach(at, node, mask, () => false)
      }
      for (const from of back.before(node, order))
        if (!back.has(from)) back.reach(from, node, mask, () => false)
      for (let step = txns.first[txn]!; step < txns.first[txn + 1]!; step++) {
        const ofKey = versions.order[txns.key[step]!] as readonly number[]
        if (txns.isWrite[step] === 1) {
          const place = versions.place[txns.value[step]!] as number
          const before = place === LATER ? ofKey.at(-1) : ofKey[place - 1]
          if (before !== undefined) enter(writerOf(txns, before))
          continue
        }
        const slot = slots[step]!
        if (slot === -1) continue
        const count = versions.seen[slot]!
        const missed =
          count < 0
            ? []
            : count < ofKey.length
              ? [ofKey[count]!]
              : (versions.rest[txns.key[step]!] as readonly number[])
        const found = missed.find((element) => {
          const writer = writerOf(txns, element)
          return writer !== txn && back.has(nodeFor[writer]!)
        })
        if (found !== undefined) {
          report(stage, txn, found)
          break
        }
        const last = versions.last[slot]!
        if (last !== NONE) enter(writerOf(txns, last))
      }
    }
  }
  return true
}

export function tellFractured(
  txns: Transactions,
  findings: Findings,
  stage: 0 | 1 | 2,
  reader: number,
  writer: number,
  element: number,
): void {
  const key = txns.elements.keyOf(element)
  const why =
    stage === 0
      ? `it had read another write of #${writer}`
      : stage === 1
        ? `#${writer} was the same process's`
        : `#${writer} had completed before`
  findings.add(
    `fractured-read${['', '-process', '-realtime'][stage]}`,
    keyName(txns, key),
    [reader, writer],
    () =>
      `#${reader} read ${showKey(txns, key)} without ${showElement(txns, element)}, which #${writer} wrote, though ${why}`,
  )
}
