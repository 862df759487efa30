import type { Clock } from '@quorate/core'

/** One alarm for all deadlines: a timer for each of a hundred thousand requests would cost more than the requests. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #next: { readonly atMs: number; readonly off: AbortController } | undefined

  /** @param ring called at the earliest time that was asked for; then there is none until it is set again. */
  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** @param atMs by the monotonic clock; nothing changes if it rings before that anyway. */
  set(atMs: number): void {
    if (this.#next !== undefined && this.#next.atMs <= atMs) return
    this.off()
    const off = new AbortController()
    const next = { atMs, off }
    this.#next = next
    // Not what keeps a process alive: the statement or the wait for the next attempt does.
    this.#clock.sleep(atMs - this.#clock.monotonic(), { signal: off.signal, ref: false }).then(
      () => {
        // It may have rung in the very turn in which an earlier one was set.
        if (this.#next !== next) return
        this.#next = undefined
        this.#ring()
      },
      () => {},
    )
  }

  off(): void {
    this.#next?.off.abort()
  }
}
