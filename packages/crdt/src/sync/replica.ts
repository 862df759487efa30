import type { VersionVector } from '@quorate/vector-clock'
import type { CrdtType } from '../crdt.ts'
import type { AnyCrdt, DocumentStore } from '../store.ts'
import { digestOf } from './digest.ts'

/** What a replica knows of itself. */
export interface ReplicaVersion {
  readonly version: VersionVector
  readonly hasGaps: boolean
}

/** What a replica is, and what another one lacks of it. */
export interface ReplicaReading extends ReplicaVersion {
  /** Its bytes; none if it lacks nothing. */
  readonly delta: Uint8Array | undefined
  /**
   * Gives a whole number from 0 to 2^53 − 1 for the canonical bytes (`encode()`) of this version, or `undefined` if the
   * replica has changed since. It is called at once, and not always, as it takes all the bytes. Without it, two replicas
   * of equal versions count as equal, also if two writers shared a name.
   */
  readonly digest?: (() => number | undefined) | undefined
}

type Awaitable<T> = T | Promise<T>

/** Something to sync: a CRDT here, or a document in a store. */
export interface SyncReplica {
  readonly type: CrdtType
  /** What it is, and what a replica at `since` lacks of it. */
  read(since?: VersionVector): Awaitable<ReplicaReading>
  /** Takes in a delta. @returns `changed`: true if anything was new. */
  merge(bytes: Uint8Array): Awaitable<ReplicaVersion & { readonly changed: boolean }>
}

/** A CRDT of this process. */
export function localReplica(crdt: AnyCrdt): SyncReplica {
  return {
    type: crdt.type,
    read: (since) => describe(crdt, since),
    merge: (bytes) => {
      const changed = crdt.merge(bytes)
      return { version: crdt.version, hasGaps: crdt.hasGaps, changed }
    },
  }
}

/**
 * A document of a store: what peers have is merged into it, and they get what it has. It does not hear of what others
 * write to the store: call `push()` when they have.
 *
 * @param type that of the documents, for example `'cart'`.
 */
export function storedReplica<C extends AnyCrdt>(
  store: DocumentStore<C>,
  key: string,
  type: C['type'],
): SyncReplica {
  return {
    type,
    read: async (since) => describe(await store.load(key), since),
    merge: async (bytes) => {
      const { document, result } = await store.merge(key, bytes)
      return { version: document.version, hasGaps: document.hasGaps, changed: result }
    },
  }
}

function describe(
  crdt: AnyCrdt,
  since: VersionVector | undefined,
): ReplicaVersion & { delta: Uint8Array | undefined; digest: () => number | undefined } {
  const delta = since === undefined ? undefined : crdt.deltaSince(since)
  const { version } = crdt
  return {
    version,
    hasGaps: crdt.hasGaps,
    delta: delta === undefined || delta.isEmpty ? undefined : delta.encode(),
    digest: () => digestAt(crdt, version),
  }
}

/** Of replicas that are open on many channels, once for each version. */
const digests = /* @__PURE__ */ new WeakMap<AnyCrdt, { version: VersionVector; digest: number }>()

/**
 * Without gaps, the version tells the state: every change of it is an event, removals and compactions of a set too, names
 * that are forgotten leave the version as well, and what a text collects was never in its bytes.
 */
function digestAt(crdt: AnyCrdt, version: VersionVector): number | undefined {
  if (crdt.version.compare(version) !== 'equal') return undefined
  const known = digests.get(crdt)
  if (known?.version.compare(version) === 'equal') return known.digest
  const digest = digestOf(crdt.encode())
  digests.set(crdt, { version, digest })
  return digest
}
