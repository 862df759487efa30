import type { Clock } from '@quorate/core'

/** What ends at a time. */
export interface Timed {
  /** By the monotonic clock. */
  readonly atMs: number
  /** Called once, when that has come; never too early. */
  passed(): void
}

/** It wakes so often while there is something to end, and once more. No timer is ever cancelled. */
const TICK_MS = 50

/** One timer for all that end at a time: a timer for each is a tenth of what a transaction costs. */
class Sweeper {
  readonly #clock: Clock
  readonly #all = new Set<Timed>()
  #wakeAtMs = Infinity
  #turn = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(one: Timed): void {
    this.#all.add(one)
    if (one.atMs < this.#wakeAtMs) this.#sleepUntil(one.atMs)
  }

  remove(one: Timed): void {
    this.#all.delete(one)
  }

  #sleepUntil(atMs: number): void {
    const nowMs = this.#clock.monotonic()
    this.#wakeAtMs = Math.min(atMs, nowMs + TICK_MS)
    const turn = ++this.#turn
    this.#clock.sleep(this.#wakeAtMs - nowMs).then(
      () => {
        if (turn === this.#turn) this.#sweep() // else one that comes earlier took its place
      },
      () => {},
    )
  }

  #sweep(): void {
    this.#wakeAtMs = Infinity
    const nowMs = this.#clock.monotonic()
    let nextMs = Infinity
    for (const one of this.#all) {
      if (one.atMs > nowMs) {
        nextMs = Math.min(nextMs, one.atMs)
        continue
      }
      this.#all.delete(one)
      one.passed()
    }
    if (nextMs < this.#wakeAtMs) this.#sleepUntil(nextMs)
  }
}

const sweepers = new WeakMap<Clock, Sweeper>()

export function sweeperOf(clock: Clock): Sweeper {
  let sweeper = sweepers.get(clock)
  if (sweeper === undefined) sweepers.set(clock, (sweeper = new Sweeper(clock)))
  return sweeper
}
