import { checkNames, emit, systemClock, systemRandom, type Clock } from '@quorate/core'
import { checkWork, sessionInput } from '../check-call.ts'
import { shown } from '../check-options.ts'
import { deadline } from '../deadline.ts'
import { RouterStoppedError } from '../errors.ts'
import { validateLevel, type Level } from '../level.ts'
import { asyncContext, type AsyncContext } from '../node/context.ts'
import { hmacSigner } from '../node/hmac.ts'
import type { ReplicaStatus } from '../router-api.ts'
import type { SessionOptions, SessionRouter } from '../session-router.ts'
import type { Session } from '../session.ts'
import { SharedValues } from '../shared-values.ts'
import { Connection } from './connection.ts'
import { NotReplicatedError } from './errors.ts'
import type { RedisReadYourWritesEvent } from './events.ts'
import { RedisMonitor } from './monitor.ts'
import { redisSettingsOf, type ReadYourWritesRedisOptions, type RedisSettings } from './options.ts'
import type { RedisClient, RedisWork } from './port.ts'
import { covers, type RedisPosition } from './position.ts'
import { PrimaryWork } from './primary-work.ts'
import { Primary } from './primary.ts'
import { RedisReplica } from './replica.ts'
import { RedisRouter } from './router.ts'
import { RedisSession, type RedisSessionParts } from './session.ts'

/** Options of {@link ReadYourWritesRedis.read}. */
export interface RedisReadOptions {
  /** Default: the router's. */
  readonly level?: Level | undefined
  /** Default: the session of {@link SessionRouter.run} that this runs in. */
  readonly session?: Session | undefined
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link ReadYourWritesRedis.write}. */
export interface RedisWriteOptions {
  /** Default: the session of {@link SessionRouter.run} that this runs in. */
  readonly session?: Session | undefined
  readonly signal?: AbortSignal | undefined
  /**
   * Waits until so many of the router's replicas have applied the write. Default 0. Their own word counts, as
   * with reads, and not that of `WAIT`, which would hold up all who share the connection.
   */
  readonly waitReplicas?: number | undefined
  /** How long it waits for them, ms. Default 1,000. */
  readonly waitDeadlineMs?: number | undefined
}

/** The primary's standing. */
export interface RedisPrimaryStatus {
  /** Does it answer, and take writes? `undefined` until it was asked. */
  readonly reachable: boolean | undefined
  /** Its replication id: another one after each promotion. `undefined` while it is not known. */
  readonly replid: string | undefined
}

/** A router over one Redis primary and its replicas: {@link readYourWritesRedis}. */
export interface ReadYourWritesRedis<Client extends RedisClient = RedisClient>
  extends SessionRouter, AsyncDisposable {
  readonly primary: RedisPrimaryStatus
  readonly replicas: readonly ReplicaStatus[]
  /**
   * Runs `work` on the cheapest server that is fresh enough, at most once at a time. It may be run again
   * elsewhere if a replica fails, or if it tries to write there, so it should only read.
   *
   * @throws PrimaryBusyError when the primary serves as many spilled reads as it may.
   * @throws PrimaryUnavailableError, NotPrimaryError if it had to go to the primary, and that is away or has become a replica.
   * @throws what `work` throws, replies of the server included.
   * @throws `signal.reason` when aborted; commands that were sent are not waited for.
   */
  read<T>(work: RedisWork<T, Client>, options?: RedisReadOptions): Promise<T>
  /**
   * Runs `work` on the primary, and moves the session's token to where it can be seen. The position is asked
   * for behind the commands, on their connection. What `work` has done stays done when it throws.
   *
   * @throws what `work` throws, replies of the server included.
   * @throws PrimaryUnavailableError, NotPrimaryError if nothing was sent, or nothing was taken.
   * @throws WriteUnknownError if an answer did not come, or not in time: outcome `unknown`.
   * @throws NotReplicatedError if it stands on the primary and too few replicas have it in time.
   * @throws `signal.reason` when aborted before a command was sent.
   */
  write<T>(work: RedisWork<T, Client>, options?: RedisWriteOptions): Promise<T>
  /**
   * Runs `work` with another level for reads that name none, over promises and callbacks; the innermost counts.
   *
   * @throws TypeError for an unknown level.
   */
  withLevel<T>(level: Level, work: () => T): T
  /** Resolves when each server was asked once; until then reads go to the primary. */
  ready(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
  /** Stops the probes and ends what runs; the clients stay open. */
  stop(): Promise<void>
}

/**
 * Makes a router over Redis. It begins to probe the servers at once, over the clients it is given.
 *
 * @throws RangeError, TypeError for an option that is missing, unknown or out of its range.
 *
 * @example
 * ```ts
 * const db = readYourWritesRedis({ primary: new Redis(url), replicas: [{ id: 'r1', client: new Redis(url1) }], secret })
 * const session = db.session({ key: userId, token })
 * await db.write((redis) => redis.hset(`cart:${userId}`, sku, 1), { session })
 * await db.read((redis) => redis.hgetall(`cart:${userId}`), { session })
 * ```
 */
export function readYourWritesRedis<Client extends RedisClient>(
  options: ReadYourWritesRedisOptions<Client>,
): ReadYourWritesRedis<Client> {
  const settings = redisSettingsOf(options)
  const signer = hmacSigner(typeof options.secret === 'string' ? [options.secret] : options.secret)
  return new RedisReadYourWrites(options, settings, signer, asyncContext())
}

const READ_OPTIONS: readonly (keyof RedisReadOptions)[] = ['level', 'session', 'signal']
const WRITE_OPTIONS: readonly (keyof RedisWriteOptions)[] = [
  'session',
  'signal',
  'waitReplicas',
  'waitDeadlineMs',
]
const DEFAULT_WAIT_DEADLINE_MS = 1_000

class RedisReadYourWrites<Client extends RedisClient> implements ReadYourWritesRedis<Client> {
  readonly #settings: RedisSettings
  readonly #clock: Clock
  readonly #context: AsyncContext<Session>
  readonly #levels: AsyncContext<Level> = asyncContext()
  readonly #sessionParts: RedisSessionParts
  readonly #primary: Primary<Client>
  readonly #onPrimary: PrimaryWork<Client>
  readonly #replicas: readonly RedisReplica<Client>[]
  readonly #monitor: RedisMonitor<Client>
  readonly #router: RedisRouter<Client>
  readonly #onEvent: ReadYourWritesRedisOptions['onEvent']
  #stopped: Promise<void> | undefined

  constructor(
    options: ReadYourWritesRedisOptions<Client>,
    settings: RedisSettings,
    signer: RedisSessionParts['signer'],
    context: AsyncContext<Session>,
  ) {
    const { clock = systemClock, random = systemRandom, onEvent } = options
    this.#settings = settings
    this.#clock = clock
    this.#context = context
    this.#onEvent = onEvent
    this.#sessionParts = {
      signer,
      clock,
      shared: new SharedValues(settings.maxSharedSessions),
      maxTokenAgeMs: settings.maxTokenAgeMs,
      onRejected: (rejection) => {
        emit<RedisReadYourWritesEvent>(onEvent, () => ({ type: 'token-rejected', rejection }))
      },
    }
    const ready = (): void => this.#monitor.hurry()
    this.#primary = new Primary(new Connection(options.primary, { ready, lost: () => {} }))
    this.#replicas = options.replicas.map(({ id, client, weight = 1 }) => {
      const lost = (): void => replica.forget()
      const replica = new RedisReplica(id, weight, new Connection(client, { ready, lost }))
      return replica
    })
    const [primary, replicas] = [this.#primary, this.#replicas]
    this.#monitor = new RedisMonitor(primary, replicas, settings, clock, onEvent)
    const monitor = this.#monitor
    this.#onPrimary = new PrimaryWork(primary, monitor, settings, clock)
    const onPrimary = this.#onPrimary
    this.#router = new RedisRouter({
      primary,
      onPrimary,
      replicas,
      monitor,
      settings,
      clock,
      random,
      onEvent,
    })
    this.#monitor.start()
  }

  get primary(): RedisPrimaryStatus {
    const { standing, history } = this.#primary
    return {
      reachable: standing === 'unknown' ? undefined : standing === 'reachable',
      replid: history?.replid,
    }
  }

  get replicas(): readonly ReplicaStatus[] {
    return this.#replicas.map(({ id, status, lag }) => ({ id, status, lag }))
  }

  async read<T>(work: RedisWork<T, Client>, options: RedisReadOptions = {}): Promise<T> {
    checkWork('read', work)
    checkNames('read', options, READ_OPTIONS)
    const { level = this.#levels.current() ?? this.#settings.level, session, signal } = options
    validateLevel(level)
    this.#mustRun()
    signal?.throwIfAborted()
    return this.#router.read({ work, level, session: this.#sessionOf(session), signal })
  }

  async write<T>(work: RedisWork<T, Client>, options: RedisWriteOptions = {}): Promise<T> {
    checkWork('write', work)
    checkNames('write', options, WRITE_OPTIONS)
    const { waitReplicas = 0, waitDeadlineMs = DEFAULT_WAIT_DEADLINE_MS, signal } = options
    this.#checkWait(waitReplicas, waitDeadlineMs)
    const session = this.#sessionOf(options.session)
    this.#mustRun()
    const { value, position } = await this.#onPrimary.run({
      work,
      session,
      writes: true,
      moves: true,
      signal,
    })
    emit<RedisReadYourWritesEvent>(this.#onEvent, () => ({
      type: 'write',
      replid: position?.replid,
      offset: position?.offset,
    }))
    if (waitReplicas > 0) await this.#replicated(position, waitReplicas, waitDeadlineMs)
    return value
  }

  session(options: SessionOptions = {}): Session {
    const { tokens, key } = sessionInput(options)
    return new RedisSession(key, tokens, this.#sessionParts)
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
    emit<RedisReadYourWritesEvent>(this.#onEvent, () => ({ type: 'token-late' }))
  }

  async ready({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const never = new AbortController()
    await this.#monitor.waitUntil(() => this.#monitor.complete, signal ?? never.signal)
    signal?.throwIfAborted()
    if (!this.#monitor.complete) this.#mustRun()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    await this.#monitor.stop()
    for (const { running, connection } of [this.#primary, ...this.#replicas]) {
      running.giveUp(new RouterStoppedError())
      connection.release()
    }
  }

  /** @throws NotReplicatedError */
  async #replicated(position: RedisPosition | undefined, wanted: number, waitedMs: number): Promise<void> {
    const reached = (): number =>
      position === undefined
        ? 0
        : this.#replicas.filter(({ sample }) => sample !== undefined && covers(sample, [position])).length
    using limit = deadline(this.#clock, waitedMs, 'Waiting for replicas')
    if (await this.#monitor.waitUntil(() => reached() >= wanted, limit.signal, 'replicas')) return
    throw new NotReplicatedError({ wanted, reached: reached(), waitedMs })
  }

  #checkWait(waitReplicas: number, waitDeadlineMs: number): void {
    const count = this.#replicas.length
    if (!Number.isInteger(waitReplicas) || waitReplicas < 0 || waitReplicas > count) {
      throw new RangeError(
        `Cannot write: waitReplicas must be a whole number from 0 to ${count}, the number of replicas, got ${shown(waitReplicas)}`,
      )
    }
    if (!(waitDeadlineMs > 0)) {
      throw new RangeError(
        `Cannot write: waitDeadlineMs must be a number above 0, got ${shown(waitDeadlineMs)}`,
      )
    }
  }

  #sessionOf(given: Session | undefined): RedisSession | undefined {
    const session = given ?? this.#context.current()
    if (session === undefined || session instanceof RedisSession) return session
    throw new TypeError(
      'Cannot use the session: it must come from session() of a router over Redis; make it with db.session()',
    )
  }

  #mustRun(): void {
    if (this.#stopped !== undefined) throw new RouterStoppedError()
  }
}
