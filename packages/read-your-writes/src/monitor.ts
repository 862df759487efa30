import { emit, type Clock, type EventListener } from '@quorate/core'
import type { ReadYourWritesEvent } from './events.ts'
import { nextHealth, type Finding } from './health.ts'
import { HeadHistory } from './lag.ts'
import type { Settings } from './options.ts'
import type { PgPool } from './postgres/port.ts'
import { readPrimary, readReplica, type ReplicaReading } from './postgres/sql.ts'
import { ProbeLoop } from './probe-loop.ts'
import type { Replica } from './replica.ts'

/** The primary as the router knows it. */
export interface PrimaryState {
  /** `undefined`: not asked yet. */
  readonly reachable: boolean | undefined
  readonly cluster: string | undefined
  readonly timeline: number | undefined
}

interface Waiter {
  readonly arrived: () => boolean
  readonly done: () => void
}

/**
 * Knows where every server stands, by asking each in the background: one connection each, whatever the
 * load. Reads are routed by what is known here and ask nobody.
 */
export class Monitor {
  readonly #replicas: readonly Replica[]
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #onEvent: EventListener<ReadYourWritesEvent> | undefined
  readonly #head = new HeadHistory()
  readonly #primaryLoop: ProbeLoop
  readonly #replicaLoops: readonly ProbeLoop[]
  readonly #waiters = new Set<Waiter>()
  readonly #hidden = new Set<Replica>()
  #primaryFailures = 0
  primary: PrimaryState = { reachable: undefined, cluster: undefined, timeline: undefined }

  constructor(
    primary: PgPool,
    replicas: readonly Replica[],
    settings: Settings,
    clock: Clock,
    onEvent: EventListener<ReadYourWritesEvent> | undefined,
  ) {
    this.#replicas = replicas
    this.#settings = settings
    this.#clock = clock
    this.#onEvent = onEvent
    const timing = { clock, deadlineMs: settings.probeDeadlineMs }
    this.#primaryLoop = new ProbeLoop({
      ...timing,
      pool: primary,
      intervalMs: () => settings.probeIntervalMs,
      failed: () => {
        // As with replicas, one lost probe is no verdict.
        if (++this.#primaryFailures < 2 && this.primary.reachable === true) return
        this.#primarySeen({ ...this.primary, reachable: false })
      },
      probe: async ({ client, facts }, askedAtMs) => {
        const reading = await readPrimary(client)
        // A replica where the primary should be: drop the connection, the next one may lead elsewhere.
        if (reading === undefined) throw new Error('in recovery')
        this.#primaryFailures = 0
        if (reading.timeline !== this.primary.timeline) this.#head.clear()
        this.#head.observe(reading.flushed, askedAtMs)
        this.#primarySeen({ reachable: true, cluster: facts.cluster, timeline: reading.timeline })
      },
    })
    this.#replicaLoops = replicas.map(
      (replica) =>
        new ProbeLoop({
          ...timing,
          pool: replica.pool,
          intervalMs: () =>
            this.#waiters.size > 0 && replica.status === 'healthy'
              ? settings.pollMs
              : settings.probeIntervalMs,
          failed: () => this.#found(replica, { type: 'no-answer' }),
          probe: async ({ client, facts }) => {
            const reading = await readReplica(client)
            const { replayed, inRecovery } = reading
            if (replayed !== undefined && inRecovery) {
              const timeline = typeof reading.timeline === 'number' ? reading.timeline : undefined
              replica.sample = { cluster: facts.cluster, startedAt: facts.startedAt, replayed, timeline }
            } else replica.sample = undefined
            this.#reportHidden(replica, reading)
            this.#found(replica, this.#judge(replica, reading))
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
  }

  /** Has every server answered, or failed to, at least once? */
  get complete(): boolean {
    return (
      this.primary.reachable !== undefined && this.#replicas.every((replica) => replica.status !== 'unknown')
    )
  }

  /**
   * Waits until `arrived` holds, looked at after each probe; healthy replicas are asked more often meanwhile.
   *
   * @returns false if the signal came first.
   */
  async waitUntil(arrived: () => boolean, signal: AbortSignal): Promise<boolean> {
    if (arrived()) return true
    if (signal.aborted) return false
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiters.delete(waiter)
        signal.removeEventListener('abort', end)
        resolve(arrived())
      }
      const waiter: Waiter = { arrived, done: end }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', end, { once: true })
      for (const loop of this.#replicaLoops) loop.hurry()
    })
  }

  #judge(replica: Replica, { inRecovery, timeline }: ReplicaReading): Finding {
    if (!inRecovery) return { type: 'promoted' }
    if (timeline === undefined || timeline === 'hidden') return { type: 'disconnected' }
    // After a promotion, one that still follows the old timeline shows a past that may never have been.
    if (this.primary.timeline !== undefined && timeline < this.primary.timeline)
      return { type: 'disconnected' }
    const replayed = replica.sample?.replayed
    if (replayed === undefined) return { type: 'disconnected' }
    const nowMs = this.#clock.monotonic()
    replica.seeLag(this.#head.lagOf(replayed, nowMs), nowMs)
    return { type: 'streaming', lag: replica.lag }
  }

  #found(replica: Replica, finding: Finding): void {
    const was = replica.become(nextHealth(replica.health, finding, this.#settings))
    const { id, status, lag } = replica
    if (status !== was)
      emit<ReadYourWritesEvent>(this.#onEvent, () => ({ type: 'replica', id, status, was, lag }))
    this.#wake()
  }

  #primarySeen(next: PrimaryState): void {
    const was = this.primary
    this.primary = next
    const { reachable, timeline } = next
    if (reachable !== undefined && reachable !== was.reachable) {
      emit<ReadYourWritesEvent>(this.#onEvent, () => ({ type: 'primary', reachable }))
    }
    if (timeline !== undefined && was.timeline !== undefined && timeline !== was.timeline) {
      emit<ReadYourWritesEvent>(this.#onEvent, () => ({
        type: 'timeline',
        timeline,
        was: was.timeline as number,
      }))
    }
    this.#wake()
  }

  #reportHidden(replica: Replica, { timeline }: ReplicaReading): void {
    if (timeline !== 'hidden' || this.#hidden.has(replica)) return
    this.#hidden.add(replica)
    emit<ReadYourWritesEvent>(this.#onEvent, () => ({ type: 'missing-privilege', id: replica.id }))
  }

  #wake(): void {
    for (const waiter of this.#waiters) if (waiter.arrived()) waiter.done()
  }
}
