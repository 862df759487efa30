import { checkNames, emit, systemClock, systemRandom, type Clock } from '@quorate/core'
import { checkStatement, checkWork, sessionInput } from './check-call.ts'
import { shown } from './check-options.ts'
import { PrimaryUnavailableError, RouterStoppedError } from './errors.ts'
import type { ReadYourWritesEvent } from './events.ts'
import { formatLsn } from './lsn.ts'
import { Monitor } from './monitor.ts'
import { asyncContext, type AsyncContext } from './node/context.ts'
import { clusterNamer, hmacSigner } from './node/hmac.ts'
import { validateLevel, type Level } from './level.ts'
import { settingsOf, type ReadYourWritesOptions, type Settings, type Work } from './options.ts'
import type { Position } from './position.ts'
import { CheckedOutLease, type LeaseOptions, type PrimaryLease } from './primary-lease.ts'
import type { PgPool, PgResult } from './postgres/port.ts'
import { Primary } from './primary.ts'
import { Replica } from './replica.ts'
import { Router, type ReadRequest } from './router.ts'
import type {
  ExecuteOptions,
  PrimaryStatus,
  ReadOptions,
  ReadYourWrites,
  ReplicaStatus,
  WriteOptions,
} from './router-api.ts'
import { RoutedSession, type Session, type SessionParts } from './session.ts'
import type { SessionOptions } from './session-router.ts'
import { SharedValues } from './shared-values.ts'
import type { TokenSigner } from './signed-bytes.ts'
import { runTransaction } from './transaction.ts'
import type { Deadline } from './under-way.ts'

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
