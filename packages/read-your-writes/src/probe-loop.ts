import { waitOrAbort, type Clock } from '@quorate/core'
import { deadline } from './deadline.ts'
import { paceOf, type Pace } from './health.ts'
import { connectTo, giveBack, prepared, type Checkout } from './postgres/checkout.ts'
import { isPoolTimeout } from './postgres/failures.ts'
import { isFull, type PgPool, type PgPoolClient } from './postgres/port.ts'

/** Draws the conclusions from an answer; called if the answer counts. */
export type Conclude = (pace: Pace) => void

/** Options of {@link ProbeLoop}. */
export interface ProbeLoopOptions {
  readonly pool: PgPool
  readonly clock: Clock
  /** By when the server must have answered, ms. */
  readonly deadlineMs: number
  /** How long a full pool may keep the probe waiting before that counts as no answer, ms. */
  readonly patienceMs: number
  /** How long until the next probe; asked each time. */
  readonly intervalMs: () => number
  /** Asks the server. The time is that before the question was sent. */
  readonly probe: (checkout: Checkout, askedAtMs: number) => Promise<Conclude>
  readonly failed: (error: unknown) => void
  /** The probe waits for a full pool, so nothing was asked: no news of the server, neither good nor bad. */
  readonly unheard: (error: unknown) => void
  /** After {@link ProbeLoop.stop}: may anybody still have to be told that the server has gone? */
  readonly isNeeded: () => boolean
}

/** A connection with the question that is under way on it. */
interface Question {
  readonly checkout: Checkout
  readonly answer: Promise<Answer>
}

interface Answer {
  readonly conclude: Conclude
  readonly tookMs: number
}

/**
 * Asks one server again and again, on one connection that it keeps: when the pool is exhausted by work,
 * that must not look like a dead server. So a question that is late keeps its place too, until the next probe has
 * heard of the server in another way, or not at all. An answer that was late is told apart: a server that always
 * answers late is not well.
 */
export class ProbeLoop {
  readonly #options: ProbeLoopOptions
  readonly #stopping = new AbortController()
  #nap = new AbortController()
  /** Goes on from probe to probe: one more with each of them would pile up in the pool of a server that is silent. */
  #connecting: Promise<PgPoolClient> | undefined
  /** Since when it has had no connection. */
  #withoutSinceMs: number | undefined
  /** Connected, and nothing under way. */
  #checkout: Checkout | undefined
  /** Not answered in time by the probe before; it may be still. */
  #late: Question | undefined
  #finished: Promise<void> | undefined

  constructor(options: ProbeLoopOptions) {
    this.#options = options
  }

  start(): void {
    this.#finished ??= this.#run()
  }

  /** Probes now instead of at the end of the interval. */
  hurry(): void {
    this.#nap.abort()
  }

  /**
   * Resolves when nothing runs any more and the connection is back in its pool; or at once, if it is needed: then it
   * ends by itself.
   */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#nap.abort()
    if (!this.#options.isNeeded()) await this.#finished
  }

  async #run(): Promise<void> {
    while (!this.#isOver()) {
      await this.#probeOnce()
      await this.#sleep()
    }
    this.#checkout?.release()
    this.#late?.checkout.release(true)
    this.#giveBackConnecting()
  }

  #isOver(): boolean {
    return this.#stopping.signal.aborted && !this.#options.isNeeded()
  }

  async #probeOnce(): Promise<void> {
    const { clock, deadlineMs, failed, unheard } = this.#options
    using limit = deadline(clock, deadlineMs, 'The probe')
    const late = this.#late
    this.#late = undefined
    try {
      if (late === undefined) await this.#ask(limit.signal)
      else await this.#hear(late, limit.signal)
    } catch (error) {
      if (this.#isOver()) return
      const gaveUp = limit.signal.aborted || isPoolTimeout(error)
      if (late === undefined && gaveUp && this.#waitsForPool()) unheard(error)
      else failed(error)
    }
  }

  /** Asks on the connection that it has, or on a new one. */
  async #ask(signal: AbortSignal): Promise<void> {
    if (this.#checkout !== undefined) this.#giveBackConnecting() // of a probe that did without it
    const checkout = this.#checkout ?? (await this.#connect(this.#orStopping(signal)))
    this.#checkout = undefined
    const question = this.#question(checkout)
    try {
      this.#conclude(question, await waitOrAbort(question.answer, signal))
    } catch (error) {
      if (signal.aborted) this.#late = question
      else checkout.release(true)
      throw error
    }
  }

  /** Hears of the server by the answer that is late, or over a new connection: the old one may be cut, not the server. */
  async #hear(late: Question, signal: AbortSignal): Promise<void> {
    const done = new AbortController()
    const either = AbortSignal.any([signal, done.signal])
    const again = this.#askAnew(either)
    again.catch(() => {}) // of the two, only one is needed
    try {
      const heard = late.answer.then((answer) => ({ question: late, answer }))
      const { question, answer } = await waitOrAbort(Promise.any([heard, again]), signal)
      if (question !== late) late.checkout.release(true)
      this.#conclude(question, answer, question === late)
    } catch (error) {
      late.checkout.release(true)
      throw error instanceof AggregateError ? error.errors[0] : error
    } finally {
      done.abort()
      void again
        .then(({ question: { checkout } }) => checkout !== this.#checkout && checkout.release())
        .catch(() => {})
    }
  }

  async #askAnew(signal: AbortSignal): Promise<{ question: Question; answer: Answer }> {
    const checkout = await this.#connect(this.#orStopping(signal))
    const question = this.#question(checkout)
    try {
      return { question, answer: await waitOrAbort(question.answer, signal) }
    } catch (error) {
      checkout.release(true)
      throw error
    }
  }

  #question(checkout: Checkout): Question {
    const { clock, probe } = this.#options
    const askedAtMs = clock.monotonic()
    const answer = probe(checkout, askedAtMs).then((conclude) => {
      return { conclude, tookMs: clock.monotonic() - askedAtMs }
    })
    answer.catch(() => {}) // waited for here or not
    return { checkout, answer }
  }

  #conclude({ checkout }: Question, { conclude, tookMs }: Answer, wasMissed = false): void {
    this.#checkout = checkout
    conclude(paceOf(tookMs, this.#options.deadlineMs, wasMissed))
  }

  #waitsForPool(): boolean {
    const { clock, pool, patienceMs } = this.#options
    if (this.#withoutSinceMs === undefined || !isFull(pool)) return false
    return clock.monotonic() - this.#withoutSinceMs < patienceMs
  }

  #orStopping(signal: AbortSignal): AbortSignal {
    const stopping = this.#stopping.signal
    return stopping.aborted ? signal : AbortSignal.any([signal, stopping])
  }

  async #connect(signal: AbortSignal): Promise<Checkout> {
    this.#withoutSinceMs ??= this.#options.clock.monotonic()
    this.#connecting ??= connectTo(this.#options.pool)
    let client: PgPoolClient
    try {
      client = await waitOrAbort(this.#connecting, signal)
    } catch (error) {
      if (!signal.aborted) this.#connecting = undefined
      throw error
    }
    this.#connecting = undefined
    this.#withoutSinceMs = undefined
    return prepared(client, signal)
  }

  #giveBackConnecting(): void {
    this.#withoutSinceMs = undefined
    void this.#connecting?.then(giveBack).catch(() => {})
    this.#connecting = undefined
  }

  async #sleep(): Promise<void> {
    if (this.#isOver()) return
    this.#nap = new AbortController()
    await this.#options.clock
      .sleep(this.#options.intervalMs(), { signal: this.#nap.signal, ref: false })
      .catch(() => {})
  }
}
