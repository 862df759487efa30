// Terminology: a *record* is a value with its *tag*; a *replica* stores records; N replicas hold a key;
// a write waits for W acknowledgements, a read for R answers.
import type { Clock, EventListener, Random } from '@quorate/core'
import type { ReplicaFailure } from './errors.ts'
import type { QuorumEvent } from './events.ts'
import type { Level } from './level.ts'
import type { QuorumReadReplica, QuorumReplica, Tag } from './replica.ts'

/** How sure a call is to be: a number of replicas, or `linearizable` as if there were one copy. */
export type Consistency = Level | 'linearizable'

/** Options of a quorum that only reads. */
export interface QuorumReaderOptions<V, T extends Tag = string> {
  /** All replicas, each with an id of its own. */
  readonly replicas: readonly QuorumReadReplica<V, T>[]
  /** Copies of a key. Default: as many as there are replicas; fewer are placed by rendezvous hashing. */
  readonly n?: number | undefined
  /** Answers a read waits for. Default `QUORUM`. */
  readonly r?: Level | undefined
  /** Time for a whole call, ms. Default 2,000. */
  readonly deadlineMs?: number | undefined
  /**
   * `blocking` (default): a read brings the stale replicas that answered it up to date before it
   * returns, so that a later read is not older if 2 R > N. A repair that fails does not fail the read, and
   * gives no such promise. Replicas that cannot be written are left.
   */
  readonly readRepair?: 'blocking' | 'off' | undefined
  /** Calls that may be pending on one replica; further ones count as failed. Default 256. */
  readonly maxInFlight?: number | undefined
  /** Time. Default: the machine's. */
  readonly clock?: Clock | undefined
  /** Chance, for the writer's name. Default: the machine's. */
  readonly random?: Random | undefined
  /** Told what happens, in order; what it throws is ignored. */
  readonly onEvent?: EventListener<QuorumEvent> | undefined
}

/** Options of a quorum that reads and writes. */
export interface QuorumOptions<V> extends QuorumReaderOptions<V> {
  readonly replicas: readonly QuorumReplica<V>[]
  /** Acknowledgements a write waits for. */
  readonly w: Level
  /** Name of this writer, part of the tags: 1 to 64 letters, digits, `_ . : -`. Default: a random one. */
  readonly writer?: string | undefined
}

/** Options of `read` and `readMany`. */
export interface ReadOptions {
  /** Default: the quorum's `r`. */
  readonly consistency?: Consistency | undefined
  readonly signal?: AbortSignal | undefined
  /** Default: the quorum's. */
  readonly deadlineMs?: number | undefined
}

/** Options of `write`. */
export interface WriteOptions {
  /** Default: the quorum's `w`. */
  readonly consistency?: Consistency | undefined
  readonly signal?: AbortSignal | undefined
  /** Default: the quorum's. */
  readonly deadlineMs?: number | undefined
  /** Of an indeterminate write *of the same value*: does that write again, not another one. */
  readonly tag?: string | undefined
}

/** What a read found. */
export interface ReadResult<V, T extends Tag = string> {
  /** The newest value among the answers; `undefined` if none had one. */
  readonly value: V | undefined
  /** Its tag. */
  readonly tag: T | undefined
  /** Who answered what. */
  readonly responses: readonly { readonly replica: string; readonly tag: T | undefined }[]
  /** Replicas that were stale and have the newest value now. */
  readonly repaired: readonly string[]
}

/** What became of a write. */
export interface WriteResult {
  /**
   * `ok`: W replicas have it, or a newer one. `indeterminate`: fewer said so in time; it may have
   * happened and may surface later. Write again with its `tag`, or read.
   */
  readonly status: 'ok' | 'indeterminate'
  readonly tag: string
  /** Replicas that have it, or a newer one. */
  readonly acks: readonly string[]
  /** True if a replica had a newer value already: another write, with a greater tag, has won there. */
  readonly superseded: boolean
  /** Replicas that failed before the result was known. */
  readonly failures: readonly ReplicaFailure[]
}

/** Reads at R of N replicas. */
export interface QuorumReader<V, T extends Tag = string> extends AsyncDisposable {
  readonly n: number
  readonly r: number
  /**
   * The newest value that R replicas know of.
   *
   * @throws QuorumUnavailableError if fewer answered in time.
   * @throws QuorumStoppedError after `stop()`.
   * @throws RangeError for a wrong level, or `linearizable` without W + R > N.
   * @throws `signal.reason` if aborted first.
   */
  read(key: string, options?: ReadOptions): Promise<ReadResult<V, T>>
  /**
   * Reads up to 10,000 keys with one call to each replica. Keys keep their order; a key twice is read once.
   *
   * @throws as `read`: the call fails as a whole if one key has too few answers.
   */
  readMany(keys: Iterable<string>, options?: ReadOptions): Promise<ReadonlyMap<string, ReadResult<V, T>>>
  /** Refuses further calls and waits for what still runs, at most until its deadline. */
  stop(): Promise<void>
}

/** Reads and writes at R and W of N replicas. */
export interface Quorum<V> extends QuorumReader<V> {
  readonly w: number
  /**
   * Writes a value with a new tag, or the one given. The last writer wins, by the writers' clocks;
   * with `linearizable` the write that comes later wins, whatever the clocks say.
   *
   * @returns `indeterminate` if W replicas did not acknowledge in time, or the signal was aborted
   *   after it was sent: never an error for a write that may have happened.
   * @throws QuorumUnavailableError if a linearizable write could not learn the present tag; nothing
   *   was written.
   * @throws QuorumStoppedError after `stop()`; nothing was written.
   * @throws RangeError or TypeError for wrong arguments.
   * @throws `signal.reason` if aborted before it was sent; nothing was written.
   */
  write(key: string, value: V, options?: WriteOptions): Promise<WriteResult>
}
