import { QuorateError, type Clock } from '@quorate/core'
import { NotPrimaryError, PrimaryUnavailableError } from './errors.ts'
import { checkOut, type Checkout } from './postgres/checkout.ts'
import { serverFailure } from './postgres/failures.ts'
import type { PgPool } from './postgres/port.ts'
import { UnderWay } from './under-way.ts'

const POOL_ADVICE =
  'the server answers, so make its pool larger, hold connections for less time, or release those that leak'

/** The way to the primary, on which nothing waits for ever. */
export class Primary {
  readonly pool: PgPool
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #probeDeadlineMs: number
  readonly #connecting = new UnderWay()
  /** What runs there; given up when the server has been silent for too long. */
  readonly running: UnderWay = new UnderWay()
  #answeredAtMs: number
  #isSilent = false

  /** @param deadlineMs for a connection, and for the silence of a server on which something runs. */
  constructor(
    pool: PgPool,
    clock: Clock,
    { deadlineMs, probeDeadlineMs }: { readonly deadlineMs: number; readonly probeDeadlineMs: number },
  ) {
    this.pool = pool
    this.#clock = clock
    this.#deadlineMs = deadlineMs
    this.#probeDeadlineMs = probeDeadlineMs
    this.#answeredAtMs = clock.monotonic()
  }

  /**
   * A connection to a server that is the primary.
   *
   * @throws PrimaryUnavailableError if it cannot be had in time.
   * @throws NotPrimaryError if the pool leads to a replica.
   * @throws what the server says to who has come through; `signal.reason`.
   */
  async connect(signal: AbortSignal | undefined): Promise<Checkout> {
    const checkout = await this.#checkOut(signal)
    if (!checkout.facts.inRecovery) return checkout
    checkout.release(true)
    throw new NotPrimaryError()
  }

  /** The server has said something. */
  answered(): void {
    this.#answeredAtMs = this.#clock.monotonic()
    this.#isSilent = false
  }

  /** Gives up what has waited too long; to be called again and again. */
  giveUpLate(): void {
    const nowMs = this.#clock.monotonic()
    this.#connecting.giveUpLate(nowMs)
    this.running.giveUpLate(nowMs)
  }

  /** To be called when the server has left questions unanswered: gives up what runs there, if that is so for long. */
  giveUpIfSilent(): void {
    const silentMs = this.#clock.monotonic() - this.#answeredAtMs
    if (silentMs < this.#deadlineMs) return
    this.#isSilent = true
    this.running.giveUp(new PrimaryUnavailableError(`it has been silent for ${Math.round(silentMs)} ms`))
  }

  async #checkOut(signal: AbortSignal | undefined): Promise<Checkout> {
    const nowMs = this.#clock.monotonic()
    // A circuit breaker: nobody waits long for a server that is known to be silent, but everybody tries.
    const waitMs = this.#isSilent ? Math.min(2 * this.#probeDeadlineMs, this.#deadlineMs) : this.#deadlineMs
    const late = (): Error => {
      const state = `no connection came free within ${waitMs} ms`
      // It answers the probes: only its pool is exhausted.
      if (this.#answeredAtMs > nowMs) return new PrimaryUnavailableError(state, { advice: POOL_ADVICE })
      return new PrimaryUnavailableError(state)
    }
    const attempt = checkOut(this.pool, undefined)
    const abandon = (): void => void attempt.then((checkout) => checkout.release()).catch(() => {})
    try {
      return await this.#connecting.until(attempt, {
        signal,
        deadline: { atMs: nowMs + waitMs, error: late },
        abandon,
      })
    } catch (error) {
      if (signal?.aborted === true || error instanceof QuorateError) throw error
      if (serverFailure(error) !== 'lost') throw error
      throw new PrimaryUnavailableError('no connection could be made', { cause: error })
    }
  }
}
