import { type Clock, fullJitterMs, type Random, systemClock, systemRandom } from '@quorate/core'
import type { KeyValues } from '../types.ts'
import { Alarm } from './alarm.ts'
import { BatcherFullError, BatcherStoppedError, BatchTimeoutError } from './errors.ts'
import { reportFailure } from './events.ts'
import { Flight, type FlightRules, type Landing, live, unknownOf } from './flight.ts'
import { type Group, type Lane, Lanes } from './lanes.ts'
import type { BatcherOptions, Grant, RequestOptions } from './options.ts'
import { Request } from './request.ts'
import type { BatchSession, BatchStore } from './store.ts'

const NO_OPTIONS: RequestOptions = {}
/** Deadlines that pass within a ms for each so many requests are noticed together: each look is at all of them. */
const LOOKS_PER_MS = 10_000

/** What makes one statement of many requests, over any store. */
export class BatchQueue implements AsyncDisposable {
  readonly #store: BatchStore
  readonly #rules: FlightRules
  readonly #keyOf: (row: object) => KeyValues
  readonly #maxBatch: number
  readonly #maxWaiting: number
  readonly #concurrency: number
  readonly #deadlineMs: number
  readonly #clock: Clock
  readonly #random: Random
  readonly #startMs: number
  readonly #alarm: Alarm
  readonly #lanes = new Lanes<Request>()
  /** Batches with a connection. */
  readonly #flights = new Set<Flight>()
  readonly #stopping = new AbortController()
  #failures = 0
  #lastFailure: unknown
  #isPaused = false
  #isOpening = false
  #isScheduled = false
  #onIdle: (() => void) | undefined
  #idle: Promise<void> | undefined

  /** @param keyOf a copy of a row's key columns. */
  constructor(
    store: BatchStore,
    table: string,
    options: BatcherOptions,
    keyOf: (row: object) => KeyValues = (row) => ({ ...row }),
  ) {
    const { min = 0, maxBatch = 4_096, maxWaiting = 100_000, concurrency = 2, deadlineMs = 10_000 } = options
    const { clock = systemClock, random = systemRandom, onEvent } = options
    this.#store = store
    this.#rules = { table, min, clock, onEvent }
    this.#keyOf = keyOf
    this.#maxBatch = maxBatch
    this.#maxWaiting = maxWaiting
    this.#concurrency = concurrency
    this.#deadlineMs = deadlineMs
    this.#clock = clock
    this.#random = random
    this.#startMs = clock.monotonic()
    this.#alarm = new Alarm(clock, () => this.#expire())
  }

  /** Requests that wait for their statement. */
  get waiting(): number {
    return this.#lanes.size
  }

  /** @param name the same for all requests that name the row in the same way, and for no other. */
  request(
    name: string,
    row: object,
    delta: number,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<Grant | undefined> {
    const { signal, deadlineMs = this.#deadlineMs } = options
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)

    const { promise, resolve, reject } = Promise.withResolvers<Grant | undefined>()
    const dueMs = Math.ceil(this.#elapsedMs() + deadlineMs)
    const request = new Request(delta, resolve, reject, dueMs)
    if (deadlineMs !== this.#deadlineMs) request.deadlineMs = deadlineMs
    const lane = this.#lanes.get(name) ?? this.#lanes.open(name, this.#keyOf(row))
    if (signal !== undefined) this.#watch(lane, request, signal)
    this.#lanes.add(lane, request)
    this.#alarm.set(this.#startMs + dueMs)
    this.#schedule()
    return promise
  }

  /** Takes no more requests, answers those it has, and resolves when nothing is left running. */
  stop(): Promise<void> {
    this.#idle ??= new Promise((resolve) => {
      this.#onIdle = resolve
      this.#checkIdle()
    })
    return this.#idle
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #refusal(): Error | undefined {
    const { table } = this.#rules
    if (this.#idle !== undefined) return new BatcherStoppedError(table)
    const waiting = this.#lanes.size
    return waiting < this.#maxWaiting ? undefined : new BatcherFullError({ table, waiting })
  }

  #watch(lane: Lane<Request>, request: Request, signal: AbortSignal): void {
    const onAbort = (): void => this.#leave(lane, request, () => signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    request.unwatch = () => signal.removeEventListener('abort', onAbort)
  }

  #elapsedMs(): number {
    return this.#clock.monotonic() - this.#startMs
  }

  /** All requests of one turn of the event loop go into one statement. */
  #schedule(): void {
    if (this.#isScheduled || this.#isHeld()) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  /** One connection is asked for at a time: what it will carry is decided when it is there. */
  #isHeld(): boolean {
    return this.#isPaused || this.#isOpening || this.#flights.size >= this.#concurrency
  }

  #pump(): void {
    if (!this.#isHeld() && this.#lanes.isReady) void this.#serve()
  }

  /** One connection, one batch. Never rejects. */
  async #serve(): Promise<void> {
    this.#isOpening = true
    let session: BatchSession
    try {
      session = await this.#store.open()
    } catch (cause) {
      this.#isOpening = false
      if (this.#stopping.signal.aborted) return
      reportFailure(this.#rules, {
        requests: this.#lanes.size,
        outcome: 'not-applied',
        isRetried: true,
        cause,
      })
      this.#pause(cause)
      return
    }
    this.#isOpening = false
    const groups = this.#lanes.take(this.#maxBatch)
    if (groups.length === 0) {
      // They have left, or stop() did not wait for the connection.
      session.close(false)
      this.#pump()
      return
    }
    const flight = new Flight(session, groups, this.#rules)
    this.#flights.add(flight)
    this.#pump()
    const landing = await flight.run()
    session.close(false)
    this.#flights.delete(flight)
    flight.end()
    this.#land(groups, landing)
    this.#pump()
    this.#checkIdle()
  }

  #land(groups: readonly Group<Request>[], { rest, passedOver, setback, isStuck }: Landing): void {
    // Who has left since is not put back: it was told that nothing was applied. The last first, for a batch that was
    // split can have two parts of one lane in it.
    for (const group of live(rest).toReversed()) this.#lanes.giveBack(group)
    // A lane that was passed over for its twin goes first, or a busy twin would keep it waiting for ever.
    const lanes = new Set(passedOver)
    for (const { lane } of groups) {
      lanes.add(lane)
      this.#lanes.setAlone(lane, isStuck)
    }
    if (setback === undefined) this.#failures = 0
    else if (setback.next === 'retry') this.#pause(setback.cause)
    else return this.#hold(lanes, setback.cause)
    for (const lane of lanes) this.#lanes.done(lane)
  }

  /** Nothing was applied, and it is nobody's fault: the next statement is sent after a random wait. */
  #pause(cause: unknown): void {
    this.#lastFailure = cause
    if (this.#isPaused) return
    const resume = (): void => {
      this.#isPaused = false
      this.#pump()
    }
    this.#isPaused = true
    void this.#backOff(cause).then(resume)
  }

  /** The same for some rows, while others are served. */
  #hold(lanes: ReadonlySet<Lane<Request>>, cause: unknown): void {
    const resume = (): void => {
      for (const lane of lanes) this.#lanes.done(lane)
      this.#pump()
    }
    void this.#backOff(cause).then(resume)
  }

  async #backOff(cause: unknown): Promise<void> {
    this.#lastFailure = cause
    const waitMs = fullJitterMs(this.#failures++, this.#random)
    // Aborted when a stop() finds nobody left to wait for.
    await this.#clock.sleep(waitMs, { signal: this.#stopping.signal }).catch(() => {})
  }

  /** The caller does not wait any longer; what it is told depends on whether its statement was sent. */
  #leave(lane: Lane<Request>, request: Request, reasonIf: (isSent: boolean) => unknown): void {
    const { flight } = request
    this.#lanes.remove(lane, request)
    if (!request.settle()) return
    if (flight === undefined) request.reject(reasonIf(false))
    else {
      request.reject(unknownOf(request, this.#rules.table, reasonIf(true)))
      flight.leave()
    }
    this.#checkIdle()
  }

  #expire(): void {
    const nowMs = this.#elapsedMs()
    let nextMs = Infinity
    let looks = 0
    for (const groups of [this.#lanes.groups(), ...[...this.#flights].map((flight) => flight.groups)]) {
      for (const { lane, requests } of groups) {
        looks += requests.length
        for (const request of requests) {
          if (request.isSettled) continue
          if (request.dueMs <= nowMs) this.#timeOut(lane, request)
          else if (request.dueMs < nextMs) nextMs = request.dueMs
        }
      }
    }
    if (nextMs < Infinity) this.#alarm.set(this.#startMs + Math.max(nextMs, nowMs + looks / LOOKS_PER_MS))
  }

  #timeOut(lane: Lane<Request>, request: Request): void {
    const { deadlineMs = this.#deadlineMs } = request
    this.#leave(lane, request, (isSent) =>
      isSent
        ? new DOMException(`Deadline of ${deadlineMs} ms passed`, 'TimeoutError')
        : new BatchTimeoutError({ table: this.#rules.table, deadlineMs, cause: this.#lastFailure }),
    )
  }

  #checkIdle(): void {
    if (this.#onIdle === undefined || this.#flights.size > 0 || this.#lanes.size > 0) return
    this.#alarm.off()
    this.#stopping.abort()
    this.#onIdle()
  }
}
