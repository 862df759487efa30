import type { Rendezvous, RendezvousNode } from '@quorate/core'
import { ANSWERING, INITIAL_HEALTH, type Health, type HealthStatus } from '../health.ts'
import type { Lag } from '../lag.ts'
import { UnderWay } from '../under-way.ts'
import type { Connection } from './connection.ts'
import type { Wanted } from './plan.ts'
import type { RedisClient } from './port.ts'
import { covers, type RedisStand } from './position.ts'

const FORGET_HALF_MS = 500

/** A read was under way on a replica that went down; it never leaves the router. */
export class ReplicaDownError extends Error {}

/** Where a replica stood when it was last asked, and on which connection. */
export interface ReplicaSample extends RedisStand {
  readonly epoch: number
}

/** A replica as the router knows it. */
export class RedisReplica<Client extends RedisClient> implements RendezvousNode {
  readonly id: string
  readonly weight: number
  readonly connection: Connection<Client>
  health: Health = INITIAL_HEALTH
  sample: ReplicaSample | undefined
  lag: Lag | undefined
  /**
   * When the primary last showed nothing that this replica does not show, by the monotonic clock;
   * `undefined` if that is not known.
   */
  freshAsOfMs: number | undefined
  /** Reads that run: told when it goes down, so that they run elsewhere. */
  readonly running: UnderWay = new UnderWay()
  #usualLagMs = 0
  #lagSeenAtMs = 0

  constructor(id: string, weight: number, connection: Connection<Client>) {
    this.id = id
    this.weight = weight
    this.connection = connection
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

  /** @returns its standing before. */
  become(health: Health): HealthStatus {
    const was = this.status
    this.health = health
    if (health.status === 'down' && was !== 'down') this.forget()
    return was
  }

  /** Nothing of what was known is certain any more, and what runs on it runs elsewhere. */
  forget(): void {
    this.sample = undefined
    this.lag = undefined
    this.freshAsOfMs = undefined
    this.running.giveUp(new ReplicaDownError())
  }

  /** How old what it shows is at most, ms. */
  stalenessMs(nowMs: number): number | undefined {
    return this.freshAsOfMs === undefined ? undefined : nowMs - this.freshAsOfMs
  }

  /** May it serve a read that must see this? */
  isFit(wanted: Wanted, nowMs: number): boolean {
    return this.status === 'healthy' && this.shows(wanted, nowMs)
  }

  /** Does it show all of this, for certain? What was sampled can only have grown since, on one connection. */
  shows({ positions, maxStaleMs }: Wanted, nowMs: number): boolean {
    const { sample, connection } = this
    if (sample === undefined || sample.epoch !== connection.epoch || !connection.isReady) return false
    if (!covers(sample, positions)) return false
    return maxStaleMs === Infinity || (this.stalenessMs(nowMs) ?? Infinity) <= maxStaleMs
  }
}

/** The replicas that may serve a read, the one to try first first; the others are ranked only when asked for. */
export function* candidates<Client extends RedisClient>(
  ranking: Rendezvous<RedisReplica<Client>>,
  wanted: Wanted,
  key: string,
  nowMs: number,
): Generator<RedisReplica<Client>, void> {
  const best = ranking.pick(key)
  if (best === undefined) return
  if (best.isFit(wanted, nowMs)) yield best
  for (const replica of ranking.rank(key)) if (replica !== best && replica.isFit(wanted, nowMs)) yield replica
}

/** The replicas to fall back on when the primary is gone: behind, maybe, but with all that is wanted. */
export function lastResorts<Client extends RedisClient>(
  replicas: readonly RedisReplica<Client>[],
  wanted: Wanted,
  nowMs: number,
): RedisReplica<Client>[] {
  return replicas.filter((replica) => ANSWERING.has(replica.status) && replica.shows(wanted, nowMs))
}
