import { type BudgetOptions, budgetOf } from '../budget.ts'

/** The budget has ended; `reason` becomes that of the result. */
export class OutOfBudget extends Error {}

/** Watches a budget. */
export class Meter {
  readonly #monotonic: () => number
  readonly #maxTimeMs: number
  readonly #maxBytes: number
  readonly #startMs: number
  #bytes = 0
  #steps = 0

  constructor(options: BudgetOptions) {
    const { maxTimeMs, maxBytes, monotonic } = budgetOf(options)
    this.#monotonic = monotonic
    this.#maxTimeMs = maxTimeMs
    this.#maxBytes = maxBytes
    this.#startMs = monotonic()
  }

  /** Reserved and not yet freed. */
  get bytes(): number {
    return this.#bytes
  }

  /** Call when all tables are gone that were reserved since {@link bytes} was `bytes`. */
  freeTo(bytes: number): void {
    this.#bytes = bytes
  }

  /** Call before a table is made. @throws OutOfBudget */
  reserve(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes <= this.#maxBytes) return
    const mebibytes = Math.ceil(this.#bytes / 2 ** 20)
    throw new OutOfBudget(`its tables take ${mebibytes} MiB, and maxBytes allows ${this.#maxBytes} bytes`)
  }

  /** Call once per step of a loop. @throws OutOfBudget */
  step(): void {
    if ((++this.#steps & 0x3fff) === 0) this.checkTime()
  }

  /** @throws OutOfBudget */
  checkTime(): void {
    if (this.#monotonic() - this.#startMs > this.#maxTimeMs)
      throw new OutOfBudget(`it took longer than maxTimeMs, ${this.#maxTimeMs} ms`)
  }
}
