import type { Clock, SleepOptions } from './clock.ts'

interface Sleeper {
  readonly atMs: number
  readonly seq: number
  readonly wake: () => void
}

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
  #seq = 0
  #sleepers: Sleeper[] = []

  /** @param startMs what `now()` says at first, ms since the epoch. Default 2024-01-01. */
  constructor(startMs = 1_704_067_200_000) {
    this.#wallOffsetMs = startMs
  }

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs
  }

  monotonic(): number {
    return this.#monotonicMs
  }

  sleep(ms: number, { signal }: SleepOptions = {}): Promise<void> {
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
      const sleeper: Sleeper = { atMs: this.#monotonicMs + Math.max(0, ms), seq: this.#seq++, wake }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** How many sleeps are pending: a test that waits on this clock with nobody moving it can say so. */
  get pending(): number {
    return this.#sleepers.length
  }

  /** When the next sleeper wakes, in ms of `monotonic()`; `undefined` if nobody sleeps. */
  get nextAtMs(): number | undefined {
    return this.#sleepers.reduce<number | undefined>(
      (first, { atMs }) => (first === undefined || atMs < first ? atMs : first),
      undefined,
    )
  }

  /** Moves time on by `ms`, waking all who are due on the way, and lets each run before the next. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`Cannot advance the clock: ms must be 0 or more, got ${ms}`)
    const untilMs = this.#monotonicMs + ms
    await settle()
    for (let next = this.#due(untilMs); next !== undefined; next = this.#due(untilMs)) {
      this.#sleepers = this.#sleepers.filter((other) => other !== next)
      this.#monotonicMs = next.atMs
      next.wake()
      await settle()
    }
    this.#monotonicMs = untilMs
  }

  /** Jumps the wall clock by `ms`, forward or back, as an operator or NTP would; waits are not moved. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms
  }

  #due(untilMs: number): Sleeper | undefined {
    let first: Sleeper | undefined
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs > untilMs) continue
      if (
        first === undefined ||
        sleeper.atMs < first.atMs ||
        (sleeper.atMs === first.atMs && sleeper.seq < first.seq)
      ) {
        first = sleeper
      }
    }
    return first
  }
}

/** Lets promise chains run dry. A macrotask would do it in one go but is not portable to browsers. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
