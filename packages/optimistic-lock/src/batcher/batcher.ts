import {
  type Clock,
  emit,
  fullJitterMs,
  invariant,
  isQuorateError,
  type Random,
  systemClock,
  systemRandom,
  waitOrAbort,
} from '@quorate/core'
import { WriteUnknownError } from '../errors.ts'
import type { KeyValues } from '../types.ts'
import { Alarm } from './alarm.ts'
import { BatcherFullError, BatcherStoppedError, BatchTimeoutError } from './errors.ts'
import type { BatcherEvent } from './events.ts'
import { type Group, Lanes, type Waiting } from './lanes.ts'
import type { BatcherOptions, Grant, RequestOptions } from './options.ts'
import { fold } from './plan.ts'
import type { BatchAnswer, BatchSession, BatchStore, ItemAnswer } from './store.ts'

interface Request extends Waiting {
  readonly lane: string
  readonly key: KeyValues
  readonly action: string
  readonly delta: number
  readonly deadlineMs: number
  readonly deadlineAtMs: number
  readonly resolve: (grant: Grant | undefined) => void
  readonly reject: (reason: unknown) => void
  /** Takes the listener off the caller's signal. */
  unwatch: () => void
  /** The statement that carries it; `undefined` while it waits. */
  flight: Flight | undefined
  /** Its caller has an answer. */
  isSettled: boolean
  isWaiting: boolean
}

/** One statement under way. */
interface Flight {
  readonly session: BatchSession
  readonly stop: AbortController
  /** How many callers still wait for it. */
  open: number
}

/** What {@link BatchQueue} makes of a batch. */
interface Sent {
  /** Not answered yet, in their order. */
  readonly rest: readonly Request[]
  /** May more be sent on this session now? Not if it is broken, nor past those that have to wait. */
  readonly goesOn: boolean
}

const NO_WATCH = (): void => {}

/** What makes one statement of many requests, over any store. */
export class BatchQueue implements AsyncDisposable {
  readonly #store: BatchStore
  readonly #table: string
  readonly #options: BatcherOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #lanes = new Lanes<Request>()
  /** Batches with a connection: sent, or to be sent on it. */
  readonly #taken = new Set<readonly Request[]>()
  /** Requests without an answer. */
  #open = 0
  readonly #passedOver = new Set<string>()
  readonly #stopping = new AbortController()
  readonly #alarm: Alarm
  #busy = 0
  #failures = 0
  #lastFailure: unknown
  #isPaused = false
  #isOpening = false
  #isScheduled = false
  #onIdle: (() => void) | undefined
  #idle: Promise<void> | undefined

  constructor(store: BatchStore, table: string, options: BatcherOptions) {
    this.#store = store
    this.#table = table
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.#alarm = new Alarm(this.#clock, () => this.#expire())
  }

  /** Requests that wait for their statement. */
  get waiting(): number {
    return this.#lanes.size
  }

  request(
    action: string,
    lane: string,
    key: KeyValues,
    delta: number,
    options: RequestOptions,
  ): Promise<Grant | undefined> {
    const { signal, deadlineMs = this.#options.deadlineMs ?? 10_000 } = options
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      if (this.#idle !== undefined) return reject(new BatcherStoppedError(this.#table))
      const waiting = this.#lanes.size
      if (waiting >= (this.#options.maxWaiting ?? 100_000)) {
        return reject(new BatcherFullError({ table: this.#table, waiting }))
      }
      const deadlineAtMs = this.#clock.monotonic() + deadlineMs
      const request: Request = {
        lane,
        key,
        action,
        delta,
        deadlineMs,
        deadlineAtMs,
        resolve,
        reject,
        unwatch: NO_WATCH,
        flight: undefined,
        isSettled: false,
        isWaiting: false,
      }
      if (signal !== undefined) {
        const onAbort = (): void => this.#leave(request, signal.reason, signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        request.unwatch = () => signal.removeEventListener('abort', onAbort)
      }
      this.#open++
      this.#lanes.add(lane, request)
      this.#alarm.set(deadlineAtMs)
      this.#schedule()
    })
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
    return this.#isPaused || this.#isOpening || this.#busy >= (this.#options.concurrency ?? 2)
  }

  #pump(): void {
    if (!this.#isHeld() && this.#lanes.isReady) void this.#serve()
  }

  /** One connection, one batch. Never rejects. */
  async #serve(): Promise<void> {
    this.#isOpening = true
    let session: BatchSession
    try {
      session = await waitOrAbort(this.#store.open(), this.#stopping.signal, (late) => late.close(false))
    } catch (cause) {
      this.#isOpening = false
      if (!this.#stopping.signal.aborted) {
        this.#report('not-applied', this.#lanes.size, true, cause)
        this.#pause(cause)
      }
      return
    }
    this.#isOpening = false
    const groups = this.#lanes.take(this.#options.maxBatch ?? 4_096)
    if (groups.length > 0) {
      this.#busy++
      const taken = groups.flatMap(({ requests }) => requests)
      this.#taken.add(taken)
      this.#pump()
      const { rest } = await this.#send(session, groups)
      for (const group of regroup(rest)) this.#lanes.giveBack(group)
      this.#taken.delete(taken)
      this.#busy--
    }
    session.close(false)
    // A lane that was passed over for its twin goes first, or a busy twin would keep it waiting for ever.
    for (const { lane } of groups) if (this.#passedOver.delete(lane)) this.#lanes.done(lane)
    for (const { lane } of groups) this.#lanes.done(lane)
    this.#pump()
    this.#checkIdle()
  }

  /** One statement, or several if one of the requests spoils it for the others. */
  async #send(session: BatchSession, all: readonly Group<Request>[]): Promise<Sent> {
    // Some may have left while the first half of a split was under way.
    const groups = all
      .map(({ lane, requests }) => ({ lane, requests: requests.filter(({ isSettled }) => !isSettled) }))
      .filter(({ requests }) => requests.length > 0)
    const requests = groups.flatMap((group) => group.requests)
    const [first] = requests
    if (first === undefined) return { rest: [], goesOn: true }

    const flight: Flight = { session, stop: new AbortController(), open: requests.length }
    for (const request of requests) request.flight = flight
    const startMs = this.#clock.monotonic()
    const items = groups.map((group) => ({
      key: (group.requests[0] ?? first).key,
      deltas: group.requests.map(({ delta }) => delta),
    }))
    const answer = await waitOrAbort(session.apply(items), flight.stop.signal).catch(
      (cause: unknown): BatchAnswer => ({ type: 'unknown', cause }),
    )
    for (const request of requests) request.flight = undefined
    return this.#conclude(session, answer, groups, requests, startMs)
  }

  async #conclude(
    session: BatchSession,
    answer: BatchAnswer,
    groups: readonly Group<Request>[],
    requests: readonly Request[],
    startMs: number,
  ): Promise<Sent> {
    if (answer.type === 'applied') {
      this.#failures = 0
      let granted = 0
      const rest: Request[] = []
      invariant(answer.items.length === groups.length, 'a store answers for each item')
      groups.forEach((group, index) => {
        granted += this.#answer(group, answer.items[index] ?? { type: 'gone' }, rest)
      })
      emit<BatcherEvent>(this.#options.onEvent, () => ({
        type: 'batch',
        table: this.#table,
        keys: groups.length,
        requests: requests.length,
        granted,
        elapsedMs: this.#clock.monotonic() - startMs,
      }))
      return { rest, goesOn: rest.length === 0 }
    }
    const { type: outcome, cause } = answer
    const next = answer.type === 'unknown' ? 'fail' : answer.next
    const isSplit = next === 'split' && requests.length > 1
    this.#report(outcome, requests.length, isSplit || next === 'retry', cause)
    if (isSplit) {
      const half = Math.ceil(requests.length / 2)
      const first = await this.#send(session, regroup(requests.slice(0, half)))
      const later = requests.slice(half)
      // Else some of the second half would overtake some of the first.
      return first.goesOn
        ? this.#send(session, regroup(later))
        : { rest: [...first.rest, ...later], goesOn: false }
    }
    if (next === 'retry') {
      this.#pause(cause)
      return { rest: requests, goesOn: false }
    }
    if (outcome === 'unknown') session.close(true)
    for (const request of requests) {
      if (this.#close(request)) request.reject(outcome === 'unknown' ? this.#unknown(request, cause) : cause)
    }
    return { rest: [], goesOn: outcome !== 'unknown' }
  }

  /** @returns how many were granted; those without an answer go to `rest`. */
  #answer(group: Group<Request>, answer: ItemAnswer, rest: Request[]): number {
    const { requests } = group
    switch (answer.type) {
      case 'applied': {
        const deltas = requests.map(({ delta }) => delta)
        const { lefts, granted } = fold(answer.before, deltas, this.#options.min ?? 0)
        requests.forEach((request, index) => {
          const left = lefts[index]
          if (this.#close(request)) request.resolve(left === undefined ? undefined : { left })
        })
        return granted
      }
      case 'gone':
      case 'refused':
        for (const request of requests) if (this.#close(request)) request.resolve(undefined)
        return 0
      case 'twin':
        rest.push(...requests)
        this.#passedOver.add(group.lane)
        return 0
      case 'inexact': {
        const message =
          `Cannot adjust a row of ${this.#table}: its counter is ${answer.value}, ` +
          `expected a whole number within 2^53 - 1; use decrementIf() of a repository`
        for (const request of requests) if (this.#close(request)) request.reject(new RangeError(message))
        return 0
      }
      default:
        return answer satisfies never
    }
  }

  /** Nothing was applied, and it is nobody's fault: it is tried again after a random wait. */
  #pause(cause: unknown): void {
    this.#lastFailure = cause
    const waitMs = fullJitterMs(this.#failures++, this.#random)
    if (this.#isPaused) return
    this.#isPaused = true
    const resume = (): void => {
      this.#isPaused = false
      this.#pump()
    }
    // Aborted when a stop() finds nobody left to wait for.
    this.#clock.sleep(waitMs, { signal: this.#stopping.signal }).then(resume, resume)
  }

  /** The caller does not wait any longer; what it is told depends on whether its statement was sent. */
  #leave(request: Request, early: unknown, cause: unknown): void {
    const { flight } = request
    if (flight === undefined) {
      this.#lanes.remove(request.lane, request)
      if (this.#close(request)) request.reject(early)
    } else {
      if (this.#close(request)) request.reject(this.#unknown(request, cause))
    }
    this.#checkIdle()
  }

  /** @returns false if its caller has an answer already; else it is about to have one. */
  #close(request: Request): boolean {
    if (request.isSettled) return false
    request.isSettled = true
    this.#open--
    request.unwatch()
    const { flight } = request
    if (flight !== undefined && --flight.open === 0) {
      // Nothing may run on after its last caller has left, so the connection goes.
      flight.session.close(true)
      flight.stop.abort(new DOMException('Nobody waits for this statement any longer', 'AbortError'))
    }
    return true
  }

  #unknown({ action }: Request, cause: unknown): WriteUnknownError {
    return isQuorateError(cause) && cause instanceof WriteUnknownError
      ? cause
      : new WriteUnknownError({ action, table: this.#table, cause })
  }

  #expire(): void {
    const nowMs = this.#clock.monotonic()
    let nextMs = Infinity
    const outstanding = [...this.#lanes.waiting(), ...[...this.#taken].flat()]
    for (const request of outstanding) {
      if (request.isSettled) continue
      const { deadlineMs, deadlineAtMs } = request
      if (deadlineAtMs > nowMs) {
        nextMs = Math.min(nextMs, deadlineAtMs)
        continue
      }
      const passed = new DOMException(`Deadline of ${deadlineMs} ms passed`, 'TimeoutError')
      const early = new BatchTimeoutError({ table: this.#table, deadlineMs, cause: this.#lastFailure })
      this.#leave(request, early, passed)
    }
    if (nextMs < Infinity) this.#alarm.set(nextMs)
  }

  #checkIdle(): void {
    if (this.#onIdle === undefined || this.#busy > 0 || this.#open > 0) return
    this.#alarm.off()
    this.#stopping.abort()
    this.#onIdle()
  }

  #report(outcome: 'not-applied' | 'unknown', requests: number, isRetried: boolean, cause: unknown): void {
    const facts = { table: this.#table, requests, outcome, isRetried, cause }
    emit<BatcherEvent>(this.#options.onEvent, () => ({ type: 'batch-failed', ...facts }))
  }
}

/** Neighbours of one lane as groups again, in their order, without those who have left. */
function regroup(requests: readonly Request[]): Group<Request>[] {
  const groups: { lane: string; requests: Request[] }[] = []
  for (const request of requests) {
    if (request.isSettled) continue
    const last = groups.at(-1)
    if (last?.lane === request.lane) last.requests.push(request)
    else groups.push({ lane: request.lane, requests: [request] })
  }
  return groups
}
