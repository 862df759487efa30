import { brand } from '../errors.ts'
import { HLC_MAX_MS } from '../hlc-timestamp.ts'
import type { HlcReservation } from '../hybrid-logical-clock.ts'
import { systemNow } from '../system-clock.ts'

/** Options of {@link reserveStamps}. */
export interface ReserveStampsOptions {
  /** What `store` was given last, read back after a restart, ms. Default 0: nothing was ever stored. */
  readonly storedMs?: number | undefined
  /**
   * Stores a bound, in place of the one before. It must be on disk when this returns, or when its promise
   * resolves. Never called again before it has ended.
   */
  readonly store: (untilMs: number) => void | PromiseLike<void>
  /**
   * How far ahead of the clock a bound is, ms. Default 250: four to eight times a second at most is something
   * stored. After a restart the clock may be this far ahead of the wall clock, so keep it, together with the
   * error of the wall clocks, below the `maxDriftMs` of the others.
   */
  readonly aheadMs?: number | undefined
  /** Wall time, as the clock has it. Default: the machine's. */
  readonly now?: (() => number) | undefined
}

/**
 * No stamp can be made now, because a clock that restarts could make it a second time: the time up to which
 * stamps may be issued is not stored yet, or storing it failed (then `cause` says why). The clock is as it was.
 * `await reservation.ready()`, then try again.
 */
export class StampsNotReservedError extends Error {
  readonly code = 'QUORATE_CLOCK_NOT_RESERVED'
  readonly outcome = 'not-applied'
  /** The time of the stamp that was not made. */
  declare readonly ms: number
  /** Stamps below this time may be made. */
  declare readonly reservedMs: number

  constructor(ms: number, reservedMs: number, cause: unknown) {
    super(
      `Cannot make a stamp of ${ms}: only those below ${reservedMs} are reserved; ` +
        'await ready() of the reservation, then try again',
      cause === undefined ? {} : { cause },
    )
    brand(this, 'StampsNotReservedError', { ms, reservedMs })
  }
}

/** Guards the restarts of one clock; see {@link reserveStamps}. */
export class StampReservation implements HlcReservation {
  readonly floorMs: number
  readonly #store: (untilMs: number) => void | PromiseLike<void>
  readonly #aheadMs: number
  readonly #now: () => number
  #reservedMs: number
  /** The highest time that was asked for. */
  #wantedMs: number
  #storing: Promise<void> | undefined
  #failure: unknown

  /** @internal Use `reserveStamps`. */
  constructor({ storedMs = 0, store, aheadMs = 250, now = systemNow }: ReserveStampsOptions) {
    if (!Number.isInteger(storedMs) || storedMs < 0 || storedMs > HLC_MAX_MS) {
      throw new RangeError(`storedMs must be whole ms since 1970, below 2^48; got ${storedMs}`)
    }
    if (!(aheadMs >= 1 && aheadMs <= HLC_MAX_MS)) {
      throw new RangeError(`aheadMs must be 1 or more, got ${aheadMs}`)
    }
    this.floorMs = storedMs
    this.#reservedMs = storedMs
    this.#wantedMs = storedMs
    this.#store = store
    this.#aheadMs = aheadMs
    this.#now = now
  }

  /** Stamps below this time, ms, may be made without asking. */
  get reservedMs(): number {
    return this.#reservedMs
  }

  claim(ms: number): void {
    this.#wantedMs = Math.max(this.#wantedMs, ms)
    // Begins while half is left, so that a clock in use hardly ever has to wait for a disk.
    if (ms + this.#aheadMs / 2 >= this.#reservedMs && this.#storing === undefined) this.#ask(ms)
    if (ms >= this.#reservedMs) throw new StampsNotReservedError(ms, this.#reservedMs, this.#failure)
  }

  /**
   * Resolves when stamps can be made: await it once after the start, and after a {@link StampsNotReservedError}.
   *
   * @throws StampsNotReservedError if `store` failed, with the reason as `cause`. Nothing is lost, call it again.
   */
  async ready(): Promise<void> {
    const ms = Math.max(this.#wantedMs, Math.floor(this.#now()))
    while (ms >= this.#reservedMs) {
      // A question that is under way may have been for less, or fail; an own one decides.
      const asks = this.#storing === undefined
      if (asks) this.#ask(ms)
      await this.#storing
      if (asks && ms >= this.#reservedMs)
        throw new StampsNotReservedError(ms, this.#reservedMs, this.#failure)
    }
  }

  #ask(ms: number): void {
    const untilMs = Math.min(Math.floor(ms + this.#aheadMs), HLC_MAX_MS)
    const stored = (): void => {
      this.#failure = undefined
      this.#reservedMs = Math.max(this.#reservedMs, untilMs)
    }
    try {
      const answer = this.#store(untilMs)
      if (answer === undefined) return stored()
      // What fails is told by the next claim() that needs it, or by ready().
      this.#storing = Promise.resolve(answer)
        .then(stored, (error: unknown) => void (this.#failure = error))
        .finally(() => (this.#storing = undefined))
    } catch (error) {
      this.#failure = error
    }
  }
}

/**
 * Guards a hybrid clock against restarts without a write for each stamp, as CockroachDB does: a time ahead of the
 * clock is stored, stamps are made below it only, and after a restart the clock begins there. Without a guard, a
 * clock that restarts while the wall clock has stepped back makes stamps again that it has made before.
 *
 * @throws RangeError for times out of range.
 *
 * @example
 * ```ts
 * const reservation = reserveStamps({ storedMs: await readBound(), store: writeBound })
 * const clock = new HybridLogicalClock({ node: 'eu-1', reservation })
 * await reservation.ready()
 * clock.now()
 * ```
 */
export function reserveStamps(options: ReserveStampsOptions): StampReservation {
  return new StampReservation(options)
}
