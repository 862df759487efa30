import { type Findings, type Happened, showElement, showKey, type Versions, writerOf } from './evidence.ts'
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
