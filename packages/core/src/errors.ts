/** Shared by all copies of this package, where `instanceof` is not. */
const BRAND = Symbol.for('quorate.error')

/**
 * Did the write happen?
 * - `not-applied`: it did not, and will not. Safe to repeat.
 * - `unknown`: it may have happened, or may still happen. Read back before repeating.
 */
export type Outcome = 'not-applied' | 'unknown'

/** Facts every Quorate error carries. */
export interface QuorateErrorOptions {
  readonly outcome: Outcome
  /** What lay behind it, for example the driver's error. */
  readonly cause?: unknown
}

/**
 * The base of every error Quorate throws on purpose. `code` is the contract; messages may change.
 * A subclass is one failure that a caller can act on, with its facts as fields.
 *
 * @example
 * ```ts
 * if (isQuorateError(error) && error.outcome === 'not-applied') return tryAgain()
 * ```
 */
export abstract class QuorateError extends Error {
  /** Stable name of the failure, documented on the errors page. */
  abstract readonly code: `QUORATE_${string}`
  /** Did the write happen? */
  readonly outcome: Outcome

  constructor(message: string, { outcome, cause }: QuorateErrorOptions) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.outcome = outcome
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** True for any Quorate error, also one made by another copy of the package (`instanceof` would miss it). */
export function isQuorateError(error: unknown): error is QuorateError {
  return typeof error === 'object' && error !== null && BRAND in error
}

/**
 * The outcome an error admits to: a Quorate error's own, `unknown` for anything else,
 * because a foreign error does not say that nothing was written.
 */
export function outcomeOf(error: unknown): Outcome {
  return isQuorateError(error) ? error.outcome : 'unknown'
}

/** A bug in our own code, not an error to handle: it crashes the operation with what was expected. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant, please report it: ${message}`)
}
