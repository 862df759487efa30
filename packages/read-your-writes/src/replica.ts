import type { Rendezvous, RendezvousNode } from '@quorate/core'
import { INITIAL_HEALTH, type Health, type HealthStatus } from './health.ts'
import type { Lag } from './lag.ts'
import type { Lsn } from './lsn.ts'
import { covers, type Position } from './position.ts'
import type { PgPool } from './postgres/port.ts'

const FORGET_HALF_MS = 500

/** A read was under way on a replica that went down; it never leaves the router. */
export class ReplicaDownError extends Error {}

/** Where a replica stood when it was last asked. */
export interface ReplicaSample {
  readonly cluster: string
  readonly startedAt: string
  readonly replayed: Lsn
  /** Known only while it receives. */
  readonly timeline: number | undefined
}

/** A replica as the router knows it. */
export class Replica implements RendezvousNode {
  readonly id: string
  readonly pool: PgPool
  readonly weight: number
  health: Health = INITIAL_HEALTH
  sample: ReplicaSample | undefined
  lag: Lag | undefined
  /** Reads under way, told when it goes down, so that they run elsewhere. */
  readonly #underWay = new Set<() => void>()
  #usualLagMs = 0
  #lagSeenAtMs = 0

  constructor(id: string, pool: PgPool, weight: number) {
    this.id = id
    this.pool = pool
    this.weight = weight
  }

  get status(): HealthStatus {
    return this.health.status
  }

  /** What its lag has lately been at worst, ms; half of it is forgotten in each half second. */
  usualLagMs(nowMs: number): number {
    return this.#usualLagMs * 2 ** ((this.#lagSeenAtMs - nowMs) / FORGET_HALF_MS)
  }

  seeLag(lag: Lag | undefined, nowMs: number): void {
    this.lag = lag
    this.#usualLagMs = Math.max(lag?.ms ?? 0, this.usualLagMs(nowMs))
    this.#lagSeenAtMs = nowMs
  }

  /**
   * Waits for `attempt`, but not beyond the moment the replica goes down or the signal is aborted; then
   * `abandon` is called. One registration per read, and no signal per read: these are most of its cost.
   *
   * @throws `signal.reason`; {@link ReplicaDownError}.
   */
  untilDown<T>(attempt: Promise<T>, signal: AbortSignal | undefined, abandon: () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const stop = (reason: unknown): void => {
        forget()
        reject(reason)
        abandon()
      }
      const down = (): void => stop(new ReplicaDownError())
      const aborted = (): void => stop(signal?.reason)
      const forget = (): void => {
        this.#underWay.delete(down)
        signal?.removeEventListener('abort', aborted)
      }
      this.#underWay.add(down)
      signal?.addEventListener('abort', aborted, { once: true })
      attempt.then(
        (value) => {
          forget()
          resolve(value)
        },
        (error: unknown) => {
          forget()
          reject(error)
        },
      )
    })
  }

  /** @returns its standing before. */
  become(health: Health): HealthStatus {
    const was = this.status
    this.health = health
    if (health.status === 'down' && was !== 'down') {
      this.sample = undefined
      this.lag = undefined
      for (const down of this.#underWay) down()
    }
    return was
  }

  /** May it serve a read that must see this? */
  isFit(wanted: Position | undefined): boolean {
    return this.status === 'healthy' && this.covers(wanted)
  }

  /** Has it replayed all of this, for certain? What was sampled can only have grown since. */
  covers(wanted: Position | undefined): boolean {
    if (wanted === undefined) return true
    const { sample } = this
    if (sample?.timeline === undefined) return false
    return covers({ cluster: sample.cluster, timeline: sample.timeline, lsn: sample.replayed }, wanted)
  }
}

/** The replicas that may serve a read, the one to try first first; the others are ranked only when asked for. */
export function* candidates(
  ranking: Rendezvous<Replica>,
  wanted: Position | undefined,
  key: string,
): Generator<Replica, void> {
  const best = ranking.pick(key)
  if (best === undefined) return
  if (best.isFit(wanted)) yield best
  for (const replica of ranking.rank(key)) if (replica !== best && replica.isFit(wanted)) yield replica
}

/** The replicas to fall back on when the primary is gone: behind, maybe, but with all that is wanted. */
export function lastResorts(replicas: readonly Replica[], wanted: Position | undefined): Replica[] {
  return replicas.filter(
    (replica) =>
      (replica.status === 'lagging' || replica.status === 'disconnected' || replica.status === 'healthy') &&
      replica.covers(wanted),
  )
}
