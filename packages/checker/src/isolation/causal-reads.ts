import { type Happened, LATER, type Versions, writerOf } from './evidence.ts'
import { FREE, type Graph, GraphBuilder, PROCESS, REAL_TIME, WR, WW } from './graph.ts'
import { reachable, YES } from './reachability.ts'
import { NONE, type Transactions } from './transactions.ts'

/** Reads to be asked about: from where a path must not lead to where. */
interface Questions {
  readonly sources: number[]
  readonly targets: number[]
  readonly slots: number[]
}

/**
 * Helper nodes for "anybody who made a later version": node `i` of a key leads to the writer of version `i` and to
 * node `i + 1`; the last one leads to all whose versions are in no known order.
 */
function addChains(
  txns: Transactions,
  versions: Versions,
  keys: ReadonlySet<number>,
  builder: GraphBuilder,
): Map<number, number> {
  const start = new Map<number, number>()
  for (const key of keys) {
    const ofKey = versions.order[key]!
    const nodes = Array.from({ length: ofKey.length + 1 }, () => builder.addNode())
    start.set(key, nodes[0]!)
    ofKey.forEach((element, at) => {
      builder.addEdge(nodes[at]!, writerOf(txns, element), FREE)
      builder.addEdge(nodes[at]!, nodes[at + 1]!, FREE)
    })
    for (const element of versions.rest[key]!) builder.addEdge(nodes.at(-1)!, writerOf(txns, element), FREE)
  }
  return start
}

/** Slots of reads by the transactions in `readers` of which it is known what they saw. */
function slotsBy(txns: Transactions, versions: Versions, readers: ReadonlySet<number>): number[] {
  const slots: number[] = []
  for (let slot = 0; slot < versions.reads.length; slot++)
    if (versions.seen[slot]! >= 0 && readers.has(txns.owner[versions.reads[slot]!]!)) slots.push(slot)
  return slots
}

const keysOf = (txns: Transactions, versions: Versions, slots: readonly number[]): Set<number> =>
  new Set(slots.map((slot) => txns.key[versions.reads[slot]!]!))

/** The version right after what a read saw. */
const nextVersion = (txns: Transactions, versions: Versions, slot: number): number => {
  const key = txns.key[versions.reads[slot]!]!
  return (
    versions.order[key]![versions.seen[slot]!] ??
    versions.rest[key]!.find((element) => writerOf(txns, element) !== txns.owner[versions.reads[slot]!]) ??
    NONE
  )
}

function ask(
  txns: Transactions,
  versions: Versions,
  builder: GraphBuilder,
  { sources, targets, slots }: Questions,
  withinBudget: () => boolean,
  report: (reader: number, element: number) => void,
): boolean {
  const answers = reachable(
    builder.build(),
    -1,
    Int32Array.from(sources),
    Int32Array.from(targets),
    withinBudget,
  )
  if (answers === undefined) return false
  const told = new Set<number>()
  answers.forEach((yes, at) => {
    const slot = slots[at]!
    const reader = txns.owner[versions.reads[slot]!]!
    const element = nextVersion(txns, versions, slot)
    if (yes !== YES || element === NONE || told.has(reader)) return
    told.add(reader)
    report(reader, element)
  })
  return true
}

/**
 * Reads that miss a version though somebody who made a later one comes causally before them, by what they and their
 * process read before. `readers` are those whose reads lie on a cycle with one `rw`: nobody else can have one.
 * `false` if the budget ended.
 */
export function findNonCausalReads(
  txns: Transactions,
  versions: Versions,
  graph: Graph,
  readers: ReadonlySet<number>,
  withinBudget: () => boolean,
  report: (reader: number, element: number) => void,
): boolean {
  if (readers.size === 0) return true
  // Node v is the end of transaction v; what leads to its beginning leads to `inlet`, so that its own writes do not.
  const builder = new GraphBuilder(graph.nodes)
  const inlet = new Map<number, number>()
  for (const reader of readers) {
    const node = builder.addNode()
    inlet.set(reader, node)
    builder.addEdge(node, reader, FREE)
  }
  for (let edge = 0; edge < graph.from.length; edge++) {
    if ((graph.kind[edge]! & (WR | PROCESS)) === 0) continue
    const to = graph.to[edge]!
    builder.addEdge(graph.from[edge]!, inlet.get(to) ?? to, WR)
  }
  const slots = slotsBy(txns, versions, readers)
  const chains = addChains(txns, versions, keysOf(txns, versions, slots), builder)
  const questions: Questions = { sources: [], targets: [], slots }
  for (const slot of slots) {
    const step = versions.reads[slot]!
    questions.sources.push(chains.get(txns.key[step]!)! + versions.seen[slot]!)
    questions.targets.push(inlet.get(txns.owner[step]!)!)
  }
  return ask(txns, versions, builder, questions, withinBudget, report)
}

/**
 * G-monotonic (Adya 1999, section 4.2.2): within one transaction a read that misses something on which an earlier
 * step of it depends already. Transactions in `readers` are unfolded into their steps, after Adya's USG.
 * `false` if the budget ended.
 */
export function findNonMonotonicReads(
  txns: Transactions,
  versions: Versions,
  happened: Happened,
  graph: Graph,
  stage: 0 | 1 | 2,
  readers: ReadonlySet<number>,
  withinBudget: () => boolean,
  report: (reader: number, element: number) => void,
): boolean {
  if (readers.size === 0) return true
  const order = stage === 0 ? 0 : stage === 1 ? PROCESS : PROCESS | REAL_TIME
  const builder = new GraphBuilder(graph.nodes)
  /** Of the beginning of each unfolded transaction; that after its step `s` is `s - first + 1` further. */
  const inlet = new Map<number, number>()
  for (const reader of readers) {
    const first = txns.first[reader]!
    const steps = txns.first[reader + 1]! - first
    const nodes = Array.from({ length: steps + 1 }, () => builder.addNode())
    inlet.set(reader, nodes[0]!)
    nodes.forEach((node, at) => builder.addEdge(node, nodes[at + 1] ?? reader, FREE))
  }
  for (let edge = 0; edge < graph.from.length; edge++) {
    const kind = graph.kind[edge]!
    const to = graph.to[edge]!
    const unfolded = inlet.get(to)
    if ((kind & order) !== 0) builder.addEdge(graph.from[edge]!, unfolded ?? to, WR)
    else if ((kind & (WW | WR)) !== 0 && unfolded === undefined) builder.addEdge(graph.from[edge]!, to, WR)
  }
  const slots = slotsBy(txns, versions, readers)
  const chains = addChains(txns, versions, keysOf(txns, versions, slots), builder)
  const slotOf = new Map(slots.map((slot) => [versions.reads[slot]!, slot]))
  const lastOf = new Map<number, number>()
  versions.reads.forEach((step, slot) => lastOf.set(step, versions.last[slot]!))
  const questions: Questions = { sources: [], targets: [], slots: [] }
  for (const reader of readers) {
    const first = txns.first[reader]!
    for (let step = first; step < txns.first[reader + 1]!; step++) {
      const node = inlet.get(reader)! + step - first
      const slot = slotOf.get(step)
      if (slot !== undefined) {
        questions.sources.push(chains.get(txns.key[step]!)! + versions.seen[slot]!)
        questions.targets.push(node)
        questions.slots.push(slot)
      }
      const element = txns.isWrite[step] === 1 ? before(txns, versions, step) : (lastOf.get(step) ?? NONE)
      const writer = element === NONE ? reader : writerOf(txns, element)
      if (writer !== reader && happened[writer] === 1) builder.addEdge(writer, node + 1, WR)
    }
  }
  return ask(txns, versions, builder, questions, withinBudget, report)
}

/** The version that a write overwrote, as far as that is known. */
function before(txns: Transactions, { order, place }: Versions, step: number): number {
  const ofKey = order[txns.key[step]!]!
  const at = place[txns.value[step]!]!
  return (at === LATER ? ofKey.at(-1) : ofKey[at - 1]) ?? NONE
}
