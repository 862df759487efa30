import { type BudgetOptions, budgetOf } from '../budget.ts'

/** What is left of a budget. */
export class Meter {
  readonly #maxBytes: number
  readonly #saidMs: number
  readonly #monotonic: () => number
  readonly #deadlineMs: number
  /** Why it ended; `undefined` while it has not. */
  exhausted: string | undefined

  /** @param saidMs the bound to name when time is up. */
  constructor(options: BudgetOptions, saidMs?: number) {
    const { maxTimeMs, maxBytes, monotonic } = budgetOf(options)
    this.#maxBytes = maxBytes
    this.#saidMs = saidMs ?? maxTimeMs
    this.#monotonic = monotonic
    this.#deadlineMs = monotonic() + maxTimeMs
  }

  get leftMs(): number {
    return Math.max(0, this.#deadlineMs - this.#monotonic())
  }

  /** Another one with the same bounds, or less time, for a step that may be given up without giving up the rest. */
  step(maxTimeMs: number = Infinity): Meter {
    return new Meter(
      {
        maxTimeMs: Math.max(Number.MIN_VALUE, Math.min(this.leftMs, maxTimeMs)),
        maxBytes: this.#maxBytes,
        monotonic: this.#monotonic,
      },
      this.#saidMs,
    )
  }

  /** Is there nothing left, given the bytes that the tables take now? Reads the clock: not for every step. */
  isExhausted(bytes: number): boolean {
    if (this.exhausted !== undefined) return true
    if (bytes > this.#maxBytes) this.exhausted = `the tables reached maxBytes (${this.#maxBytes})`
    else if (this.#monotonic() >= this.#deadlineMs) this.exhausted = `maxTimeMs went by (${this.#saidMs})`
    return this.exhausted !== undefined
  }
}
