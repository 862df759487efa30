import type { Clock, SleepOptions } from '@quorate/core'

/** Options of {@link skewedClock}. */
export interface SkewOptions {
  /** How far the wall clock is off, ms; negative is behind. Default 0. */
  readonly skewMs?: number | undefined
  /** How much too fast it runs, millionths; negative is too slow, above -1,000,000. Default 0. Quartz is off by up to 100. */
  readonly driftPpm?: number | undefined
}

/** A clock that is wrong in a way a test decides. */
export interface SkewedClock extends Clock {
  /** How far `now()` is off at the moment, ms, drift included. */
  readonly offByMs: number
  /** How much too fast it runs now, millionths. */
  readonly driftPpm: number
  /** Sets the wall clock off by `skewMs` more, as an operator or a leap of NTP does; waits are not moved. */
  jump(ms: number): void
  /** Runs too fast or too slow from now on. A sleep that is pending keeps its end. */
  drift(driftPpm: number): void
}

/**
 * A clock that is ahead or behind, and runs too fast or too slow, measured against another one.
 * Skew moves `now()` only; drift moves `now()`, `monotonic()` and the length of `sleep()`, as a wrong
 * quartz would: one that runs too fast wakes sleepers too early.
 *
 * @throws RangeError if a number is not finite, or the clock would stand still or run backwards.
 */
export function skewedClock(base: Clock, { skewMs = 0, driftPpm = 0 }: SkewOptions = {}): SkewedClock {
  return new DriftingClock(base, skewMs, driftPpm)
}

class DriftingClock implements SkewedClock {
  readonly #base: Clock
  #driftPpm = 0
  /** Where the base stood when the rate last changed, and how far this clock was from it then. */
  #sinceMs: number
  #driftedMs = 0
  #skewMs = 0

  constructor(base: Clock, skewMs: number, driftPpm: number) {
    this.#base = base
    this.#sinceMs = base.monotonic()
    this.jump(skewMs)
    this.drift(driftPpm)
  }

  get offByMs(): number {
    return this.#skewMs + this.#drifted()
  }

  get driftPpm(): number {
    return this.#driftPpm
  }

  now(): number {
    return this.#base.now() + this.offByMs
  }

  monotonic(): number {
    return this.#base.monotonic() + this.#drifted()
  }

  sleep(ms: number, options?: SleepOptions): Promise<void> {
    return this.#base.sleep(ms / (1 + this.#driftPpm / 1_000_000), options)
  }

  jump(ms: number): void {
    if (!Number.isFinite(ms)) throw new RangeError(`Cannot jump the clock: ms must be finite, got ${ms}`)
    this.#skewMs += ms
  }

  drift(driftPpm: number): void {
    if (!Number.isFinite(driftPpm) || driftPpm <= -1_000_000) {
      throw new RangeError(
        `Cannot let the clock drift: driftPpm must be above -1000000 and finite, got ${driftPpm}`,
      )
    }
    this.#driftedMs = this.#drifted()
    this.#sinceMs = this.#base.monotonic()
    this.#driftPpm = driftPpm
  }

  #drifted(): number {
    return this.#driftedMs + ((this.#base.monotonic() - this.#sinceMs) * this.#driftPpm) / 1_000_000
  }
}
