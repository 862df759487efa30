import type { Key } from '../operation.ts'
import { WRITE } from '../transactions/register-transactions.ts'
import type { CreationTimes } from './creation-times.ts'
import { EdgeColumns } from './int-graph.ts'
import type { Meter } from './meter.ts'
import { FROM_INITIAL, FROM_NOTHING, type View } from './view.ts'

/** Promises to one session, after Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994. */
export type SessionGuarantee =
  | 'read-your-writes'
  | 'monotonic-reads'
  | 'monotonic-writes'
  | 'writes-follow-reads'

/** Says which of two versions of a key is the older one: negative if it is `a`, as in `Array.sort`. */
export type CompareVersions = (a: unknown, b: unknown, key: Key | undefined) => number

/** Why one version is older than another. */
export const BY_READ_YOUR_WRITES = 1
export const BY_MONOTONIC_READS = 2
export const BY_MONOTONIC_WRITES = 3
export const BY_WRITES_FOLLOW_READS = 4
export const BY_CAS = 5
export const BY_TIME = 6

/** Of an edge: the reason, and the event (a read) behind it, or -1. */
export const labelOf = (kind: number, event: number): number => (event + 1) * 8 + kind
export const kindOf = (label: number): number => label & 7
export const eventOf = (label: number): number => (label >> 3) - 1

const NONE: number[] = []

/** A read that returned an older version than it had to, by an order that is known. */
export interface StaleRead {
  readonly guarantee: 'read-your-writes' | 'monotonic-reads'
  readonly read: number
  /** The own write, or the earlier read. */
  readonly because: number
}

export interface SessionScan {
  readonly stale: readonly StaleRead[]
  readonly staleCount: number
  /** Which version must be older than which, for the guarantees to hold. Nodes are events (writes), then helpers. */
  readonly edges: EdgeColumns
  readonly nodes: number
}

interface ScanOptions {
  readonly guarantees: ReadonlySet<SessionGuarantee>
  /** When each version was created; `undefined` if the history has no real time. */
  readonly times: CreationTimes | undefined
  /** Is a version that was created before another one began older than that one? */
  readonly inRealTime: boolean
  /**
   * Leave out edges from a version to one that began after it was created: where the times are consistent, no
   * cycle consists of such edges alone, and few are left.
   */
  readonly tightOnly: boolean
  readonly maxViolations: number
}

/**
 * Goes through each session and collects what its guarantees say about the order of versions:
 * - read-your-writes: a read returns no older version than any the session wrote before.
 * - monotonic-reads: … than any it read before.
 * - monotonic-writes: versions a session wrote are in the order in which it wrote them.
 * - writes-follow-reads: what it wrote is newer than what it had read.
 *
 * Helper nodes stand for "all that this session wrote (read) so far", so that edges stay linear in number.
 */
export function scanSessions(view: View, options: ScanOptions, meter: Meter): SessionScan {
  const { chain, from, transactions } = view
  const { eventStart, eventKey, eventKind, eventTransaction, isFinal, source, history, keys } = transactions
  const { sessionCount, sessionStart, sessionTransactions } = transactions
  const { guarantees, times, inRealTime, tightOnly, maxViolations } = options
  const readYourWrites = guarantees.has('read-your-writes')
  const monotonicReads = guarantees.has('monotonic-reads')
  // Between two transactions of one session these always go forward.
  const monotonicWrites = guarantees.has('monotonic-writes') && !tightOnly
  const writesFollowReads = guarantees.has('writes-follow-reads')

  const edges = new EdgeColumns(meter)
  const stale: StaleRead[] = []
  let staleCount = 0
  let nodes = from.length
  const forward = (older: number, newer: number): boolean =>
    times !== undefined && times.created[older]! < times.begun[newer]!
  const isOlder = (a: number, b: number): boolean => inRealTime && forward(a, b)
  const add = (older: number, newer: number, kind: number, event: number): void => {
    if (tightOnly && forward(older, newer)) return
    edges.add(older, newer, labelOf(kind, event))
  }
  const note = (guarantee: StaleRead['guarantee'], read: number, because: number): void => {
    if (staleCount++ < maxViolations) stale.push({ guarantee, read, because })
  }

  meter.reserve(keys.size * 20 + from.length * 8)
  // Of the session at hand, per key. All are events; -1 if there is none.
  const stamp = new Int32Array(keys.size).fill(-1)
  const lastOwn = new Int32Array(keys.size)
  const lastRead = new Int32Array(keys.size)
  const newestRead = new Int32Array(keys.size) // the read
  const newest = new Int32Array(keys.size) // and what it returned
  // Per own write: the one before it of its key, and its node.
  const previousOwn = new Int32Array(from.length).fill(-1)
  const ownNode = new Int32Array(from.length).fill(-1)

  const readOwnWrites = (event: number, key: number, version: number, s: number): void => {
    const own = lastOwn[key]!
    if (own < 0) return
    if (own !== version && (version < 0 || isOlder(version, own))) {
      note('read-your-writes', event, own)
      return
    }
    // All up to this one are older than the version.
    const newestOlder = own === version ? previousOwn[own]! : own
    if (newestOlder < 0) return
    const allForward =
      times !== undefined && times.ended[eventTransaction[newestOlder]!]! < times.begun[version]!
    if (allForward && (inRealTime || tightOnly)) return
    const writer = eventTransaction[version]!
    if (own !== version && chain[writer] === s && writer < eventTransaction[event]!) {
      for (let write = own; write >= 0; write = previousOwn[write]!)
        if (write !== version) add(write, version, BY_READ_YOUR_WRITES, event)
      return
    }
    // A node for each own write that has none yet: it stands for that write and all before it.
    const fresh: number[] = []
    for (let write = newestOlder; write >= 0 && ownNode[write]! < 0; write = previousOwn[write]!)
      fresh.push(write)
    for (const write of fresh.toReversed()) {
      const node = nodes++
      const previous = previousOwn[write]!
      if (previous >= 0) edges.add(ownNode[previous]!, node, labelOf(BY_READ_YOUR_WRITES, -1))
      edges.add(write, node, labelOf(BY_READ_YOUR_WRITES, -1))
      ownNode[write] = node
    }
    edges.add(ownNode[newestOlder]!, version, labelOf(BY_READ_YOUR_WRITES, event))
  }

  for (let s = 0; s < sessionCount; s++) {
    let before: number[] = [] // the writes of the last transaction that wrote
    let readNode = -1
    let unfolded: number[] = [] // reads since the last write
    for (let i = sessionStart[s]!; i < sessionStart[s + 1]!; i++) {
      const t = sessionTransactions[i]!
      if (chain[t]! < 0) continue
      meter.step()
      const leaf = chain[t] !== s
      const single = eventStart[t + 1] === eventStart[t]! + 1
      const readHere = single ? NONE : []
      const wrote = single && !monotonicWrites ? NONE : []
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++) {
        const key = eventKey[event]!
        if (stamp[key] !== s) {
          stamp[key] = s
          lastOwn[key] = lastRead[key] = newestRead[key] = newest[key] = -1
        }
        if (eventKind[event] !== WRITE) {
          if (from[event] === FROM_NOTHING) continue
          const version = from[event] === FROM_INITIAL ? -1 : source[event]!
          if (readYourWrites) readOwnWrites(event, key, version, s)
          const isStale = newest[key]! >= 0 && (version < 0 || isOlder(version, newest[key]!))
          const last = lastRead[key]!
          if (monotonicReads && isStale) note('monotonic-reads', event, newestRead[key]!)
          else if (monotonicReads && last >= 0 && last !== version && !isOlder(last, version))
            add(last, version, BY_MONOTONIC_READS, event)
          if (version < 0) continue
          if (!single) readHere.push(event)
          else if (writesFollowReads && !tightOnly && !leaf) unfolded.push(event)
          if (leaf || isStale) continue
          lastRead[key] = version
          if (
            newest[key]! >= 0 &&
            !(times !== undefined && times.begun[newest[key]!]! < times.begun[version]!)
          )
            continue
          newest[key] = version
          newestRead[key] = event
          continue
        }
        if (isFinal[event] === 0) continue
        if (wrote !== NONE) wrote.push(event)
        if (readHere.length > 0 && history.operations[t]!.op === 'cas')
          for (const read of readHere) add(source[read]!, event, BY_CAS, read)
        if (monotonicWrites)
          for (const write of before) edges.add(write, event, labelOf(BY_MONOTONIC_WRITES, -1))
        if (writesFollowReads) {
          if (unfolded.length > 1 || (unfolded.length > 0 && readNode >= 0)) {
            const node = nodes++
            for (const read of unfolded) edges.add(source[read]!, node, labelOf(BY_WRITES_FOLLOW_READS, read))
            if (readNode >= 0) edges.add(readNode, node, labelOf(BY_WRITES_FOLLOW_READS, -1))
            readNode = node
            unfolded = []
          }
          if (readNode >= 0) edges.add(readNode, event, labelOf(BY_WRITES_FOLLOW_READS, -1))
          for (const read of unfolded) add(source[read]!, event, BY_WRITES_FOLLOW_READS, read)
          for (const read of readHere) add(source[read]!, event, BY_WRITES_FOLLOW_READS, read)
        }
        if (leaf) continue
        previousOwn[event] = lastOwn[key]!
        lastOwn[key] = event
      }
      if (leaf) continue
      if (writesFollowReads && !tightOnly) for (const read of readHere) unfolded.push(read)
      if (wrote.length > 0) before = wrote.length > 4 && monotonicWrites ? [folded(wrote)] : wrote
    }
  }
  return { stale, staleCount, edges, nodes }

  function folded(writes: readonly number[]): number {
    const node = nodes++
    for (const write of writes) edges.add(write, node, labelOf(BY_MONOTONIC_WRITES, -1))
    return node
  }
}
