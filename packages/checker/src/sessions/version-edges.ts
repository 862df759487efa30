import { EdgeColumns } from './int-graph.ts'
import type { Meter } from './meter.ts'
import { FROM_NOTHING, type View } from './view.ts'
import type { Writers } from './writers.ts'

/** `before[i]` must be committed before `after[i]`, because of the event `read[i]`, which read the latter. `after` is -1 for the initial state. */
export interface VersionEdges {
  readonly count: number
  readonly before: Int32Array
  readonly after: Int32Array
  readonly read: Int32Array
}

/**
 * Read committed: a transaction that reads from `t2` and then `x` from `t1` must not find `x` older than `t2`
 * left it: if `t2` wrote `x`, then `t2` is before `t1`. Only the next such read of each key counts; it makes
 * those after it follow. Biswas and Enea, OOPSLA 2019, section 2; AWDIT, PLDI 2025, algorithm 1.
 */
export function readCommittedEdges(view: View, writers: Writers, meter: Meter): VersionEdges {
  const edges = new EdgeColumns(meter)
  const reads = new TransactionReads(view)
  const wrote = new WroteTable(view, writers, meter)
  forEachHappened(view, (t) => {
    meter.step()
    const count = reads.load(t)
    if (count < 2) return
    for (let i = 0; i < count - 1; i++) {
      const earlier = reads.source[i]!
      if (earlier < 0 || !reads.isFirstOfSource(i)) continue
      wrote.forEachCommonKey(earlier, reads, i + 1, count, (read) =>
        edges.add(earlier, view.from[read]!, read),
      )
    }
  })
  return versionEdges(edges)
}

/**
 * Read atomic: a transaction that follows `t2` in its session, or reads from it anywhere, and reads `x` from
 * `t1`, sees all of `t2`: if `t2` wrote `x`, then `t2` is before `t1`. Of its own session only the last writer
 * of `x` counts. Biswas and Enea, section 2.
 */
export function readAtomicEdges(view: View, writers: Writers, meter: Meter): VersionEdges {
  const { transactions, chain, from } = view
  const { eventStart, eventKey, isFinal, sessionStart, sessionTransactions, sessionCount, keys } =
    transactions
  const edges = new EdgeColumns(meter)
  const reads = new TransactionReads(view)
  const wrote = new WroteTable(view, writers, meter)
  meter.reserve(keys.size * 8)
  const lastWriter = new Int32Array(keys.size)
  const lastSession = new Int32Array(keys.size).fill(-1)
  for (let s = 0; s < sessionCount; s++) {
    for (let i = sessionStart[s]!; i < sessionStart[s + 1]!; i++) {
      const t = sessionTransactions[i]!
      if (chain[t]! < 0) continue
      meter.step()
      const count = reads.load(t)
      for (let r = 0; r < count; r++) {
        const read = reads.event[r]!
        const key = eventKey[read]!
        const before = lastWriter[key]!
        if (lastSession[key] === s && before !== from[read]) edges.add(before, from[read]!, read)
        if (count > 1 && reads.source[r]! >= 0 && reads.isFirstOfSource(r))
          wrote.forEachCommonKey(reads.source[r]!, reads, 0, count, (other) =>
            edges.add(reads.source[r]!, from[other]!, other),
          )
      }
      // A leaf precedes nothing.
      if (chain[t] !== s) continue
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++) {
        if (isFinal[event] === 0) continue
        lastWriter[eventKey[event]!] = t
        lastSession[eventKey[event]!] = s
      }
    }
  }
  return versionEdges(edges)
}

const versionEdges = ({ count, from, to, label }: EdgeColumns): VersionEdges => ({
  count,
  before: from,
  after: to,
  read: label,
})

function forEachHappened(view: View, visit: (transaction: number) => void): void {
  const end = view.chainStart[view.chainCount]!
  for (let i = 0; i < end; i++) visit(view.chainTransactions[i]!)
}

/** The reads of one transaction that say something, in order. */
class TransactionReads {
  readonly event: number[] = []
  readonly source: number[] = []
  readonly #view: View
  readonly #firstOfSource = new Map<number, number>()
  readonly #byKey = new Map<number, number[]>()

  constructor(view: View) {
    this.#view = view
  }

  /** @returns How many there are. */
  load(transaction: number): number {
    const { from, transactions } = this.#view
    this.event.length = 0
    this.source.length = 0
    this.#firstOfSource.clear()
    this.#byKey.clear()
    const end = transactions.eventStart[transaction + 1]!
    for (let event = transactions.eventStart[transaction]!; event < end; event++) {
      const source = from[event]!
      if (source === FROM_NOTHING) continue
      if (!this.#firstOfSource.has(source)) this.#firstOfSource.set(source, this.event.length)
      this.event.push(event)
      this.source.push(source)
    }
    return this.event.length
  }

  /** Indices of the reads of `key`, ascending. */
  ofKey(key: number): readonly number[] {
    if (this.#byKey.size === 0)
      this.event.forEach((event, index) => {
        const readKey = this.#view.transactions.eventKey[event]!
        const list = this.#byKey.get(readKey)
        if (list === undefined) this.#byKey.set(readKey, [index])
        else list.push(index)
      })
    return this.#byKey.get(key) ?? []
  }

  isFirstOfSource(index: number): boolean {
    return this.#firstOfSource.get(this.source[index]!) === index
  }
}

/** Finds the keys that one transaction wrote and another one read, in time of the smaller set: O(n·√n) for all. */
class WroteTable {
  readonly #view: View
  readonly #writers: Writers
  /** Stamp per key, and the reads of it in the current call. */
  readonly #stamp: Int32Array
  #stamps = 0

  constructor(view: View, writers: Writers, meter: Meter) {
    meter.reserve(view.transactions.keys.size * 4)
    this.#view = view
    this.#writers = writers
    this.#stamp = new Int32Array(view.transactions.keys.size)
  }

  /** Calls `visit` with the first read of each key that `writer` wrote but the reader did not read from it. */
  forEachCommonKey(
    writer: number,
    reads: TransactionReads,
    start: number,
    end: number,
    visit: (read: number) => void,
  ): void {
    const { eventKey, eventStart, isFinal } = this.#view.transactions
    const firstEvent = eventStart[writer]!
    const lastEvent = eventStart[writer + 1]!
    if (end - start > 32 && lastEvent - firstEvent < end - start) {
      for (let event = firstEvent; event < lastEvent; event++) {
        if (isFinal[event] === 0) continue
        const index = reads
          .ofKey(eventKey[event]!)
          .find((i) => i >= start && i < end && reads.source[i] !== writer)
        if (index !== undefined) visit(reads.event[index]!)
      }
      return
    }
    const stamp = ++this.#stamps
    for (let i = start; i < end; i++) {
      if (reads.source[i] === writer) continue
      const key = eventKey[reads.event[i]!]!
      if (this.#stamp[key] === stamp || !this.#wrote(writer, key)) continue
      this.#stamp[key] = stamp
      visit(reads.event[i]!)
    }
  }

  #wrote(writer: number, key: number): boolean {
    const { transactions, chain } = this.#view
    const start = transactions.eventStart[writer]!
    const end = transactions.eventStart[writer + 1]!
    if (end - start <= 16) {
      for (let event = start; event < end; event++)
        if (transactions.isFinal[event] === 1 && transactions.eventKey[event] === key) return true
      return false
    }
    const { row, chainRow, keyGroup, groupChain, groupStart, place } = this.#writers
    const ownChain = chain[writer]!
    const ownPlace = row[writer]! - chainRow[ownChain]! + 1
    const group = search(groupChain, keyGroup[key]!, keyGroup[key + 1]!, ownChain)
    return group >= 0 && search(place, groupStart[group]!, groupStart[group + 1]!, ownPlace) >= 0
  }
}

/** Where `value` is in the ascending `list[start … end - 1]`; -1 if it is not. */
function search(list: Int32Array, start: number, end: number, value: number): number {
  let low = start
  let high = end
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle]! < value) low = middle + 1
    else high = middle
  }
  return low < end && list[low] === value ? low : -1
}
