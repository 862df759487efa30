import type { Clock } from '@quorate/core'
import { deadline } from '../deadline.ts'
import { paceOf, type Pace } from '../health.ts'
import type { Connection } from './connection.ts'
import type { RedisClient } from './port.ts'
import { parseReplication, type Replication } from './replication.ts'

/** Options of {@link ProbeLoop}. */
export interface ProbeLoopOptions {
  readonly connection: () => Connection<RedisClient>
  readonly clock: Clock
  readonly deadlineMs: number
  /** How long until the next probe; asked each time. */
  readonly intervalMs: () => number
  /** The server has said where it stands. The time is that before it was asked. */
  readonly answered: (replication: Replication, askedAtMs: number, pace: Pace) => void
  /** It has not answered in time, or not with that. */
  readonly failed: (error: unknown) => void
}

type Answer =
  | { readonly text: unknown; readonly askedAtMs: number; readonly tookMs: number }
  | { readonly error: unknown }
  /** It was not asked. */
  | 'busy'

interface Question {
  /** The connection it was sent over; `undefined` while there is none. */
  readonly epoch: number | undefined
  readonly answer: Promise<Answer>
  /** A deadline has passed without the answer. */
  wasMissed: boolean
}

/**
 * Asks one server again and again, on the connection that serves the reads: what it answers is then true of
 * the server that the next read on this connection meets. A question that is not answered stays in the
 * driver's queue, so there is never more than one, and none before the connection is ready: what goes out
 * during the driver's handshake is forgotten without a word when that fails (ioredis 6.0).
 */
export class ProbeLoop {
  readonly #options: ProbeLoopOptions
  readonly #stopping = new AbortController()
  #nap = new AbortController()
  #pending: Question | undefined
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

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#nap.abort()
    await this.#finished
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#nap = new AbortController()
      await this.#probeOnce()
      await this.#sleep()
    }
  }

  async #probeOnce(): Promise<void> {
    const { clock, deadlineMs, answered, failed, connection } = this.#options
    // What was sent over a connection that is gone may never be answered.
    if (this.#pending?.epoch !== undefined && this.#pending.epoch !== connection().epoch) {
      this.#pending = undefined
    }
    const asked = (this.#pending ??= this.#ask())
    using limit = deadline(clock, deadlineMs, 'The probe')
    const answer = await beforeEither(asked.answer, limit.signal, this.#stopping.signal)
    if (this.#stopping.signal.aborted) return
    if (answer === undefined) {
      asked.wasMissed = true
      failed(undefined)
      return
    }
    this.#pending = undefined
    // Within somebody's transaction the question would become a part of it; it is soon over.
    if (answer === 'busy') return
    if ('error' in answer) {
      failed(answer.error)
      return
    }
    const replication = parseReplication(answer.text)
    // Asked on one connection and answered on the next, by whatever server is there now.
    const isOther = asked.epoch !== connection().epoch
    if (replication === undefined || isOther) failed(undefined)
    else answered(replication, answer.askedAtMs, paceOf(answer.tookMs, deadlineMs, asked.wasMissed))
  }

  #ask(): Question {
    const { clock, connection } = this.#options
    const to = connection()
    const question: Omit<Question, 'epoch' | 'answer'> & { epoch: number | undefined } = {
      epoch: undefined,
      wasMissed: false,
    }
    const ask = async (): Promise<Answer> => {
      await to.whenReady()
      if (to.isInTransaction) return 'busy'
      question.epoch = to.epoch
      const askedAtMs = clock.monotonic()
      try {
        const text = await to.client.info('replication')
        return { text, askedAtMs, tookMs: clock.monotonic() - askedAtMs }
      } catch (error) {
        return { error }
      }
    }
    return Object.assign(question, { answer: ask() })
  }

  async #sleep(): Promise<void> {
    await this.#options.clock
      .sleep(this.#options.intervalMs(), {
        signal: AbortSignal.any([this.#nap.signal, this.#stopping.signal]),
        ref: false,
      })
      .catch(() => {})
  }
}

/** `undefined` if a signal comes first. */
function beforeEither<T>(
  promise: Promise<T>,
  limit: AbortSignal,
  stopping: AbortSignal,
): Promise<T | undefined> {
  const either = AbortSignal.any([limit, stopping])
  return new Promise((resolve) => {
    const end = (): void => resolve(undefined)
    if (either.aborted) end()
    either.addEventListener('abort', end, { once: true })
    void promise.then(resolve)
  })
}
