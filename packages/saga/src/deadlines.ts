import type { Clock } from '@quorate/core'

interface Deadline {
  readonly atMs: number
  readonly onDue: () => void
}

/**
 * Time-outs of steps: thousands are set for each one that fires, so they share one timer. Those with
 * the same duration are in order as they are set, so setting and clearing takes constant time.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #closed: AbortSignal
  readonly #byMs = new Map<number, Set<Deadline>>()
  #sleepingUntilMs = Infinity
  #wake = new AbortController()

  constructor(clock: Clock, closed: AbortSignal) {
    this.#clock = clock
    this.#closed = closed
    closed.addEventListener('abort', () => this.#wake.abort(STOP), { once: true })
  }

  /** Calls back after `ms`. @returns how to clear it. */
  set(ms: number, onDue: () => void): () => void {
    const deadline: Deadline = { atMs: this.#clock.monotonic() + ms, onDue }
    let set = this.#byMs.get(ms)
    if (set === undefined) this.#byMs.set(ms, (set = new Set()))
    set.add(deadline)
    if (deadline.atMs < this.#sleepingUntilMs) this.#arm(deadline.atMs)
    return () => set.delete(deadline)
  }

  #arm(atMs: number): void {
    if (this.#closed.aborted) return
    this.#wake.abort(STOP)
    this.#wake = new AbortController()
    this.#sleepingUntilMs = atMs
    this.#clock.sleep(atMs - this.#clock.monotonic(), { signal: this.#wake.signal, ref: false }).then(
      () => this.#fire(),
      () => {}, // Armed anew for an earlier one, or closed.
    )
  }

  #fire(): void {
    const nowMs = this.#clock.monotonic()
    this.#sleepingUntilMs = Infinity
    let nextMs = Infinity
    for (const set of this.#byMs.values()) {
      for (const deadline of set) {
        if (deadline.atMs > nowMs) {
          nextMs = Math.min(nextMs, deadline.atMs)
          break
        }
        set.delete(deadline)
        deadline.onDue()
      }
    }
    if (nextMs < this.#sleepingUntilMs) this.#arm(nextMs)
  }
}

const STOP = new Error('Rearmed')
