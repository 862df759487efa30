import type { Rendezvous, RendezvousNode } from '@quorate/core'
import { INITIAL_HEALTH, type Health, type HealthStatus } from './health.ts'
import type { Lag } from './lag.ts'
import type { Lsn } from './lsn.ts'
import { covers, type Position } from './position.ts'
import type { PgPool } from './postgres/port.ts'

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
  /** Aborted when it goes down, so that reads that hang on it run elsewhere. */
  #down = new AbortController()

  constructor(id: string, pool: PgPool, weight: number) {
    this.id = id
    this.pool = pool
    this.weight = weight
  }

  get status(): HealthStatus {
    return this.health.status
  }

  get downSignal(): AbortSignal {
    return this.#down.signal
  }

  /** @returns its standing before. */
  become(health: Health): HealthStatus {
    const was = this.status
    this.health = health
    if (health.status === 'down' && was !== 'down') {
      this.sample = undefined
      this.lag = undefined
      this.#down.abort(new DOMException(`Replica ${this.id} went down`, 'AbortError'))
    } else if (was === 'down' && health.status !== 'down') this.#down = new AbortController()
    return was
  }

  /** Has it replayed all of this, for certain? What was sampled can only have grown since. */
  covers(wanted: Position | undefined): boolean {
    if (wanted === undefined) return true
    const { sample } = this
    if (sample?.timeline === undefined) return false
    return covers({ cluster: sample.cluster, timeline: sample.timeline, lsn: sample.replayed }, wanted)
  }
}

/** The replicas that may serve a read, the one to try first first. Pure. */
export function candidates(
  replicas: readonly Replica[],
  ranking: Rendezvous<Replica>,
  wanted: Position | undefined,
  key: string,
): Replica[] {
  const fit = new Set(replicas.filter((replica) => replica.status === 'healthy' && replica.covers(wanted)))
  return ranking.rank(key).filter((replica) => fit.has(replica))
}

/** The replicas to fall back on when the primary is gone: behind, maybe, but with all that is wanted. */
export function lastResorts(replicas: readonly Replica[], wanted: Position | undefined): Replica[] {
  return replicas.filter(
    (replica) =>
      (replica.status === 'lagging' || replica.status === 'disconnected' || replica.status === 'healthy') &&
      replica.covers(wanted),
  )
}
