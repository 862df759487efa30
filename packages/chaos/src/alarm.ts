import type { Clock } from '@quorate/core'

/** One timer that can be moved or taken back, on any clock. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #atMs: number | undefined
  #current: AbortController | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at `atMs` of the monotonic clock, and no longer at the time set before. */
  set(atMs: number): void {
    if (this.#atMs === atMs) return
    this.cancel()
    const current = new AbortController()
    this.#current = current
    this.#atMs = atMs
    const ring = (): void => {
      if (this.#current !== current) return
      this.#current = undefined
      this.#atMs = undefined
      this.#ring()
    }
    this.#clock.sleep(atMs - this.#clock.monotonic(), { signal: current.signal }).then(ring, () => {})
  }

  cancel(): void {
    this.#current?.abort()
    this.#current = undefined
    this.#atMs = undefined
  }
}
