import type { HealthStatus } from './health.ts'
import type { Lag } from './lag.ts'
import type { Level } from './level.ts'
import type { Work } from './options.ts'
import type { PgResult } from './postgres/port.ts'
import type { LeaseOptions, PrimaryLease } from './primary-lease.ts'
import type { SessionRouter } from './session-router.ts'
import type { Session } from './session.ts'
import type { SnapshotIsolation } from './transaction.ts'

/** Options of {@link ReadYourWrites.read}. */
export interface ReadOptions {
  /** Default: that of {@link ReadYourWrites.withLevel} that this runs in, else the router's. */
  readonly level?: Level | undefined
  /** Default: the session of {@link ReadYourWrites.run} that this runs in. */
  readonly session?: Session | undefined
  /**
   * Runs the callback in a read-only transaction: with `repeatable read` all its queries see the database as
   * it was at the first. Default: each query for itself.
   */
  readonly transaction?: SnapshotIsolation | undefined
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link ReadYourWrites.write}. */
export interface WriteOptions {
  /** Default: the server's. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable' | undefined
  /** Default: the session of {@link ReadYourWrites.run} that this runs in. */
  readonly session?: Session | undefined
  /**
   * COMMIT waits until all synchronous standbys show the write, so that reads there see it without any
   * token. Needs `synchronous_standby_names` on the primary. Default `false`.
   */
  readonly remoteApply?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link ReadYourWrites.execute}. */
export interface ExecuteOptions {
  /** Default: the session of {@link ReadYourWrites.run} that this runs in. */
  readonly session?: Session | undefined
  /** Until the statement is sent; then its answer is waited for. */
  readonly signal?: AbortSignal | undefined
}

/** A replica's standing. */
export interface ReplicaStatus {
  readonly id: string
  readonly status: HealthStatus
  /** `undefined` while it is not known. */
  readonly lag: Lag | undefined
}

/** The primary's standing. */
export interface PrimaryStatus {
  /** Does it answer? `undefined` until it was asked. */
  readonly reachable: boolean | undefined
  /** Rises with each promotion; `undefined` while it is not known. */
  readonly timeline: number | undefined
}

/** A router over one primary and its replicas: what `readYourWrites()` makes. */
export interface ReadYourWrites extends SessionRouter, AsyncDisposable {
  readonly primary: PrimaryStatus
  readonly replicas: readonly ReplicaStatus[]
  /**
   * Runs `work` on the cheapest server that is fresh enough. It may be run again elsewhere if a replica fails,
   * or if it tries to write there, so it should only read; the queries of a run that was given up fail.
   *
   * @throws PrimaryBusyError when the primary serves as many spilled reads as it may.
   * @throws PrimaryUnavailableError if it had to go to the primary, and that is gone.
   * @throws NotPrimaryError if it had to go to the primary and that has become a replica.
   * @throws what `work` throws, and the driver's errors of the primary.
   * @throws `signal.reason` when aborted; a query that runs is not waited for.
   */
  read<T>(work: Work<T>, options?: ReadOptions): Promise<T>
  /**
   * Runs `work` in a transaction on the primary, and moves the session's token to where it can be seen.
   * The position is asked for in the same message as COMMIT.
   *
   * @throws what `work` throws, after ROLLBACK.
   * @throws TransactionAbortedError if `work` swallowed the error of a statement.
   * @throws CommitUnknownError if no answer came after COMMIT was sent: outcome `unknown`.
   * @throws PrimaryUnavailableError if the primary is gone, or goes before COMMIT.
   * @throws NoSynchronousStandbyError for `remoteApply` with nobody to wait for.
   * @throws NotPrimaryError if the primary has become a replica.
   * @throws `signal.reason` when aborted before COMMIT was sent; a COMMIT that was sent is waited for, up to
   *   `commitDeadlineMs`.
   */
  write<T>(work: Work<T>, options?: WriteOptions): Promise<T>
  /**
   * Runs one statement on the primary, which commits itself, and moves the session's token to where it can be
   * seen: two messages where a {@link write} takes three.
   *
   * @throws what the server says; nothing is written then.
   * @throws CommitUnknownError if the connection broke after the statement was sent: outcome `unknown`.
   * @throws PrimaryUnavailableError, NotPrimaryError before it is sent; `signal.reason`, likewise.
   */
  execute<Row = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
    options?: ExecuteOptions,
  ): Promise<PgResult<Row>>
  /**
   * For integrations whose transactions do not fit a callback: a connection to the primary, kept until it is
   * released. For anything else, {@link write}.
   *
   * @throws PrimaryUnavailableError if it cannot be had in time.
   * @throws NotPrimaryError if the primary has become a replica.
   * @throws `signal.reason` when aborted before it is there.
   */
  lease(options?: LeaseOptions): Promise<PrimaryLease>
  /**
   * Runs `work` with another level for reads that name none, over promises and callbacks; the innermost counts. So a
   * whole handler may read at one level, whatever it calls.
   *
   * @throws TypeError for an unknown level.
   *
   * @example
   * ```ts
   * await db.withLevel('strong', () => reports.overview())
   * ```
   */
  withLevel<T>(level: Level, work: () => T): T
  /**
   * Resolves when each server has answered, or has failed to twice; until then reads go to the primary.
   *
   * @throws RouterStoppedError if it is stopped before.
   * @throws `signal.reason` when aborted.
   */
  ready(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
  /**
   * Takes nothing more, stops the probes and gives their connections back; the pools stay open. As long
   * as anything is under way it goes on, and so do the probes, so that nothing hangs on a server that has gone.
   */
  stop(): Promise<void>
}
