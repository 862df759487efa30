import { emit, rendezvous, type Clock, type EventListener, type Random, type Rendezvous } from '@quorate/core'
import { promised } from '../check-call.ts'
import { deadline } from '../deadline.ts'
import { PrimaryBusyError, PrimaryUnavailableError } from '../errors.ts'
import type { PrimaryReason } from '../events.ts'
import { movesToken, type Level } from '../level.ts'
import type { RedisReadYourWritesEvent } from './events.ts'
import { Loan } from './loan.ts'
import type { RedisMonitor } from './monitor.ts'
import type { RedisSettings } from './options.ts'
import { planRead, type Plan, type Wanted } from './plan.ts'
import type { RedisClient, RedisWork } from './port.ts'
import { covers } from './position.ts'
import type { PrimaryWork } from './primary-work.ts'
import type { Primary } from './primary.ts'
import { candidates, lastResorts, ReplicaDownError, type RedisReplica } from './replica.ts'
import type { RedisSession } from './session.ts'

/** One read, with all that decides where it goes. */
export interface RedisReadRequest<T, Client> {
  readonly work: RedisWork<T, Client>
  readonly level: Level
  readonly session: RedisSession | undefined
  readonly signal: AbortSignal | undefined
}

/** The outcome of a try on one server. */
type Try<T> =
  | { readonly done: true; readonly value: T }
  | { readonly done: false; readonly reason: PrimaryReason }

/** What a {@link RedisRouter} is made of. */
export interface RedisRouterParts<Client extends RedisClient> {
  readonly primary: Primary<Client>
  readonly onPrimary: PrimaryWork<Client>
  readonly replicas: readonly RedisReplica<Client>[]
  readonly monitor: RedisMonitor<Client>
  readonly settings: RedisSettings
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: EventListener<RedisReadYourWritesEvent> | undefined
}

/** Sends each read to the cheapest server that is fresh enough. */
export class RedisRouter<Client extends RedisClient> {
  readonly #parts: RedisRouterParts<Client>
  readonly #ranking: Rendezvous<RedisReplica<Client>>
  #spilled = 0

  constructor(parts: RedisRouterParts<Client>) {
    this.#parts = parts
    this.#ranking = rendezvous(parts.replicas)
  }

  async read<T>(request: RedisReadRequest<T, Client>): Promise<T> {
    const { primary, replicas, clock, random } = this.#parts
    const { level, session, signal } = request
    const plan = planRead(level, session?.need, primary.history)
    if (plan.to === 'primary') return this.#onPrimary(request, plan, 0, undefined)
    const { wanted } = plan
    const key = session?.key ?? String(random())
    const startMs = clock.monotonic()
    let reason: PrimaryReason | undefined
    let waitedMs = 0
    for (let round = 0; reason === undefined; round++) {
      for (const replica of candidates(this.#ranking, wanted, key, clock.monotonic())) {
        const tried = await this.#onReplica(request, replica, wanted, waitedMs)
        if (tried.done) return tried.value
        reason = tried.reason
        if (reason === 'wrote') break
      }
      if (reason !== undefined || round > 0) break
      const caughtUp = await this.#caughtUp(wanted, signal)
      waitedMs = clock.monotonic() - startMs
      if (!caughtUp) break
    }
    reason ??= replicas.some(({ status }) => status === 'healthy') ? 'behind' : 'no-replica'
    return this.#onPrimary(request, { reason, renews: false }, waitedMs, wanted)
  }

  /** Waits for a replica, if there is one that may make it in time. */
  async #caughtUp(wanted: Wanted, signal: AbortSignal | undefined): Promise<boolean> {
    const { settings, clock, replicas, monitor } = this.#parts
    const { waitMs } = settings
    const nowMs = clock.monotonic()
    const isBounded = wanted.maxStaleMs !== Infinity
    const usualMs = isBounded ? Math.max(waitMs, wanted.maxStaleMs) : waitMs
    const isNear = (replica: RedisReplica<Client>): boolean =>
      replica.status === 'healthy' && replica.usualLagMs(nowMs) <= usualMs
    if (waitMs === 0 || (wanted.positions.length === 0 && !isBounded) || !replicas.some(isNear)) return false
    using limit = deadline(clock, waitMs, 'Waiting for a replica')
    const either = signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal])
    const arrived = (): boolean =>
      replicas.some((replica) => replica.weight > 0 && replica.isFit(wanted, clock.monotonic()))
    const reached = await monitor.waitUntil(arrived, either, isBounded ? 'all' : 'replicas')
    signal?.throwIfAborted()
    return reached
  }

  async #onReplica<T>(
    request: RedisReadRequest<T, Client>,
    replica: RedisReplica<Client>,
    wanted: Wanted,
    waitedMs: number,
  ): Promise<Try<T>> {
    const { work, level, session, signal } = request
    const { clock, settings } = this.#parts
    const { connection, running } = replica
    const stalenessMs = replica.stalenessMs(clock.monotonic())
    const { epoch } = connection
    const follows = movesToken(level) && session !== undefined
    const loan = new Loan(connection, follows)
    const run = async (): Promise<Try<T>> => {
      const value = await promised('read', work(loan.client))
      loan.end()
      if (!follows) return { done: true, value }
      const stand = await loan.replication()
      // It may have begun anew since it was last asked.
      if (stand === undefined || !covers(stand, wanted.positions))
        return { done: false, reason: 'replica-failed' }
      if (loan.failure === undefined && connection.epoch === epoch)
        session.saw({ replid: stand.replid, offset: stand.offset })
      return { done: true, value }
    }
    let outcome: Try<T> | { readonly error: unknown }
    try {
      const atMs = clock.monotonic() + settings.deadlineMs
      outcome = await running.until(run(), {
        signal,
        deadline: { atMs, error: () => new ReplicaDownError() },
      })
    } catch (error) {
      outcome = { error }
    }
    loan.end()
    signal?.throwIfAborted()
    if (loan.failure === 'wrote') return { done: false, reason: 'wrote' }
    // What comes after a new connection may be the word of another server, or of one that began anew.
    const isLost = loan.failure === 'lost' || connection.epoch !== epoch
    if (isLost || ('error' in outcome && outcome.error instanceof ReplicaDownError)) {
      return { done: false, reason: 'replica-failed' }
    }
    if ('error' in outcome) throw outcome.error
    if (outcome.done) this.#emitRead(request, replica.id, undefined, waitedMs, stalenessMs)
    return outcome
  }

  async #onPrimary<T>(
    request: RedisReadRequest<T, Client>,
    { reason, renews }: Pick<Extract<Plan, { to: 'primary' }>, 'reason' | 'renews'>,
    waitedMs: number,
    wanted: Wanted | undefined,
  ): Promise<T> {
    const { work, level, session, signal } = request
    const { maxPrimaryReads } = this.#parts.settings
    const spills = reason !== 'strong'
    if (spills && this.#spilled >= maxPrimaryReads) throw new PrimaryBusyError({ maxPrimaryReads, reason })
    if (spills) this.#spilled++
    try {
      const { value } = await this.#parts.onPrimary.run({
        work,
        session,
        writes: reason === 'wrote',
        moves: renews || movesToken(level),
        signal,
      })
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

  /** The primary is gone: a replica that is far behind but has all that is wanted is better than nothing. */
  async #saved<T>(request: RedisReadRequest<T, Client>, wanted: Wanted): Promise<Try<T> | undefined> {
    const { replicas, clock } = this.#parts
    for (const replica of lastResorts(replicas, wanted, clock.monotonic())) {
      const tried = await this.#onReplica(request, replica, wanted, 0)
      if (tried.done) return tried
    }
    return undefined
  }

  #emitRead(
    { level }: RedisReadRequest<unknown, Client>,
    target: string,
    reason: PrimaryReason | undefined,
    waitedMs: number,
    stalenessMs: number | undefined,
  ): void {
    emit<RedisReadYourWritesEvent>(this.#parts.onEvent, () => ({
      type: 'read',
      level,
      target,
      reason,
      waitedMs,
      stalenessMs,
    }))
  }
}
