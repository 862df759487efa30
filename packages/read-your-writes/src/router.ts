import { emit, rendezvous, type Clock, type EventListener, type Random, type Rendezvous } from '@quorate/core'
import { promised } from './check-call.ts'
import { PrimaryBusyError, PrimaryUnavailableError } from './errors.ts'
import type { PrimaryReason, ReadYourWritesEvent } from './events.ts'
import { movesToken, type Level } from './level.ts'
import type { Monitor } from './monitor.ts'
import type { Settings, Work } from './options.ts'
import { planRead, type Plan, type Wanted } from './plan.ts'
import { deadline } from './deadline.ts'
import { hasRoom } from './postgres/port.ts'
import { positionSeenOnPrimary } from './postgres/sql.ts'
import type { Primary } from './primary.ts'
import { LentQueryable } from './queryable.ts'
import { candidates, lastResorts, type Replica } from './replica.ts'
import { ReplicaTry, type Try } from './replica-try.ts'
import type { RoutedSession } from './session.ts'
import { inSnapshot, type SnapshotIsolation } from './transaction.ts'

/** One read, with all that decides where it goes. */
export interface ReadRequest<T> {
  readonly work: Work<T>
  readonly level: Level
  readonly session: RoutedSession | undefined
  /** Of a read-only transaction; `undefined`: each query for itself. */
  readonly snapshot: SnapshotIsolation | undefined
  readonly signal: AbortSignal | undefined
}

/** Sends each read to the cheapest server that is fresh enough. */
export class Router {
  readonly #primary: Primary
  readonly #replicas: readonly Replica[]
  readonly #ranking: Rendezvous<Replica>
  readonly #monitor: Monitor
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #random: Random
  readonly #onEvent: EventListener<ReadYourWritesEvent> | undefined
  #spilled = 0

  constructor(parts: {
    readonly primary: Primary
    readonly replicas: readonly Replica[]
    readonly monitor: Monitor
    readonly settings: Settings
    readonly clock: Clock
    readonly random: Random
    readonly onEvent: EventListener<ReadYourWritesEvent> | undefined
  }) {
    this.#primary = parts.primary
    this.#replicas = parts.replicas
    this.#ranking = rendezvous(parts.replicas)
    this.#monitor = parts.monitor
    this.#settings = parts.settings
    this.#clock = parts.clock
    this.#random = parts.random
    this.#onEvent = parts.onEvent
  }

  async read<T>(request: ReadRequest<T>): Promise<T> {
    const { level, session, signal } = request
    this.#monitor.underWay++
    try {
      const plan = planRead(level, session?.need(this.#monitor.cluster), this.#monitor.primary)
      if (plan.to === 'primary') return await this.#onPrimary(request, plan, 0, undefined)
      const { wanted } = plan
      const key = session?.key ?? String(this.#random())
      const startMs = this.#clock.monotonic()
      let nowMs = startMs
      let reason: PrimaryReason | undefined
      let waitedMs = 0
      for (let round = 0; reason === undefined; round++) {
        for (const replica of candidates(this.#ranking, wanted, key, nowMs)) {
          // Behind one full pool it has waited, so not behind the next.
          const hasWaited = reason !== undefined && nowMs - startMs >= this.#settings.deadlineMs
          if (hasWaited && !hasRoom(replica.pool)) continue
          const tried = await this.#onReplica(request, replica, waitedMs, nowMs)
          if (tried.done) return tried.value
          reason = tried.reason
          nowMs = this.#clock.monotonic()
          if (reason === 'wrote') break
        }
        if (reason !== undefined || round > 0) break
        const caughtUp = await this.#caughtUp(wanted, signal)
        nowMs = this.#clock.monotonic()
        waitedMs = nowMs - startMs
        if (!caughtUp) break
      }
      reason ??= this.#replicas.some(({ status }) => status === 'healthy') ? 'behind' : 'no-replica'
      return await this.#onPrimary(request, { reason, renews: reason === 'wrote' }, waitedMs, wanted)
    } finally {
      this.#monitor.underWay--
    }
  }

  /** Waits for a replica, if there is one that may make it in time. */
  async #caughtUp(wanted: Wanted, signal: AbortSignal | undefined): Promise<boolean> {
    const { waitMs } = this.#settings
    const nowMs = this.#clock.monotonic()
    const isBounded = wanted.maxStaleMs !== Infinity
    const usualMs = isBounded ? Math.max(waitMs, wanted.maxStaleMs) : waitMs
    const isNear = (replica: Replica): boolean =>
      replica.status === 'healthy' && replica.usualLagMs(nowMs) <= usualMs
    if (waitMs === 0 || (wanted.position === undefined && !isBounded) || !this.#replicas.some(isNear)) {
      return false
    }
    using limit = deadline(this.#clock, waitMs, 'Waiting for a replica')
    const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal])
    const arrived = (): boolean =>
      this.#replicas.some((replica) => replica.weight > 0 && replica.isFit(wanted, this.#clock.monotonic()))
    const reached = await this.#monitor.waitUntil(arrived, either, isBounded)
    signal?.throwIfAborted()
    return reached
  }

  async #onReplica<T>(
    request: ReadRequest<T>,
    replica: Replica,
    waitedMs: number,
    nowMs: number,
  ): Promise<Try<T>> {
    const stalenessMs = replica.stalenessMs(nowMs)
    const attempt = new ReplicaTry(request, replica, nowMs + this.#settings.deadlineMs)
    try {
      const tried = await replica.running.until(attempt.run(), attempt)
      if (tried.done) this.#emitRead(request, replica.id, undefined, waitedMs, stalenessMs)
      return tried
    } catch (error) {
      request.signal?.throwIfAborted()
      const failure = attempt.failureOf(error)
      if (failure === 'other') throw error
      return { done: false, reason: failure === 'wrote' ? 'wrote' : 'replica-failed' }
    }
  }

  async #onPrimary<T>(
    request: ReadRequest<T>,
    { reason, renews }: Pick<Extract<Plan, { to: 'primary' }>, 'reason' | 'renews'>,
    waitedMs: number,
    wanted: Wanted | undefined,
  ): Promise<T> {
    const { maxPrimaryReads } = this.#settings
    const spills = reason !== 'strong'
    if (spills && this.#spilled >= maxPrimaryReads) throw new PrimaryBusyError({ maxPrimaryReads, reason })
    if (spills) this.#spilled++
    try {
      const value = await this.#runOnPrimary(request, renews)
      this.#emitRead(request, 'primary', reason, waitedMs, 0)
      return value
    } catch (error) {
      // `wanted` is known if a replica was to serve it; one that tried to write needs the primary.
      const saved =
        error instanceof PrimaryUnavailableError && wanted !== undefined && reason !== 'wrote'
          ? await this.#saved(request, wanted)
          : undefined
      if (saved?.done === true) return saved.value
      throw error
    } finally {
      if (spills) this.#spilled--
    }
  }

  async #runOnPrimary<T>(
    { work, level, session, snapshot, signal }: ReadRequest<T>,
    renews: boolean,
  ): Promise<T> {
    const { running } = this.#primary
    const checkout = await this.#primary.connect(signal)
    const { client, facts } = checkout
    const lent = new LentQueryable(client, { canWrite: true, isTransaction: snapshot !== undefined })
    let abandoned = false
    const abandon = (): void => void (abandoned = true)
    try {
      const attempt =
        snapshot === undefined ? promised('read', work(lent)) : inSnapshot(checkout, lent, snapshot, work)
      const value = await running.until(attempt, { signal, abandon })
      if (session !== undefined && (renews || lent.wrote || movesToken(level))) {
        const seen = lent.watch(positionSeenOnPrimary(client, facts))
        session.advance(await running.until(seen, { signal, abandon }), true)
      }
      checkout.release(lent.failure === 'lost')
      this.#primary.answered()
      return value
    } catch (error) {
      const isLost = lent.failure === 'lost'
      checkout.release(abandoned || isLost)
      if (abandoned || !isLost) throw error
      throw new PrimaryUnavailableError('the connection was lost during a read', {
        // Outside of a read-only transaction the callback may have written, and nobody can tell.
        outcome: snapshot === undefined ? 'unknown' : 'not-applied',
        cause: error,
      })
    } finally {
      lent.end()
    }
  }

  /** The primary is gone: a replica that is far behind but has all that is wanted is better than nothing. */
  async #saved<T>(request: ReadRequest<T>, wanted: Wanted): Promise<Try<T> | undefined> {
    const nowMs = this.#clock.monotonic()
    for (const replica of lastResorts(this.#replicas, wanted, nowMs)) {
      const tried = await this.#onReplica(request, replica, 0, nowMs)
      if (tried.done) return tried
    }
    return undefined
  }

  #emitRead(
    { level }: ReadRequest<unknown>,
    target: string,
    reason: PrimaryReason | undefined,
    waitedMs: number,
    stalenessMs: number | undefined,
  ): void {
    emit<ReadYourWritesEvent>(this.#onEvent, () => ({
      type: 'read',
      level,
      target,
      reason,
      waitedMs,
      stalenessMs,
    }))
  }
}
