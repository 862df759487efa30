import type { Rendezvous, RendezvousNode } from '@quorate/core'
import { ANSWERING, INITIAL_HEALTH, type Health, type HealthStatus } from './health.ts'
import type { Lag } from './lag.ts'
import type { Lsn } from './lsn.ts'
import type { Wanted } from './plan.ts'
import { covers, type Position } from './position.ts'
import { hasRoom, type PgPool } from './postgres/port.ts'
import type { ConnectionFacts } from './postgres/sql.ts'
import { UnderWay } from './under-way.ts'

const FORGET_HALF_MS = 500

/** A read was under way on a replica that went down; it never leaves the router. */
export class ReplicaDownError extends Error {}

/**
 * All up to `upTo` was replayed on this timeline: a server does not take that back while it runs. What it
 * replays later without a receiver may be of another one.
 */
export interface LastKnown {
  readonly timeline: number
  readonly upTo: Lsn
  /** Of the connection that has asked: it breaks when the server starts anew, so nothing is known longer. */
  readonly madeAt: number
}

/** Where a replica stood when it was last asked. */
export interface ReplicaSample {
  readonly cluster: string
  readonly startedAt: string
  readonly replayed: Lsn
  /** Known only while it receives. */
  readonly timeline: number | undefined
  /** What is known once it receives nothing any more. */
  readonly last: LastKnown | undefined
  /** Before it was asked: see {@link nextTick}. */
  readonly askedAt: number
}

/**
 * Does a connection show what was sampled? One that is older than the sample does: positions only grow while a
 * server runs, and it has run since. A newer one may lead to a server that was restarted or exchanged meanwhile,
 * and stands before the sample. Its start does not always tell: when a backend crashes, the postmaster stays, and
 * starts the recovery anew from the last restart point.
 */
export function leadsTo(facts: ConnectionFacts, sample: ReplicaSample): boolean {
  const { cluster, startedAt, inRecovery, madeAt, replayed } = facts
  if (!inRecovery || cluster !== sample.cluster || startedAt !== sample.startedAt) return false
  return madeAt < sample.askedAt || (replayed !== undefined && replayed >= sample.replayed)
}

/** A replica as the router knows it. */
export class Replica implements RendezvousNode {
  readonly id: string
  readonly pool: PgPool
  readonly weight: number
  health: Health = INITIAL_HEALTH
  sample: ReplicaSample | undefined
  lag: Lag | undefined
  /**
   * When the primary last showed nothing that this replica does not show, by the monotonic clock;
   * `undefined` if that is not known.
   */
  freshAsOfMs: number | undefined
  /** Reads waiting for a connection, and reads that run: told when it goes down, so that they run elsewhere. */
  readonly running: UnderWay = new UnderWay()
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

  /** @returns its standing before. */
  become(health: Health): HealthStatus {
    const was = this.status
    this.health = health
    if (health.status === 'down' && was !== 'down') {
      this.sample = undefined
      this.lag = undefined
      this.freshAsOfMs = undefined
      this.running.giveUp(new ReplicaDownError())
    }
    return was
  }

  /** How old what it shows is at most, ms. */
  stalenessMs(nowMs: number): number | undefined {
    return this.freshAsOfMs === undefined ? undefined : nowMs - this.freshAsOfMs
  }

  /** May it serve a read that must see this? */
  isFit(wanted: Wanted, nowMs: number): boolean {
    return this.status === 'healthy' && this.shows(wanted, nowMs)
  }

  /** Does it show all of this, for certain? What was sampled can only have grown since. */
  shows({ position, maxStaleMs }: Wanted, nowMs: number): boolean {
    if (position !== undefined && !this.#covers(position)) return false
    return maxStaleMs === Infinity || (this.stalenessMs(nowMs) ?? Infinity) <= maxStaleMs
  }

  #covers(position: Position): boolean {
    const { sample } = this
    if (sample === undefined) return false
    const { cluster, timeline, replayed, last } = sample
    if (timeline !== undefined) return covers({ cluster, timeline, lsn: replayed }, position)
    return last !== undefined && covers({ cluster, timeline: last.timeline, lsn: last.upTo }, position)
  }
}

/**
 * The replicas that may serve a read, the one to try first first; the others are ranked only when asked for. Those
 * whose pools are full come last: behind them a read would wait, while another shows as well what it must see.
 */
export function* candidates(
  ranking: Rendezvous<Replica>,
  wanted: Wanted,
  key: string,
  nowMs: number,
): Generator<Replica, void> {
  const best = ranking.pick(key)
  if (best === undefined) return
  const isBestFirst = hasRoom(best.pool) && best.isFit(wanted, nowMs)
  if (isBestFirst) yield best
  const full: Replica[] = []
  for (const replica of ranking.rank(key)) {
    if ((isBestFirst && replica === best) || !replica.isFit(wanted, nowMs)) continue
    if (hasRoom(replica.pool)) yield replica
    else full.push(replica)
  }
  yield* full
}

/** The replicas to fall back on when the primary is gone: behind, maybe, but with all that is wanted. */
export function* lastResorts(
  replicas: readonly Replica[],
  wanted: Wanted,
  nowMs: number,
): Generator<Replica, void> {
  for (const replica of replicas) {
    const { status, weight } = replica
    if (ANSWERING.has(status) && weight > 0 && replica.shows(wanted, nowMs)) yield replica
  }
}
