import type { History } from '../../history.ts'
import type { SessionGuarantee } from '../session-scan.ts'
import { type Event, type Read, someOrder, type World, worlds } from './brute-force.ts'

/** A version: what a transaction left in a key. */
interface Version {
  readonly txn: number
  readonly position: number
  readonly key: string
}

/**
 * Session guarantees by definition, for every order of versions: each read sees a set of versions and returns
 * the newest of its key among them. The guarantee says what must be in that set, and how versions are ordered.
 * Sets are the smallest that the guarantee allows; larger ones only make it harder.
 */
export function bruteForceSessions(
  history: History,
  guarantees: readonly SessionGuarantee[],
  inRealTime: boolean,
): boolean {
  for (const world of worlds(history, false)) {
    const versions = versionsOf(world)
    const known = knownOrder(history, world, versions, inRealTime)
    const sets = guarantees.map((guarantee) => [guarantee, visible(world, versions, guarantee)] as const)
    const kept = someOrder(versions.length, known, (position) =>
      sets.every(([guarantee, seen]) => holds(world, versions, guarantee, seen, position)),
    )
    if (kept) return true
  }
  return false
}

function versionsOf({ txns }: World): Version[] {
  return txns.flatMap(({ events }, txn) =>
    events.flatMap(({ kind, key }: Event, position) => {
      const last = events.findLastIndex((event) => event.kind === 'w' && event.key === key) === position
      return kind === 'w' && last ? [{ txn, position, key }] : []
    }),
  )
}

/** In program order, of one session? */
const follows = (
  { so }: World,
  a: { readonly txn: number; readonly position: number },
  b: { readonly txn: number; readonly position: number },
): boolean => so[a.txn]![b.txn]! || (a.txn === b.txn && a.position < b.position)

const placeOf = (read: Read): { txn: number; position: number } => ({
  txn: read.reader,
  position: read.position,
})
const versionOf = (versions: readonly Version[], read: Read): number =>
  versions.findIndex(({ txn, key }) => txn === read.writer && key === read.key)

function knownOrder(
  history: History,
  { txns, reads }: World,
  versions: readonly Version[],
  inRealTime: boolean,
): boolean[][] {
  const operation = (txn: number): History['operations'][number] => history.operations[txns[txn]!.index]!
  const created = versions.map((version, index) => {
    const seen = reads
      .filter((read) => versionOf(versions, read) === index)
      .map((read) => operation(read.reader).end)
    const { start, end } = operation(version.txn)
    return Math.min(end, ...seen.filter((at) => at >= start))
  })
  return versions.map((a, i) =>
    versions.map((b, j) => {
      const replaced =
        operation(b.txn).op === 'cas' &&
        reads.some((read) => read.reader === b.txn && versionOf(versions, read) === i)
      return replaced || (inRealTime && i !== j && a.key === b.key && created[i]! < operation(b.txn).start)
    }),
  )
}

/** Per read: the versions that it must see. */
function visible(world: World, versions: readonly Version[], guarantee: SessionGuarantee): Set<number>[] {
  const { reads } = world
  const seen = reads.map((read) => new Set(read.writer < 0 ? [] : [versionOf(versions, read)]))
  for (let changed = true; changed;) {
    const before = seen.map((set) => set.size).join(',')
    reads.forEach((read, r) => {
      const add = (version: number): unknown => seen[r]!.add(version)
      switch (guarantee) {
        case 'read-your-writes':
          versions.forEach((version, v) => follows(world, version, placeOf(read)) && add(v))
          break
        case 'monotonic-reads':
          reads.forEach((other, o) => follows(world, placeOf(other), placeOf(read)) && seen[o]!.forEach(add))
          break
        case 'monotonic-writes':
          for (const v of seen[r]!)
            versions.forEach((version, w) => world.so[version.txn]![versions[v]!.txn]! && add(w))
          break
        case 'writes-follow-reads':
          for (const v of seen[r]!)
            reads.forEach((other, o) => follows(world, placeOf(other), versions[v]!) && seen[o]!.forEach(add))
          break
      }
    })
    changed = before !== seen.map((set) => set.size).join(',')
  }
  return seen
}

function holds(
  world: World,
  versions: readonly Version[],
  guarantee: SessionGuarantee,
  seen: readonly ReadonlySet<number>[],
  position: readonly number[],
): boolean {
  const { reads, so } = world
  const returnsNewest = reads.every((read, r) => {
    const ofKey = [...seen[r]!].filter((v) => versions[v]!.key === read.key)
    const newest = ofKey.toSorted((a, b) => position[b]! - position[a]!)[0] ?? -1
    return newest === versionOf(versions, read)
  })
  if (!returnsNewest) return false
  if (guarantee === 'monotonic-writes')
    return versions.every((a, i) =>
      versions.every((b, j) => !so[a.txn]![b.txn]! || position[i]! < position[j]!),
    )
  if (guarantee === 'writes-follow-reads')
    return reads.every((read, r) =>
      versions.every(
        (version, w) =>
          !follows(world, placeOf(read), version) || [...seen[r]!].every((v) => position[v]! < position[w]!),
      ),
    )
  return true
}

/** The same where values are numbers that grow and every answer arrived: compares every pair of steps of every session. */
export function bruteForceAscending(history: History, guarantees: readonly SessionGuarantee[]): boolean {
  const steps = history.operations.flatMap((o) => {
    if (o.status === 'fail') return []
    const base = { process: o.process, key: o.key }
    if (o.op === 'read') return [{ ...base, kind: 'r', value: o.output as number | null }]
    if (o.op === 'write') return [{ ...base, kind: 'w', value: o.input as number | null }]
    if (o.output === false) return []
    const [old, next] = o.input as [number | null, number | null]
    return [
      { ...base, kind: 'r', value: old },
      { ...base, kind: 'w', value: next },
    ]
  })
  const names: Readonly<Record<string, SessionGuarantee>> = {
    wr: 'read-your-writes',
    rr: 'monotonic-reads',
    ww: 'monotonic-writes',
    rw: 'writes-follow-reads',
  }
  return steps.every((a, i) =>
    steps.every((b, j) => {
      if (i >= j || a.process !== b.process || a.key !== b.key) return true
      return !guarantees.includes(names[a.kind + b.kind]!) || (b.value ?? -1) >= (a.value ?? -1)
    }),
  )
}
