import { emit, rendezvous, type Clock, type EventListener, type Random, type Rendezvous } from '@quorate/core'
import { promised } from './check-call.ts'
import { PrimaryBusyError, PrimaryUnavailableError } from './errors.ts'
import type { PrimaryReason, ReadYourWritesEvent } from './events.ts'
import { movesToken, type Level } from './level.ts'
import type { Monitor } from './monitor.ts'
import type { Settings, Work } from './options.ts'
import { planRead, type Plan, type Wanted } from './plan.ts'
import { deadline } from './deadline.ts'
import { checkOut, type Checkout } from './postgres/checkout.ts'
import { serverFailure } from './postgres/failures.ts'
import { positionSeenOnPrimary, positionSeenOnReplica } from './postgres/sql.ts'
import type { Primary } from './primary.ts'
import { LentQueryable } from './queryable.ts'
import {
  candidates,
  lastResorts,
  leadsTo,
  ReplicaDownError,
  type Replica,
  type ReplicaSample,
} from './replica.ts'
import type { RoutedSession } from './session.ts'
import { inSnapshot, type SnapshotIsolation } from './transaction.ts'
import type { Deadline } from './under-way.ts'

/** One read, with all that decides where it goes. */
export interface ReadRequest<T> {
  readonly work: Work<T>
  readonly level: Level
  readonly session: RoutedSession | undefined
  /** Of a read-only transaction; `undefined`: each query for itself. */
  readonly snapshot: SnapshotIsolation | undefined
  readonly signal: AbortSignal | undefined
}

/** The outcome of a try on one server. */
type Try<T> =
  | { readonly done: true; readonly value: T }
  | { readonly done: false; readonly reason: PrimaryReason }

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
    const plan = planRead(level, session?.need(this.#monitor.cluster), this.#monitor.primary)
    if (plan.to === 'primary') return this.#onPrimary(request, plan, 0, undefined)
    const { wanted } = plan
    const key = session?.key ?? String(this.#random())
    const startMs = this.#clock.monotonic()
    let reason: PrimaryReason | undefined
    let waitedMs = 0
    for (let round = 0; reason === undefined; round++) {
      for (const replica of candidates(this.#ranking, wanted, key, this.#clock.monotonic())) {
        const tried = await this.#onReplica(request, replica, waitedMs)
        if (tried.done) return tried.value
        reason = tried.reason
        if (reason === 'wrote') break
      }
      if (reason !== undefined || round > 0) break
      const caughtUp = await this.#caughtUp(wanted, signal)
      waitedMs = this.#clock.monotonic() - startMs
      if (!caughtUp) break
    }
    reason ??= this.#replicas.some(({ status }) => status === 'healthy') ? 'behind' : 'no-replica'
    return this.#onPrimary(request, { reason, renews: reason === 'wrote' }, waitedMs, wanted)
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

  async #onReplica<T>(request: ReadRequest<T>, replica: Replica, waitedMs: number): Promise<Try<T>> {
    const { signal } = request
    const stalenessMs = replica.stalenessMs(this.#clock.monotonic())
    // What it was chosen by: while this waits for a connection, there may be another one, of another run.
    const { sample } = replica
    let checkout: Checkout | undefined
    let lent: LentQueryable | undefined
    try {
      checkout = await this.#connectReplica(replica, signal)
      if (sample === undefined || !leadsTo(checkout.facts, sample)) {
        checkout.release()
        return { done: false, reason: 'replica-failed' }
      }
      lent = new LentQueryable(checkout.client)
      const held = checkout
      const attempt = this.#runOnReplica(request, sample, held, lent)
      const value = await replica.running.until(attempt, {
        signal,
        abandon: () => held.release(true), // still busy with the query
      })
      held.release(lent.failure === 'lost') // the callback may have swallowed it
      this.#emitRead(request, replica.id, undefined, waitedMs, stalenessMs)
      return { done: true, value }
    } catch (error) {
      const failure = failureOf(error, lent)
      checkout?.release(failure === 'lost')
      signal?.throwIfAborted()
      if (failure === 'other') throw error
      return { done: false, reason: failure === 'wrote' ? 'wrote' : 'replica-failed' }
    } finally {
      lent?.end()
    }
  }

  /** @throws ReplicaDownError also if its pool has no connection to spare for too long. */
  #connectReplica(replica: Replica, signal: AbortSignal | undefined): Promise<Checkout> {
    const attempt = checkOut(replica.pool, undefined)
    return replica.running.until(attempt, {
      signal,
      deadline: this.#deadline(this.#settings.deadlineMs, () => new ReplicaDownError()),
      abandon: () => void attempt.then((late) => late.release()).catch(() => {}),
    })
  }

  async #runOnReplica<T>(
    { work, level, session, snapshot }: ReadRequest<T>,
    sample: ReplicaSample,
    checkout: Checkout,
    lent: LentQueryable,
  ): Promise<T> {
    const value =
      snapshot === undefined
        ? await promised('read', work(lent))
        : await inSnapshot(checkout, lent, snapshot, work)
    if (movesToken(level) && session !== undefined) {
      const { client, facts } = checkout
      const seen = await lent.watch(positionSeenOnReplica(client, facts, sample.last))
      // Nobody knows what it has shown, so nobody could hold later reads to it.
      if (seen === undefined) throw new ReplicaDownError()
      session.advance(seen, false)
    }
    return value
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
    const lent = new LentQueryable(client, true)
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
    for (const replica of lastResorts(this.#replicas, wanted, this.#clock.monotonic())) {
      const tried = await this.#onReplica(request, replica, 0)
      if (tried.done) return tried
    }
    return undefined
  }

  #deadline(ms: number, error: () => Error): Deadline {
    return { atMs: this.#clock.monotonic() + ms, error }
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

/** What happened to the server: as the queries have met it, or the connecting. */
function failureOf(error: unknown, lent: LentQueryable | undefined): ReturnType<typeof serverFailure> {
  if (error instanceof ReplicaDownError) return 'lost'
  return lent === undefined ? serverFailure(error) : lent.failure
}
