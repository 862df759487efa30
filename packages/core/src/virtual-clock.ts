import type { Clock, SleepOptions } from './clock.ts'
import { promisesSettled, systemClock } from './system-clock.ts'
import { requireFinite } from './validate.ts'

interface Sleeper {
  readonly atMs: number
  /** `false` for a guard, such as a deadline, that nobody waits for. */
  readonly ref: boolean
  readonly wake: () => void
}

/** Options of {@link VirtualClock}. */
export interface VirtualClockOptions {
  /**
   * Told once, if somebody sleeps on this clock for a second of real time and it was never moved: the
   * usual reason why a test hangs. Sleeps with `ref: false` do not count. Default `console.warn`.
   */
  readonly onStuck?: ((message: string) => void) | undefined
}

const STUCK_AFTER_MS = 1_000

/**
 * A clock that stands still until a test moves it. Sleepers wake in order of their time, those of
 * one time in the order they came, and each may sleep again before the next one wakes.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock()
 * const done = clock.sleep(5_000)
 * await clock.advance(5_000)
 * await done
 * ```
 */
export class VirtualClock implements Clock {
  #monotonicMs = 0
  #wallOffsetMs: number
  #moved = false
  #sleepers: Sleeper[] = []
  #advancing: Promise<void> = Promise.resolve()
  #watching = false
  #onStuck: (message: string) => void

  /** @param startMs what `now()` says at first, ms since the epoch. Default 2024-01-01. */
  constructor(startMs = 1_704_067_200_000, { onStuck }: VirtualClockOptions = {}) {
    this.#wallOffsetMs = startMs
    this.#onStuck = onStuck ?? ((message) => console.warn(message))
  }

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs
  }

  monotonic(): number {
    return this.#monotonicMs
  }

  sleep(ms: number, { signal, ref = true }: SleepOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
        reject(signal?.reason)
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const sleeper: Sleeper = { atMs: this.#monotonicMs + (ms > 0 ? ms : 0), ref, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', onAbort, { once: true })
      if (ref && !this.#moved && !this.#watching) void this.#watchForStuckTest()
    })
  }

  /** How many sleeps are pending. */
  get pending(): number {
    return this.#sleepers.length
  }

  /** When the next sleeper wakes, in ms of `monotonic()`; `undefined` if nobody sleeps. */
  get nextAtMs(): number | undefined {
    return this.#next(Infinity)?.atMs
  }

  /**
   * Moves time on by `ms`, waking all who are due on the way, and lets each run until it waits for
   * time or I/O before the next one wakes. Calls made meanwhile move on from there, one after the other.
   *
   * @throws RangeError if `ms` is not a finite number from 0.
   */
  async advance(ms: number): Promise<void> {
    requireFinite('advance the clock', 'ms', ms)
    this.#advancing = this.#advancing.then(() => this.#moveBy(ms))
    await this.#advancing
  }

  /** Jumps the wall clock by `ms`, forward or back, as an operator or NTP would; waits are not moved. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms
  }

  async #moveBy(ms: number): Promise<void> {
    this.#moved = true
    const untilMs = this.#monotonicMs + ms
    await promisesSettled()
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#sleepers = this.#sleepers.filter((other) => other !== next)
      this.#monotonicMs = next.atMs
      next.wake()
      await promisesSettled()
    }
    this.#monotonicMs = untilMs
  }

  /** The next to wake no later than `untilMs`. */
  #next(untilMs: number): Sleeper | undefined {
    let first: Sleeper | undefined
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs > untilMs) continue
      // The list is in the order they came, so the first of one time stays.
      if (first === undefined || sleeper.atMs < first.atMs) first = sleeper
    }
    return first
  }

  async #watchForStuckTest(): Promise<void> {
    this.#watching = true
    await systemClock.sleep(STUCK_AFTER_MS, { ref: false })
    // Moved once, the test knows this clock; what still sleeps may belong to a test that is over.
    const { length } = this.#sleepers.filter(({ ref }) => ref)
    if (this.#moved) return
    if (length === 0) {
      this.#watching = false
      return
    }
    const nextInMs = (this.nextAtMs ?? 0) - this.#monotonicMs
    this.#onStuck(
      `VirtualClock: ${length} pending, the next in ${nextInMs} ms, and nobody has moved the clock ` +
        `in ${STUCK_AFTER_MS} ms of real time; call advance(), or use systemClock`,
    )
  }
}
