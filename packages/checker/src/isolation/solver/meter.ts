import { type BudgetOptions, budgetOf } from '../../budget.ts'

/** Watches a {@link BudgetOptions}; once spent it stays spent. */
export class Meter {
  /** Why it is spent. */
  reason: string | undefined
  /** The most bytes that were in use at one time. */
  peakBytes = 0
  readonly #monotonic: () => number
  readonly #start: number
  readonly #maxTimeMs: number
  readonly #maxBytes: number
  #bytes = 0
  #parent: Meter | undefined

  constructor(options: BudgetOptions) {
    const { maxTimeMs, maxBytes, monotonic } = budgetOf(options)
    this.#monotonic = monotonic
    this.#maxTimeMs = maxTimeMs
    this.#maxBytes = maxBytes
    this.#start = this.#monotonic()
  }

  get elapsedMs(): number {
    return this.#monotonic() - this.#start
  }

  get remainingMs(): number {
    return this.#maxTimeMs - this.elapsedMs
  }

  /** Bytes that the budget still has room for. */
  get freeBytes(): number {
    return this.#maxBytes - this.#bytes
  }

  /** A meter for a side task: it has what is left, at most `maxTimeMs`. Its tables count here while it is in use, not after. */
  sub(maxTimeMs: number): Meter {
    const meter = new Meter({
      maxTimeMs: Math.max(Number.MIN_VALUE, Math.min(maxTimeMs, this.remainingMs)),
      maxBytes: Math.max(Number.MIN_VALUE, this.freeBytes),
      monotonic: this.#monotonic,
    })
    meter.#parent = this
    return meter
  }

  /** Takes room for a table. `false`: there is none, and the meter is spent. */
  take(bytes: number): boolean {
    this.#bytes += bytes
    this.#notePeak(this.#bytes)
    if (this.#bytes <= this.#maxBytes) return true
    this.reason ??= `the memory budget of ${this.#maxBytes} bytes is spent`
    return false
  }

  #notePeak(bytes: number): void {
    if (bytes <= this.peakBytes) return
    this.peakBytes = bytes
    const parent = this.#parent
    if (parent !== undefined) parent.#notePeak(parent.#bytes + bytes)
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }

  /** Asks the clock: call it once per thousands of steps. */
  isSpent(): boolean {
    if (this.reason === undefined && this.elapsedMs > this.#maxTimeMs)
      this.reason = `the time budget of ${this.#maxTimeMs} ms is spent`
    return this.reason !== undefined
  }
}
