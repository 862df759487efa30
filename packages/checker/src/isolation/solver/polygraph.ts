import { COMMITTED } from '../../transactions/register-transactions.ts'
import { GraphBuilder, type ConstraintGraph } from './constraint-graph.ts'
import { KnownOrder } from './known-order.ts'
import { INNER, label, PROCESS, READ_WRITE, REAL_TIME, WRITE_READ, WRITE_WRITE } from './labels.ts'
import type { Meter } from './meter.ts'
import { commitOf, snapshotOf } from './nodes.ts'
import type { Problem } from './problem.ts'
import { versionsOf, type Versions } from './versions.ts'

/**
 * The graph whose order of points without a cycle is what the level asks for. Serializable: one node for each
 * transaction. Otherwise two, its snapshot and then its commit (Biswas & Enea, OOPSLA 2019, section 4, split transactions
 * so for prefix consistency), and the edges are
 *
 * - write-read, session and real-time order: commit → snapshot;
 * - read-write: snapshot → commit;
 * - write-write: commit → commit for prefix consistency, commit → snapshot for snapshot isolation. The latter makes a cycle of this
 *   graph exactly a cycle without two adjacent read-write edges (Cerone & Gotsman, PODC 2016, theorem 4.1).
 *
 * Open is only which of two writers of a key came first. If serializable or snapshot isolation, a transaction that read a
 * version and wrote the key comes right after it, so that versions form chains, and one choice settles two chains
 * (Cobra's coalescing). The readers of a version share a helper node for their read-write edges.
 */
export interface Polygraph {
  readonly graph: ConstraintGraph
  /** Members of the problem (transactions), ascending. Nodes of member `m`: `snapshotOf(m)` and `commitOf(m)`. */
  readonly members: Int32Array
  readonly split: boolean
  readonly versions: Versions
  /** Of each version: the one that certainly comes right after it; -1 if unknown. */
  readonly after: Int32Array
}

/** Member of a node; -1 for helper nodes. */
export function memberOf(polygraph: Polygraph, node: number): number {
  if (node >= polygraph.graph.chainNodes) return -1
  return polygraph.split ? node >> 1 : node
}

/**
 * `coalesce: false` leaves the order of all writers open, so that no edge stands for more than one step of reasoning.
 * `undefined`: the budget is spent.
 */
export function polygraphOf(
  problem: Problem,
  members: Int32Array,
  meter: Meter,
  coalesce: boolean = problem.level !== 'prefix',
): Polygraph | undefined {
  const split = problem.level !== 'serializable'
  const builder = new GraphBuilder(split ? members.length * 2 : members.length)
  const versions = versionsOf(problem, members)
  if (split)
    for (let m = 0; m < members.length; m++)
      builder.addEdge(snapshotOf(split, m), commitOf(split, m), label(INNER, 0))
  addProcessOrder(problem, members, builder, split)
  if (problem.realTime) addRealTime(problem, members, builder, split)
  addWriteRead(versions, builder, split)
  const keys = versions.keyStart.length - 1
  const known =
    busiestKey(versions) > problem.maxPairedWriters ? orderOf(problem, members, builder, meter) : undefined
  const keyGraph = new KeyGraph(problem, versions, builder, coalesce)
  for (let key = 0; key < keys; key++) {
    // What is known has a cycle: no choice matters any more.
    if (known === 'cyclic') break
    const writers = (versions.keyStart[key + 1] as number) - (versions.keyStart[key] as number) - 1
    if (known !== undefined && writers > problem.maxPairedWriters) keyGraph.addKnown(key, known)
    else keyGraph.add(key)
    if ((key & 255) === 255 && (builder.bytes > meter.freeBytes || meter.isSpent())) break
  }
  if (builder.bytes > meter.freeBytes) meter.take(builder.bytes)
  if (meter.isSpent()) return undefined
  return { graph: builder.build(), members, split, versions, after: keyGraph.after }
}

function busiestKey({ keyStart }: Versions): number {
  let most = 0
  for (let key = 0; key + 1 < keyStart.length; key++)
    most = Math.max(most, (keyStart[key + 1] as number) - (keyStart[key] as number) - 1)
  return most
}

/** Without sessions or real time too little is known for it to be worth a look. */
function orderOf(
  problem: Problem,
  members: Int32Array,
  builder: GraphBuilder,
  meter: Meter,
): KnownOrder | 'cyclic' | undefined {
  if (!problem.sessionOrder && !problem.realTime) return undefined
  return KnownOrder.of(problem, members, builder, meter)
}

/** Sessions, if they count; if not, but real time does, they are a short way to say a part of it. */
function addProcessOrder(problem: Problem, members: Int32Array, builder: GraphBuilder, split: boolean): void {
  if (!problem.sessionOrder && !problem.realTime) return
  const { session, status, sessionCount, history } = problem.transactions
  const last = new Int32Array(sessionCount).fill(-1)
  for (let m = 0; m < members.length; m++) {
    const t = members[m] as number
    const before = last[session[t] as number] as number
    if (before !== -1) {
      const earlier = history.operations[members[before] as number]
      const isPast =
        problem.realTime && earlier !== undefined && earlier.end < (history.operations[t]?.start ?? 0)
      if (problem.sessionOrder)
        builder.addEdge(commitOf(split, before), snapshotOf(split, m), label(PROCESS, 0))
      else if (isPast) builder.addEdge(commitOf(split, before), snapshotOf(split, m), label(REAL_TIME, 0))
    }
    // One that is not known to have completed comes before none.
    if (status[t] === COMMITTED) last[session[t] as number] = m
  }
}

/** A line of helper nodes: each transaction that completed leads to the next one on it, and it leads to all that begin later. */
function addRealTime(problem: Problem, members: Int32Array, builder: GraphBuilder, split: boolean): void {
  const { operations } = problem.transactions.history
  const startOf = (m: number): number => operations[members[m] as number]?.start ?? 0
  const endOf = (m: number): number => operations[members[m] as number]?.end ?? Infinity
  const all = Array.from(members, (_, m) => m)
  const starts = all.toSorted((a, b) => startOf(a) - startOf(b))
  const ends = all.filter((m) => endOf(m) !== Infinity).toSorted((a, b) => endOf(a) - endOf(b))
  let line = -1
  let lineIsUsed = true
  let next = 0
  for (const m of starts) {
    for (; next < ends.length && endOf(ends[next] as number) < startOf(m); next++) {
      if (lineIsUsed) {
        const node = builder.addNode()
        if (line !== -1) builder.addEdge(line, node, label(INNER, 0))
        line = node
        lineIsUsed = false
      }
      builder.addEdge(commitOf(split, ends[next] as number), line, label(INNER, 0))
    }
    if (line === -1) continue
    builder.addEdge(line, snapshotOf(split, m), label(REAL_TIME, 0))
    lineIsUsed = true
  }
}

function addWriteRead(versions: Versions, builder: GraphBuilder, split: boolean): void {
  const { keyStart, writer, readerStart, reader } = versions
  for (let key = 0; key + 1 < keyStart.length; key++)
    for (let v = (keyStart[key] as number) + 1; v < (keyStart[key + 1] as number); v++)
      for (let i = readerStart[v] as number; i < (readerStart[v + 1] as number); i++)
        builder.addEdge(
          commitOf(split, writer[v] as number),
          snapshotOf(split, reader[i] as number),
          label(WRITE_READ, key),
        )
}

/** The version order of one key after the other: known edges and choices. */
class KeyGraph {
  readonly #versions: Versions
  readonly #builder: GraphBuilder
  readonly #split: boolean
  readonly #prefix: boolean
  readonly #coalesce: boolean
  /** Of each version: the one that certainly comes right after and right before it; -1 if unknown. */
  readonly after: Int32Array
  readonly #before: Int32Array
  /** Of each version: node that all its readers lead to, or -1. */
  readonly #helper: Int32Array

  constructor(problem: Problem, versions: Versions, builder: GraphBuilder, coalesce: boolean) {
    this.#coalesce = coalesce
    this.#versions = versions
    this.#builder = builder
    this.#split = problem.level !== 'serializable'
    this.#prefix = problem.level === 'prefix'
    this.after = new Int32Array(versions.writer.length).fill(-1)
    this.#before = new Int32Array(versions.writer.length).fill(-1)
    this.#helper = new Int32Array(versions.writer.length).fill(-1)
  }

  add(key: number): void {
    const first = this.#versions.keyStart[key] as number
    const end = this.#versions.keyStart[key + 1] as number
    if (end - first < 2) return
    if (this.#coalesce) this.#link(first, end)
    for (let v = first; v < end; v++) {
      const next = this.after[v] as number
      if (next !== -1) this.#addOrder(v, next, key, -1)
    }
    // Heads of chains and their ends. The chain of the initial version comes first.
    const chains: { head: number; tail: number }[] = []
    for (let v = first; v < end; v++) {
      if (this.#before[v] !== -1) continue
      let tail = v
      while (this.after[tail] !== -1) tail = this.after[tail] as number
      chains.push({ head: v, tail })
    }
    const initial = chains[0]
    if (initial === undefined) return
    for (let b = 1; b < chains.length; b++) {
      const later = chains[b] as { head: number; tail: number }
      this.#addOrder(initial.tail, later.head, key, -1)
      for (let a = 1; a < b; a++) {
        const earlier = chains[a] as { head: number; tail: number }
        this.#builder.openSide()
        this.#addOrder(earlier.tail, later.head, key, 0)
        this.#builder.openSide()
        this.#addOrder(later.tail, earlier.head, key, 0)
      }
    }
  }

  /**
   * As `add()`, for many writers of which most are in a known order: edges from each version to those that are known to come
   * right after it (what comes later follows), and choices only for those of which no order is known.
   */
  addKnown(key: number, known: KnownOrder): void {
    const { writer } = this.#versions
    const first = this.#versions.keyStart[key] as number
    const end = this.#versions.keyStart[key + 1] as number
    /** Versions on each line, in order. */
    const onLine = new Map<number, number[]>()
    const loose: number[] = []
    for (let v = first + 1; v < end; v++) {
      const line = known.lineOf[writer[v] as number] as number
      if (line === -1) {
        loose.push(v)
        continue
      }
      const versions = onLine.get(line)
      if (versions === undefined) onLine.set(line, [v])
      else versions.push(v)
    }
    for (let b = first + 1; b < end; b++) {
      const member = writer[b] as number
      const last: number[] = []
      for (const [line, versions] of onLine) {
        const place = known.lastBefore(member, line)
        let next = firstAfter(versions, (v) => (known.placeOf[writer[v] as number] as number) <= place)
        if (next > 0) last.push(versions[next - 1] as number)
        if (line === known.lineOf[member]) continue
        for (; next < versions.length; next++) {
          const a = versions[next] as number
          if (known.isBefore(member, writer[a] as number)) break
          if (a < b) this.#addChoice(a, b, key)
        }
      }
      for (const a of loose)
        if (a < b && !known.isBefore(member, writer[a] as number)) this.#addChoice(a, b, key)
      const direct = last.filter(
        (a) =>
          !last.some((other) => other !== a && known.isBefore(writer[a] as number, writer[other] as number)),
      )
      for (const a of direct) this.#addOrder(a, b, key, -1)
      if (direct.length === 0) this.#addOrder(first, b, key, -1)
    }
  }

  #addChoice(a: number, b: number, key: number): void {
    this.#builder.openSide()
    this.#addOrder(a, b, key, 0)
    this.#builder.openSide()
    this.#addOrder(b, a, key, 0)
  }

  /** A reader that wrote the key itself comes right after what it read; if several claim that, the first one is taken at its word. */
  #link(first: number, end: number): void {
    const { readerStart, readerWrote } = this.#versions
    for (let v = first; v < end; v++)
      for (let i = readerStart[v] as number; i < (readerStart[v + 1] as number); i++) {
        const next = readerWrote[i] as number
        if (next === -1 || next === v || this.#before[next] !== -1 || this.after[v] !== -1) continue
        this.after[v] = next
        this.#before[next] = v
      }
  }

  /** Edges for "version `a` comes before version `b`", known (`side` -1) or of the side just opened. */
  #addOrder(a: number, b: number, key: number, side: number): void {
    const { writer, readerStart, reader } = this.#versions
    const split = this.#split
    const from = writer[a] as number
    const to = writer[b] as number
    if (from !== -1) {
      const target = this.#prefix ? commitOf(split, to) : snapshotOf(split, to)
      this.#add(commitOf(split, from), target, label(WRITE_WRITE, key), side)
    }
    const overwrites = label(READ_WRITE, key)
    const helper = this.#helperOf(a)
    if (helper !== -1) this.#add(helper, commitOf(split, to), overwrites, side)
    for (let i = readerStart[a] as number; i < (readerStart[a + 1] as number); i++) {
      if (this.#usesHelper(i) && helper !== -1) continue
      const r = reader[i] as number
      if (r !== to) this.#add(snapshotOf(split, r), commitOf(split, to), overwrites, side)
    }
  }

  #add(from: number, to: number, of: number, side: number): void {
    if (side === -1) this.#builder.addEdge(from, to, of)
    else this.#builder.addSideEdge(from, to, of)
  }

  /** With one node for each transaction, a reader that also writes must not lead to itself through the helper. */
  #usesHelper(readerAt: number): boolean {
    return this.#split || this.#versions.readerWrote[readerAt] === -1
  }

  #helperOf(version: number): number {
    const known = this.#helper[version] as number
    if (known !== -1) return known
    const { readerStart, reader } = this.#versions
    const start = readerStart[version] as number
    const end = readerStart[version + 1] as number
    let sharing = 0
    for (let i = start; i < end; i++) if (this.#usesHelper(i)) sharing++
    if (sharing < 2) return -1
    const helper = this.#builder.addNode()
    this.#helper[version] = helper
    for (let i = start; i < end; i++)
      if (this.#usesHelper(i))
        this.#builder.addEdge(snapshotOf(this.#split, reader[i] as number), helper, label(INNER, 0))
    return helper
  }
}

/** How many of the first items have a property that only first items have. */
function firstAfter(items: readonly number[], has: (item: number) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (has(items[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}
