import { emit, type Clock, type EventListener } from '@quorate/core'
import { nextHealth, type Finding, type Pace } from '../health.ts'
import { HeadHistory } from '../lag.ts'
import type { RedisReadYourWritesEvent } from './events.ts'
import { isDenied } from './failures.ts'
import type { RedisSettings } from './options.ts'
import type { RedisClient } from './port.ts'
import type { RedisHistory } from './position.ts'
import type { Primary } from './primary.ts'
import { ProbeLoop } from './probe-loop.ts'
import type { RedisReplica } from './replica.ts'
import type { Replication } from './replication.ts'

/** Whose word is waited for. */
type Asked = 'nobody' | 'replicas' | 'all'

interface Waiter {
  readonly asked: Asked
  readonly arrived: () => boolean
  readonly done: () => void
}

/** As with replicas, one lost probe is no verdict. */
const FAILURES_TO_DOUBT = 2

/**
 * Knows where every server stands, by asking each in the background. Reads are routed by what is known here
 * and ask nobody.
 */
export class RedisMonitor<Client extends RedisClient> {
  readonly #replicas: readonly RedisReplica<Client>[]
  readonly #settings: RedisSettings
  readonly #clock: Clock
  readonly #onEvent: EventListener<RedisReadYourWritesEvent> | undefined
  readonly #head = new HeadHistory()
  readonly #primary: Primary<Client>
  readonly #primaryLoop: ProbeLoop
  readonly #replicaLoops: readonly ProbeLoop[]
  readonly #waiters = new Set<Waiter>()
  readonly #denied = new Set<string>()
  #primaryFailures = 0

  constructor(
    primary: Primary<Client>,
    replicas: readonly RedisReplica<Client>[],
    settings: RedisSettings,
    clock: Clock,
    onEvent: EventListener<RedisReadYourWritesEvent> | undefined,
  ) {
    this.#primary = primary
    this.#replicas = replicas
    this.#settings = settings
    this.#clock = clock
    this.#onEvent = onEvent
    const timing = { clock, deadlineMs: settings.probeDeadlineMs }
    this.#primaryLoop = new ProbeLoop({
      ...timing,
      connection: () => primary.connection,
      intervalMs: () => (this.#isWaitedFor('primary') ? settings.pollMs : settings.probeIntervalMs),
      failed: (error) => {
        this.#reportDenied('primary', error)
        if (++this.#primaryFailures >= FAILURES_TO_DOUBT || primary.standing === 'unknown') {
          this.#primaryIs('unreachable', primary.history)
        }
        this.#tick()
      },
      answered: (replication, askedAtMs) => {
        this.#primaryFailures = 0
        this.#seePrimary(replication, askedAtMs)
        this.#tick()
      },
    })
    this.#replicaLoops = replicas.map(
      (replica) =>
        new ProbeLoop({
          ...timing,
          connection: () => replica.connection,
          intervalMs: () =>
            replica.status === 'healthy' && this.#isWaitedFor('replicas')
              ? settings.pollMs
              : settings.probeIntervalMs,
          failed: (error) => {
            this.#reportDenied(replica.id, error)
            this.#found(replica, { type: 'no-answer' })
          },
          answered: (replication, _askedAtMs, pace) => {
            const { role, replid, offset, previous } = replication
            const { epoch } = replica.connection
            replica.sample = role === 'replica' ? { replid, offset, previous, epoch } : undefined
            this.#found(replica, this.#judge(replica, replication, pace))
          },
        }),
    )
  }

  start(): void {
    this.#primaryLoop.start()
    for (const loop of this.#replicaLoops) loop.start()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#primaryLoop, ...this.#replicaLoops].map((loop) => loop.stop()))
    for (const waiter of this.#waiters) waiter.done()
  }

  /** A connection has come or gone: ask again, to know who is there. */
  hurry(): void {
    this.#primaryLoop.hurry()
    for (const loop of this.#replicaLoops) loop.hurry()
    this.#wake()
  }

  /** Has every server answered, or failed to, at least once? */
  get complete(): boolean {
    return (
      this.#primary.standing !== 'unknown' && this.#replicas.every((replica) => replica.status !== 'unknown')
    )
  }

  /**
   * Waits until `arrived` holds, looked at after each probe and when a connection comes or goes.
   *
   * @param asked who is asked more often meanwhile.
   * @returns false if the signal came first.
   */
  async waitUntil(arrived: () => boolean, signal: AbortSignal, asked: Asked = 'nobody'): Promise<boolean> {
    if (arrived()) return true
    if (signal.aborted) return false
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiters.delete(waiter)
        signal.removeEventListener('abort', end)
        resolve(arrived())
      }
      const waiter: Waiter = { asked, arrived, done: end }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', end, { once: true })
      if (asked === 'all') this.#primaryLoop.hurry()
      if (asked !== 'nobody') for (const loop of this.#replicaLoops) loop.hurry()
    })
  }

  /** Is anybody waiting for the word of these? */
  #isWaitedFor(who: 'primary' | 'replicas'): boolean {
    for (const { asked } of this.#waiters) if (asked === 'all' || asked === who) return true
    return false
  }

  #seePrimary({ role, replid, offset, previous }: Replication, askedAtMs: number): void {
    if (role === 'replica') {
      this.#primaryIs('replica', this.#primary.history)
      return
    }
    if (replid !== this.#primary.history?.replid) this.#head.clear()
    this.#head.observe(offset, askedAtMs)
    this.#primaryIs('reachable', { replid, previous })
    for (const replica of this.#replicas) this.#seeFreshness(replica)
  }

  #primaryIs(standing: Primary<Client>['standing'], history: RedisHistory | undefined): void {
    const was = { standing: this.#primary.standing, history: this.#primary.history }
    this.#primary.standing = standing
    this.#primary.history = history
    const reachable = standing === 'reachable'
    if (was.standing === 'unknown' || reachable !== (was.standing === 'reachable')) {
      emit<RedisReadYourWritesEvent>(this.#onEvent, () => ({ type: 'primary', reachable }))
    }
    const before = was.history?.replid
    if (before !== undefined && history !== undefined && history.replid !== before) {
      const { replid, previous } = history
      const end = previous?.replid === before ? previous.end : undefined
      emit<RedisReadYourWritesEvent>(this.#onEvent, () => ({ type: 'history', replid, was: before, end }))
    }
    this.#wake()
  }

  #judge(replica: RedisReplica<Client>, { role, replid, isConnected }: Replication, pace: Pace): Finding {
    if (role === 'primary') return { type: 'promoted' }
    if (!isConnected) return { type: 'disconnected' }
    const { history } = this.#primary
    // After a failover, one that still has the old history shows a past that may never have been.
    if (history !== undefined && history.replid !== replid) return { type: 'disconnected' }
    const nowMs = this.#clock.monotonic()
    const { sample } = replica
    replica.seeLag(sample === undefined ? undefined : this.#head.lagOf(sample.offset, nowMs), nowMs)
    return { type: 'streaming', lag: replica.lag, pace }
  }

  #found(replica: RedisReplica<Client>, finding: Finding): void {
    const was = replica.become(nextHealth(replica.health, finding, this.#settings))
    this.#seeFreshness(replica)
    const { id, status, lag } = replica
    if (status !== was) {
      emit<RedisReadYourWritesEvent>(this.#onEvent, () => ({ type: 'replica', id, status, was, lag }))
    }
    this.#tick()
  }

  #seeFreshness(replica: RedisReplica<Client>): void {
    const { sample } = replica
    const isSameHistory = sample !== undefined && sample.replid === this.#primary.history?.replid
    replica.freshAsOfMs = isSameHistory ? this.#head.freshAsOf(sample.offset) : undefined
  }

  #reportDenied(id: string, error: unknown): void {
    if (!isDenied(error) || this.#denied.has(id)) return
    this.#denied.add(id)
    emit<RedisReadYourWritesEvent>(this.#onEvent, () => ({ type: 'missing-privilege', id }))
  }

  #tick(): void {
    const nowMs = this.#clock.monotonic()
    this.#primary.running.giveUpLate(nowMs)
    for (const { running } of this.#replicas) running.giveUpLate(nowMs)
    this.#wake()
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.arrived()) waiter.done()
  }
}
