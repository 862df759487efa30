import { checkNames, emit, systemClock, systemRandom, type Clock } from '@quorate/core'
import { checkStatement, checkWork, sessionInput } from './check-call.ts'
import { shown } from './check-options.ts'
import { PrimaryUnavailableError, RouterStoppedError } from './errors.ts'
import type { ReadYourWritesEvent } from './events.ts'
import type { HealthStatus } from './health.ts'
import type { Lag } from './lag.ts'
import { formatLsn } from './lsn.ts'
import { Monitor } from './monitor.ts'
import { asyncContext, type AsyncContext } from './node/context.ts'
import { clusterNamer, hmacSigner } from './node/hmac.ts'
import { validateLevel, type Level } from './level.ts'
import { settingsOf, type ReadYourWritesOptions, type Settings, type Work } from './options.ts'
import type { Position } from './position.ts'
import { CheckedOutLease, type LeaseOptions, type PrimaryLease } from './primary-lease.ts'
import type { PgResult } from './postgres/port.ts'
import type { PgPool } from './postgres/port.ts'
import { Primary } from './primary.ts'
import { Replica } from './replica.ts'
import { Router, type ReadRequest } from './router.ts'
import { RoutedSession, type Session, type SessionParts } from './session.ts'
import type { SessionOptions, SessionRouter } from './session-router.ts'
import { SharedValues } from './shared-values.ts'
import type { TokenSigner } from './signed-bytes.ts'
import { runTransaction, type SnapshotIsolation } from './transaction.ts'
import type { Deadline } from './under-way.ts'

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

/** A router over one primary and its replicas: {@link readYourWrites}. */
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

/**
 * Makes a router. It begins to probe the servers at once, on one connection of each pool.
 *
 * @throws RangeError, TypeError for an option that is missing, unknown or out of its range.
 *
 * @example
 * ```ts
 * const db = readYourWrites({ primary: pool, replicas: [{ id: 'r1', pool: r1 }], secret })
 * const session = db.session({ key: userId, token })
 * await db.write((tx) => tx.query('update …'), { session })
 * await db.read((q) => q.query('select …'), { session })
 * ```
 */
export function readYourWrites(options: ReadYourWritesOptions): ReadYourWrites {
  const settings = settingsOf(options)
  const signer = hmacSigner(typeof options.secret === 'string' ? [options.secret] : options.secret)
  return new PostgresReadYourWrites(options, settings, signer)
}

const READ_OPTIONS: readonly (keyof ReadOptions)[] = ['level', 'session', 'transaction', 'signal']
const WRITE_OPTIONS: readonly (keyof WriteOptions)[] = ['isolation', 'session', 'remoteApply', 'signal']
const LEASE_OPTIONS: readonly (keyof LeaseOptions)[] = ['signal']
const EXECUTE_OPTIONS: readonly (keyof ExecuteOptions)[] = ['session', 'signal']

class PostgresReadYourWrites implements ReadYourWrites {
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #sessionParts: SessionParts
  readonly #primary: Primary
  readonly #context: AsyncContext<Session> = asyncContext()
  readonly #levels: AsyncContext<Level> = asyncContext()
  readonly #replicas: readonly Replica[]
  readonly #monitor: Monitor
  readonly #router: Router
  readonly #onEvent: ReadYourWritesOptions['onEvent']
  #stopped: Promise<void> | undefined

  constructor(options: ReadYourWritesOptions, settings: Settings, signer: TokenSigner) {
    const { primary, clock = systemClock, random = systemRandom, onEvent } = options
    this.#settings = settings
    this.#clock = clock
    this.#onEvent = onEvent
    this.#sessionParts = {
      signer,
      clock,
      inTokens: clusterNamer(options.name),
      shared: new SharedValues(settings.maxSharedSessions),
      maxTokenAgeMs: settings.maxTokenAgeMs,
      onRejected: (rejection) =>
        emit<ReadYourWritesEvent>(onEvent, () => ({ type: 'token-rejected', rejection })),
    }
    this.#primary = new Primary(primary, clock, settings)
    const replicas = options.replicas.map(({ id, pool, weight = 1 }) => new Replica(id, pool, weight))
    this.#replicas = replicas
    for (const pool of this.#pools()) pool.on?.('error', ignore)
    this.#monitor = new Monitor(this.#primary, replicas, settings, clock, onEvent)
    const parts = { primary: this.#primary, replicas, monitor: this.#monitor }
    this.#router = new Router({ ...parts, settings, clock, random, onEvent })
    this.#monitor.start()
  }

  get primary(): PrimaryStatus {
    const { reachable, timeline } = this.#monitor.primary
    return { reachable, timeline }
  }

  get replicas(): readonly ReplicaStatus[] {
    return this.#replicas.map(({ id, status, lag }) => ({ id, status, lag }))
  }

  // Not async, as one more promise for each read would be a good part of what routing costs.
  read<T>(work: Work<T>, options: ReadOptions = {}): Promise<T> {
    let request: ReadRequest<T>
    try {
      request = this.#readRequest(work, options)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#router.read(request)
  }

  #readRequest<T>(work: Work<T>, options: ReadOptions): ReadRequest<T> {
    checkWork('read', work)
    checkNames('read', options, READ_OPTIONS)
    const { level = this.#level, session, transaction, signal } = options
    validateLevel(level)
    validateSnapshot(transaction)
    this.#mustRun()
    signal?.throwIfAborted()
    return { work, level, session: this.#sessionOf(session), snapshot: transaction, signal }
  }

  async write<T>(work: Work<T>, options: WriteOptions = {}): Promise<T> {
    checkWork('write', work)
    checkNames('write', options, WRITE_OPTIONS)
    const { isolation, session, remoteApply = false, signal } = options
    validateIsolation(isolation)
    this.#mustRun()
    const routed = this.#sessionOf(session)
    const { value, position } = await this.#whileUnderWay(async () =>
      runTransaction(await this.#primary.connect(signal), work, {
        isolation,
        remoteApply,
        signal,
        running: this.#primary.running,
        commitDeadline: () => this.#commitDeadline(),
      }),
    )
    this.#primary.answered()
    routed?.advance(position, true)
    this.#emitWrite(position)
    return value
  }

  async execute<Row = Record<string, unknown>>(
    text: string,
    values: readonly unknown[] = [],
    options: ExecuteOptions = {},
  ): Promise<PgResult<Row>> {
    checkStatement('execute', text, values)
    checkNames('execute the statement', options, EXECUTE_OPTIONS)
    const { session, signal } = options
    const lease = await this.lease({ signal })
    try {
      return (await lease.execute(text, values, { session })) as PgResult<Row>
    } finally {
      lease.release()
    }
  }

  async lease(options: LeaseOptions = {}): Promise<PrimaryLease> {
    checkNames('lease a connection', options, LEASE_OPTIONS)
    this.#mustRun()
    const checkout = await this.#whileUnderWay(() => this.#primary.connect(options.signal))
    this.#monitor.underWay++
    let isOut = true
    const release = (destroy?: boolean): void => {
      if (isOut) this.#monitor.underWay--
      isOut = false
      checkout.release(destroy)
    }
    return new CheckedOutLease({
      checkout: { ...checkout, release },
      clock: this.#clock,
      commitDeadlineMs: this.#settings.commitDeadlineMs,
      running: this.#primary.running,
      recorderFor: (session) => {
        const routed = this.#sessionOf(session)
        return (position, wrote) => {
          this.#primary.answered()
          routed?.advance(position, true)
          if (wrote) this.#emitWrite(position)
        }
      },
    })
  }

  session(options: SessionOptions = {}): Session {
    const { tokens, key } = sessionInput(options)
    return new RoutedSession(key, tokens, this.#sessionParts)
  }

  run<T>(session: Session, work: () => T): T {
    checkWork('run', work)
    this.#sessionOf(session)
    return this.#context.run(session, work)
  }

  current(): Session | undefined {
    return this.#context.current()
  }

  withLevel<T>(level: Level, work: () => T): T {
    checkWork('withLevel', work)
    validateLevel(level)
    return this.#levels.run(level, work)
  }

  reportLateToken(): void {
    emit<ReadYourWritesEvent>(this.#onEvent, () => ({ type: 'token-late' }))
  }

  async ready({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#mustRun()
    const never = new AbortController()
    const isComplete = await this.#monitor.waitUntil(() => this.#monitor.complete, signal ?? never.signal)
    signal?.throwIfAborted()
    if (!isComplete) throw new RouterStoppedError()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#monitor.stop().finally(() => {
      for (const pool of this.#pools()) pool.removeListener?.('error', ignore)
    })
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Each once: one pool may be given twice. */
  #pools(): Set<PgPool> {
    return new Set([this.#primary.pool, ...this.#replicas.map(({ pool }) => pool)])
  }

  async #whileUnderWay<T>(work: () => Promise<T>): Promise<T> {
    this.#monitor.underWay++
    try {
      return await work()
    } finally {
      this.#monitor.underWay--
    }
  }

  #commitDeadline(): Deadline {
    const { commitDeadlineMs } = this.#settings
    return {
      atMs: this.#clock.monotonic() + commitDeadlineMs,
      error: () => new PrimaryUnavailableError(`COMMIT took longer than ${commitDeadlineMs} ms`),
    }
  }

  #sessionOf(given: Session | undefined): RoutedSession | undefined {
    const session = given ?? this.#context.current()
    if (session === undefined || session instanceof RoutedSession) return session
    throw new TypeError(
      'Cannot use the session: it must come from session() of a router over Postgres, of the same copy of this ' +
        `package, got ${shown(session)}; make it here, with db.session({ token })`,
    )
  }

  get #level(): Level {
    return this.#levels.current() ?? this.#settings.level
  }

  #mustRun(): void {
    if (this.#stopped !== undefined) throw new RouterStoppedError()
  }

  #emitWrite({ lsn, timeline }: Position): void {
    emit<ReadYourWritesEvent>(this.#onEvent, () => ({ type: 'write', lsn: formatLsn(lsn), timeline }))
  }
}

/** Told by a pool; the probes find out what it means. */
function ignore(): void {}

/** @throws TypeError for an unknown level; it would become part of a statement. */
function validateIsolation(isolation: WriteOptions['isolation']): void {
  if (isolation === undefined || ['read committed', 'repeatable read', 'serializable'].includes(isolation))
    return
  throw new TypeError(
    `Cannot write: isolation must be read committed, repeatable read or serializable, got ${shown(isolation)}`,
  )
}

/** @throws TypeError, likewise. */
function validateSnapshot(transaction: ReadOptions['transaction']): void {
  if (transaction === undefined || ['read committed', 'repeatable read'].includes(transaction)) return
  throw new TypeError(
    `Cannot read: transaction must be read committed or repeatable read, got ${shown(transaction)}; ` +
      'replicas have no serializable transactions',
  )
}
