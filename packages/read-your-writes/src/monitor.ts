import { emit, type Clock, type EventListener } from '@quorate/core'
import { NotPrimaryError } from './errors.ts'
import type { ReadYourWritesEvent } from './events.ts'
import { nextHealth, type Finding, type Pace } from './health.ts'
import { HeadHistory } from './lag.ts'
import type { Settings } from './options.ts'
import { isServerAnswer } from './postgres/failures.ts'
import { readPrimary, readReplica, type ConnectionFacts, type ReplicaReading } from './postgres/sql.ts'
import type { Primary } from './primary.ts'
import { ProbeLoop } from './probe-loop.ts'
import type { Replica, ReplicaSample } from './replica.ts'
import { nextTick } from './ticks.ts'

/** The primary as the router knows it. */
export interface PrimaryState {
  /** `undefined`: not asked yet. */
  readonly reachable: boolean | undefined
  readonly cluster: string | undefined
  readonly timeline: number | undefined
}

interface Waiter {
  /** Is it the primary's word that is waited for as well? */
  readonly asksPrimary: boolean
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
  /** What replicas could have been sent: their lag is measured by it. */
  readonly #head = new HeadHistory()
  /** What queries could see: how old a replica's view can be is measured by it. */
  readonly #visible = new HeadHistory()
  readonly #primaryLoop: ProbeLoop
  readonly #replicaLoops: readonly ProbeLoop[]
  readonly #waiters = new Set<Waiter>()
  readonly #hidden = new Set<Replica>()
  #primaryFailures = 0
  /** Reads, writes and leases that have begun and not ended. */
  underWay = 0
  primary: PrimaryState = { reachable: undefined, cluster: undefined, timeline: undefined }

  constructor(
    primary: Primary,
    replicas: readonly Replica[],
    settings: Settings,
    clock: Clock,
    onEvent: EventListener<ReadYourWritesEvent> | undefined,
  ) {
    this.#replicas = replicas
    this.#settings = settings
    this.#clock = clock
    this.#onEvent = onEvent
    const timing = {
      clock,
      deadlineMs: settings.probeDeadlineMs,
      patienceMs: settings.deadlineMs,
      isNeeded: () => this.underWay > 0,
    }
    const primaryFailed = (error: unknown): void => {
      if (isServerAnswer(error)) primary.answered()
      this.#giveUpLate(primary)
      // As with replicas, one lost probe is no verdict: the process may have slept, not the server.
      if (++this.#primaryFailures < 2 && this.primary.reachable !== false) return
      primary.giveUpIfSilent()
      this.#primarySeen({ ...this.primary, reachable: false }, error)
    }
    this.#primaryLoop = new ProbeLoop({
      ...timing,
      pool: primary.pool,
      intervalMs: () => (this.#isPrimaryAsked() ? settings.pollMs : settings.probeIntervalMs),
      failed: primaryFailed,
      unheard: (error) => {
        if (this.primary.reachable !== true) primaryFailed(error)
        else this.#giveUpLate(primary)
      },
      probe: async ({ client, facts }, askedAtMs) => {
        const reading = await readPrimary(client, facts)
        primary.answered()
        // A replica where the primary should be: drop the connection, the next one may lead elsewhere.
        if (reading === undefined) throw new NotPrimaryError()
        return () => {
          this.#giveUpLate(primary)
          this.#primaryFailures = 0
          const { timeline, flushed, inserted } = reading
          if (timeline !== this.primary.timeline || facts.cluster !== this.primary.cluster) {
            this.#head.clear()
            this.#visible.clear()
          }
          this.#head.observe(flushed, askedAtMs)
          this.#visible.observe(inserted, askedAtMs)
          this.#primarySeen({ reachable: true, cluster: facts.cluster, timeline })
        }
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
          failed: (error) => this.#found(replica, { type: 'no-answer' }, error),
          unheard: (error) => {
            const isNew = replica.status === 'unknown'
            this.#found(replica, isNew ? { type: 'no-answer' } : this.#withoutNews(replica), error)
          },
          probe: async ({ client, facts }) => {
            const askedAt = nextTick()
            const reading = await readReplica(client)
            return (pace) => {
              replica.sample = sampleOf(reading, facts, askedAt, replica.sample)
              this.#seeFreshness(replica)
              this.#reportHidden(replica, reading)
              this.#found(replica, this.#judge(replica, reading, pace))
            }
          },
        }),
    )
  }

  /** The cluster, by whichever server has told. */
  get cluster(): string | undefined {
    return this.primary.cluster ?? this.#replicas.find(({ sample }) => sample !== undefined)?.sample?.cluster
  }

  start(): void {
    this.#primaryLoop.start()
    for (const loop of this.#replicaLoops) loop.start()
  }

  /** As long as anything is under way the probes go on, since they are what ends it when its server has gone. */
  async stop(): Promise<void> {
    await Promise.all([this.#primaryLoop, ...this.#replicaLoops].map((loop) => loop.stop()))
    for (const { done } of this.#waiters) done()
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
   * @param asksPrimary the primary is, too.
   * @returns false if the signal came first, or {@link stop}.
   */
  async waitUntil(arrived: () => boolean, signal: AbortSignal, asksPrimary = false): Promise<boolean> {
    if (arrived()) return true
    if (signal.aborted) return false
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiters.delete(waiter)
        signal.removeEventListener('abort', end)
        resolve(arrived())
      }
      const waiter: Waiter = { asksPrimary, arrived, done: end }
      this.#waiters.add(waiter)
      signal.addEventListener('abort', end, { once: true })
      if (asksPrimary) this.#primaryLoop.hurry()
      for (const [index, { status }] of this.#replicas.entries()) {
        if (status === 'healthy') this.#replicaLoops[index]?.hurry()
      }
    })
  }

  #isPrimaryAsked(): boolean {
    for (const { asksPrimary } of this.#waiters) if (asksPrimary) return true
    return false
  }

  #giveUpLate(primary: Primary): void {
    primary.giveUpLate()
    const nowMs = this.#clock.monotonic()
    for (const { running } of this.#replicas) running.giveUpLate(nowMs)
  }

  #seeFreshness(replica: Replica): void {
    const { sample } = replica
    const { cluster, timeline } = this.primary
    const isSameHistory =
      sample?.timeline !== undefined && sample.timeline === timeline && sample.cluster === cluster
    replica.freshAsOfMs = isSameHistory ? this.#visible.freshAsOf(sample.replayed) : undefined
  }

  #judge(replica: Replica, { inRecovery, timeline }: ReplicaReading, pace: Pace): Finding {
    if (!inRecovery) return { type: 'promoted' }
    if (timeline === undefined || timeline === 'hidden') return { type: 'disconnected' }
    // After a promotion, one that still follows the old timeline shows a past that may never have been.
    if (this.primary.timeline !== undefined && timeline < this.primary.timeline)
      return { type: 'disconnected' }
    const replayed = replica.sample?.replayed
    if (replayed === undefined) return { type: 'disconnected' }
    const nowMs = this.#clock.monotonic()
    replica.seeLag(this.#head.lagOf(replayed, nowMs), nowMs)
    return { type: 'streaming', lag: replica.lag, pace }
  }

  /** It stands where it stood, or further on: so its lag is at most what it would be if it stood still. */
  #withoutNews({ sample }: Replica): Finding {
    return {
      type: 'no-news',
      lag: sample && this.#head.lagOf(sample.replayed, this.#clock.monotonic()),
    }
  }

  #found(replica: Replica, finding: Finding, cause?: unknown): void {
    const was = replica.become(nextHealth(replica.health, finding, this.#settings))
    const { id, status, lag } = replica
    if (status !== was)
      emit<ReadYourWritesEvent>(this.#onEvent, () => ({
        type: 'replica',
        id,
        status,
        was,
        lag,
        cause: status === 'down' ? cause : undefined,
      }))
    this.#wake()
  }

  #primarySeen(next: PrimaryState, cause?: unknown): void {
    const was = this.primary
    this.primary = next
    for (const replica of this.#replicas) this.#seeFreshness(replica)
    const { reachable, timeline } = next
    if (reachable !== undefined && reachable !== was.reachable) {
      emit<ReadYourWritesEvent>(this.#onEvent, () => ({
        type: 'primary',
        reachable,
        cause: reachable ? undefined : cause,
      }))
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

/** @param before what was known until now. */
function sampleOf(
  { replayed, inRecovery, timeline: received }: ReplicaReading,
  { cluster, startedAt, madeAt }: ConnectionFacts,
  askedAt: number,
  before: ReplicaSample | undefined,
): ReplicaSample | undefined {
  if (replayed === undefined || !inRecovery) return undefined
  const timeline = typeof received === 'number' ? received : undefined
  const known = before?.last?.madeAt === madeAt ? before.last : undefined
  const last = timeline === undefined ? known : { timeline, upTo: replayed, madeAt }
  return { cluster, startedAt, replayed, timeline, last, askedAt }
}
