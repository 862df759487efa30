import {
  emit,
  rendezvous,
  waitOrAbort,
  type Clock,
  type EventListener,
  type Random,
  type Rendezvous,
} from '@quorate/core'
import { NotPrimaryError, PrimaryBusyError } from './errors.ts'
import type { PrimaryReason, ReadYourWritesEvent } from './events.ts'
import type { Monitor } from './monitor.ts'
import type { Level, Settings, Work } from './options.ts'
import type { Position } from './position.ts'
import { checkOut, deadline, type Checkout } from './postgres/checkout.ts'
import { replicaFailure } from './postgres/failures.ts'
import type { PgPool } from './postgres/port.ts'
import { positionSeenOnPrimary, positionSeenOnReplica } from './postgres/sql.ts'
import { LentQueryable } from './queryable.ts'
import { candidates, lastResorts, ReplicaDownError, type Replica } from './replica.ts'
import type { RoutedSession } from './session.ts'

/** One read, with all that decides where it goes. */
export interface ReadRequest<T> {
  readonly work: Work<T>
  readonly level: Level
  readonly session: RoutedSession | undefined
  readonly signal: AbortSignal | undefined
}

/** Where a read may go before anybody is asked. */
type Plan =
  | { readonly to: 'primary'; readonly reason: PrimaryReason; readonly renews: boolean }
  | { readonly to: 'replicas'; readonly wanted: Position | undefined }

/** The outcome of a try on one server. */
type Try<T> =
  | { readonly done: true; readonly value: T }
  | { readonly done: false; readonly reason: PrimaryReason }

/** Sends each read to the cheapest server that is fresh enough. */
export class Router {
  readonly #primary: PgPool
  readonly #replicas: readonly Replica[]
  readonly #ranking: Rendezvous<Replica>
  readonly #monitor: Monitor
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #random: Random
  readonly #onEvent: EventListener<ReadYourWritesEvent> | undefined
  #spilled = 0

  constructor(parts: {
    readonly primary: PgPool
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
    const plan = this.#plan(request)
    if (plan.to === 'primary') return this.#onPrimary(request, plan.reason, plan.renews, 0)
    const key = request.session?.key ?? String(this.#random())
    const startMs = this.#clock.monotonic()
    let reason: PrimaryReason | undefined
    let waitedMs = 0
    for (let round = 0; reason === undefined; round++) {
      for (const replica of candidates(this.#ranking, plan.wanted, key)) {
        const tried = await this.#onReplica(request, replica, waitedMs)
        if (tried.done) return tried.value
        reason = tried.reason
        if (reason === 'wrote') break
      }
      if (reason !== undefined || round > 0) break
      const caughtUp = await this.#caughtUp(plan.wanted, request.signal)
      waitedMs = this.#clock.monotonic() - startMs
      if (!caughtUp) break
    }
    reason ??= this.#replicas.some(({ status }) => status === 'healthy') ? 'behind' : 'no-replica'
    return this.#onPrimary(request, reason, reason === 'wrote', waitedMs, plan.wanted)
  }

  #plan({ level, session }: Pick<ReadRequest<unknown>, 'level' | 'session'>): Plan {
    if (level === 'strong') return { to: 'primary', reason: 'strong', renews: false }
    if (level === 'eventual') return { to: 'replicas', wanted: undefined }
    if (session === undefined) return { to: 'primary', reason: 'no-session', renews: false }
    const { need } = session
    if (need.type === 'nothing') return { to: 'replicas', wanted: undefined }
    if (need.type === 'primary') return { to: 'primary', reason: 'token-rejected', renews: true }
    const { cluster, timeline } = this.#monitor.primary
    if (cluster !== undefined && cluster !== need.position.cluster) {
      return { to: 'primary', reason: 'token-rejected', renews: true }
    }
    if (timeline !== undefined && timeline > need.position.timeline) {
      return { to: 'primary', reason: 'old-timeline', renews: true }
    }
    return { to: 'replicas', wanted: need.position }
  }

  /** Waits for a replica, if there is one that may make it in time. */
  async #caughtUp(wanted: Position | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    const { waitMs } = this.#settings
    const nowMs = this.#clock.monotonic()
    const isNear = (replica: Replica): boolean =>
      replica.status === 'healthy' && replica.usualLagMs(nowMs) <= waitMs
    if (waitMs === 0 || wanted === undefined || !this.#replicas.some(isNear)) return false
    using limit = deadline(this.#clock, waitMs, 'Waiting for a replica')
    const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal])
    const arrived = (): boolean =>
      this.#replicas.some((replica) => replica.weight > 0 && replica.isFit(wanted))
    const reached = await this.#monitor.waitUntil(arrived, either)
    signal?.throwIfAborted()
    return reached
  }

  async #onReplica<T>(request: ReadRequest<T>, replica: Replica, waitedMs: number): Promise<Try<T>> {
    const { signal, level } = request
    let checkout: Checkout | undefined
    let abandoned = false
    const attempt = async (): Promise<Try<T>> => {
      // No deadline of its own: a server that does not answer is noticed by its probes.
      checkout = await checkOut(replica.pool, undefined)
      if (!abandoned) return this.#tryOn(request, replica, checkout)
      checkout.release()
      return { done: false, reason: 'replica-failed' }
    }
    try {
      const tried = await replica.untilDown(attempt(), signal, () => {
        abandoned = true
        checkout?.release(true) // still busy with the query
      })
      checkout?.release()
      if (!tried.done) return tried
      emit<ReadYourWritesEvent>(this.#onEvent, () => ({
        type: 'read',
        level,
        target: replica.id,
        reason: undefined,
        waitedMs,
      }))
      return tried
    } catch (error) {
      const failure = error instanceof ReplicaDownError ? 'lost' : replicaFailure(error)
      checkout?.release(failure === 'lost')
      signal?.throwIfAborted()
      if (failure === 'other') throw error
      return { done: false, reason: failure === 'wrote' ? 'wrote' : 'replica-failed' }
    }
  }

  async #tryOn<T>(
    { work, level, session }: ReadRequest<T>,
    { sample }: Replica,
    { client, facts }: Checkout,
  ): Promise<Try<T>> {
    // The server may have been restarted or exchanged since it was sampled, and stand before the sample.
    const isSampled = facts.startedAt === sample?.startedAt && facts.cluster === sample.cluster
    if (!isSampled || !facts.inRecovery) return { done: false, reason: 'replica-failed' }
    const lent = new LentQueryable(client)
    try {
      const value = await work(lent)
      const { cluster, timeline } = sample
      if (level === 'monotonic' && session !== undefined && timeline !== undefined) {
        session.advance(await positionSeenOnReplica(client, { cluster, timeline }), false)
      }
      return { done: true, value }
    } finally {
      lent.end()
    }
  }

  /** @param renews the session's token is not usable and is to be replaced by the primary's position. */
  async #onPrimary<T>(
    request: ReadRequest<T>,
    reason: PrimaryReason,
    renews: boolean,
    waitedMs: number,
    wanted?: Position,
  ): Promise<T> {
    const { level, session, signal, work } = request
    const { maxPrimaryReads } = this.#settings
    const spills = reason !== 'strong'
    if (spills && this.#spilled >= maxPrimaryReads) throw new PrimaryBusyError({ maxPrimaryReads, reason })
    if (spills) this.#spilled++
    try {
      let checkout: Checkout
      try {
        checkout = await this.connectPrimary(signal)
      } catch (error) {
        const saved =
          spills && !renews && reason !== 'no-session' ? await this.#saved(request, wanted) : undefined
        if (saved?.done === true) return saved.value
        throw error
      }
      const lent = new LentQueryable(checkout.client)
      try {
        const value = await waitOrAbort(work(lent), signal)
        lent.end()
        if (session !== undefined && (renews || lent.wrote || level === 'monotonic')) {
          session.advance(await positionSeenOnPrimary(checkout.client, checkout.facts), true)
        }
        checkout.release()
        emit<ReadYourWritesEvent>(this.#onEvent, () => ({
          type: 'read',
          level,
          target: 'primary',
          reason,
          waitedMs,
        }))
        return value
      } catch (error) {
        lent.end()
        checkout.release(signal?.aborted === true || replicaFailure(error) === 'lost')
        throw error
      }
    } finally {
      if (spills) this.#spilled--
    }
  }

  /** The primary is gone: a replica that is far behind but has all that is wanted is better than nothing. */
  async #saved<T>(request: ReadRequest<T>, wanted: Position | undefined): Promise<Try<T> | undefined> {
    for (const replica of lastResorts(this.#replicas, wanted)) {
      const tried = await this.#onReplica(request, replica, 0)
      if (tried.done) return tried
    }
    return undefined
  }

  /**
   * A connection to a server that is the primary.
   *
   * @throws NotPrimaryError if the pool leads to a replica.
   */
  async connectPrimary(signal: AbortSignal | undefined): Promise<Checkout> {
    const checkout = await checkOut(this.#primary, signal)
    if (!checkout.facts.inRecovery) return checkout
    checkout.release(true)
    throw new NotPrimaryError()
  }
}
