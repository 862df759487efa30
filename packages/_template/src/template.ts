import { type Clock, emit, type EventListener, systemClock } from '@quorate/core'

/** Options of {@link Template}. */
export interface TemplateOptions {
  /** How long a value is good, in ms; above 0. Infinity keeps it for ever. */
  readonly ttlMs: number
  /** Default: the system's. Only its monotonic time is read. */
  readonly clock?: Clock | undefined
  /** Told when a value is found to be too old. */
  readonly onEvent?: EventListener<TemplateEvent> | undefined
}

/** What a {@link Template} reports. */
export interface TemplateEvent {
  readonly type: 'expired'
  /** How old the value was, in ms. */
  readonly ageMs: number
}

/**
 * Holds one value until its time to live is over.
 *
 * @example
 * ```ts
 * const price = new Template<number>({ ttlMs: 60_000 })
 * price.set(1995)
 * price.get() // 1995, for a minute
 * ```
 */
export class Template<T> {
  readonly #ttlMs: number
  readonly #clock: Clock
  readonly #onEvent: EventListener<TemplateEvent> | undefined
  #held: { readonly value: T; readonly sinceMs: number } | undefined

  /** @throws RangeError if `ttlMs` is not above 0. */
  constructor({ ttlMs, clock = systemClock, onEvent }: TemplateOptions) {
    if (!(ttlMs > 0)) throw new RangeError(`Cannot hold a value: ttlMs must be above 0, got ${ttlMs}`)
    this.#ttlMs = ttlMs
    this.#clock = clock
    this.#onEvent = onEvent
  }

  /** Holds a value from now on, instead of the one before. */
  set(value: T): void {
    this.#held = { value, sinceMs: this.#clock.monotonic() }
  }

  /** The value, or `undefined` if there is none that is young enough. */
  get(): T | undefined {
    if (this.#held === undefined) return undefined
    const ageMs = this.#clock.monotonic() - this.#held.sinceMs
    if (ageMs < this.#ttlMs) return this.#held.value
    this.#held = undefined
    emit<TemplateEvent>(this.#onEvent, () => ({ type: 'expired', ageMs }))
    return undefined
  }
}
