import type { Clock, EventListener, Random } from '@quorate/core'
import { checkShape } from './check-options.ts'
import type { ReadYourWritesEvent } from './events.ts'
import type { Level } from './level.ts'
import type { PgPool, Queryable } from './postgres/port.ts'
import { settingsFrom } from './settings.ts'

/** A replica and the pool that leads to it, and to no other server. */
export interface ReplicaOptions {
  /** Stable name: users are spread by it. */
  readonly id: string
  readonly pool: PgPool
  /** Share of the users relative to the others. Default 1; 0 takes it out. */
  readonly weight?: number | undefined
}

/** Options of {@link readYourWrites}. */
export interface ReadYourWritesOptions {
  /**
   * Pool of the primary; after a failover it must lead to the new one. The router listens to the `error` events of
   * its pools until `stop()`: a connection that breaks while nobody uses it does not end the process.
   */
  readonly primary: PgPool
  readonly replicas: readonly ReplicaOptions[]
  /** Signs tokens, at least 16 bytes. Several: the first signs, all are accepted, for rotation. */
  readonly secret: string | readonly string[]
  /**
   * Names this database in tokens. Give each its own if one token goes through several: databases that were
   * restored or cloned from one another cannot be told apart by their servers. Default: the system identifier.
   */
  readonly name?: string | undefined
  /** Default level of reads. Default `read-your-writes`. */
  readonly level?: Level | undefined
  /** How long a read may wait for a replica to catch up before it goes to the primary, ms. Default 10; 0: not at all.
   * Nobody waits for replicas that have lately lagged by more than that. */
  readonly waitMs?: number | undefined
  /** A replica further behind is ejected, ms; readmitted below half of it. At most 1,000 probe intervals. Default 2,000. */
  readonly maxLagMs?: number | undefined
  /** The same in bytes of WAL. Default 64 MiB. */
  readonly maxLagBytes?: number | undefined
  /** How often each server is asked where it stands, ms. Default 100. */
  readonly probeIntervalMs?: number | undefined
  /**
   * A probe that takes longer has failed; two failures in a row eject. What answers late is heard by the next probe, for
   * as long again; three late answers in a row eject as well (`slow`), until two in a row take less than half of this.
   * For a replica far away choose more than twice the time that a query of nothing takes there. Default 100.
   */
  readonly probeDeadlineMs?: number | undefined
  /** How often a replica is asked while somebody waits for it, ms. Default 2. */
  readonly pollMs?: number | undefined
  /** Reads that replicas should have served, on the primary at once; more are refused. Default: no limit. */
  readonly maxPrimaryReads?: number | undefined
  /**
   * How long a read or a write may wait for a connection, and for a primary that has fallen silent while
   * something runs there, ms; looked at with each probe of the primary. Default 5,000. How long statements may run
   * is the pools' affair.
   */
  readonly deadlineMs?: number | undefined
  /** How long COMMIT may take before its outcome is called unknown, ms. Default 30,000. */
  readonly commitDeadlineMs?: number | undefined
  /** Tokens older than that are not taken: the primary answers and gives a new one. Default one day, ms. */
  readonly maxTokenAgeMs?: number | undefined
  /** Users (session keys) whose position this process remembers. Default 10,000. */
  readonly maxSharedSessions?: number | undefined
  readonly onEvent?: EventListener<ReadYourWritesEvent> | undefined
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
  /** Chooses the replica of a session without a key. Default: the machine's. */
  readonly random?: Random | undefined
}

/** All numbers, with their defaults. */
export interface Settings {
  readonly level: Level
  readonly waitMs: number
  readonly maxLagMs: number
  readonly maxLagBytes: number
  readonly probeIntervalMs: number
  readonly probeDeadlineMs: number
  readonly pollMs: number
  readonly maxPrimaryReads: number
  readonly deadlineMs: number
  readonly commitDeadlineMs: number
  readonly maxTokenAgeMs: number
  readonly maxSharedSessions: number
}

const DEFAULTS: Settings = {
  level: 'read-your-writes',
  waitMs: 10,
  maxLagMs: 2_000,
  maxLagBytes: 64 * 1_024 * 1_024,
  probeIntervalMs: 100,
  probeDeadlineMs: 100,
  pollMs: 2,
  maxPrimaryReads: Infinity,
  deadlineMs: 5_000,
  commitDeadlineMs: 30_000,
  maxTokenAgeMs: 86_400_000,
  maxSharedSessions: 10_000,
}

/** @throws RangeError, TypeError for an option out of its range. */
export function settingsOf(options: ReadYourWritesOptions): Settings {
  checkShape(options, Object.keys(DEFAULTS))
  return settingsFrom(DEFAULTS, options)
}

/** The callback of a read or a write. */
export type Work<T> = (queryable: Queryable) => Promise<T>
