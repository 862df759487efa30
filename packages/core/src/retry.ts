import type { Clock } from './clock.ts'
import { outcomeOf, QuorateError, type Outcome } from './errors.ts'
import type { Random } from './random.ts'
import { systemClock, systemRandom } from './system-clock.ts'

/** The shape of the waits between attempts. */
export interface BackoffOptions {
  /** Upper bound of the first wait, ms; doubles with each attempt. Default 10. */
  readonly baseMs?: number | undefined
  /** No wait is longer than this, ms. Default 1,000. */
  readonly maxMs?: number | undefined
}

/** Options of {@link retry}. */
export interface RetryOptions extends BackoffOptions {
  /** Calls in all, the first included; at least 1. Default: no limit but the deadline. */
  readonly maxAttempts?: number | undefined
  /** Time for all attempts and waits together, ms of the monotonic clock. Default 10,000. */
  readonly deadlineMs?: number | undefined
  /** Which errors are worth another attempt. Default: those whose outcome is `not-applied`. */
  readonly shouldRetry?: ((error: unknown, attempt: number) => boolean) | undefined
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** Every attempt that time and limits allowed has failed; `cause` is the last failure. */
export class RetryExhaustedError extends QuorateError {
  readonly code = 'QUORATE_RETRY_EXHAUSTED'
  readonly attempts: number
  readonly elapsedMs: number

  constructor(facts: { attempts: number; elapsedMs: number; outcome: Outcome; cause: unknown }) {
    const { attempts, elapsedMs, outcome, cause } = facts
    super(
      `Cannot finish the operation: ${attempts} attempts failed within ${Math.round(elapsedMs)} ms; ` +
        `see cause for the last failure, raise maxAttempts or deadlineMs to try longer`,
      { outcome, cause },
    )
    this.attempts = attempts
    this.elapsedMs = elapsedMs
  }
}

/**
 * A wait drawn uniformly from [0, min(maxMs, baseMs · 2^attempt)): "full jitter", which spreads
 * contending clients best (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 *
 * @param attempt 0 before the first repeat.
 * @returns ms to wait.
 */
export function fullJitterMs(attempt: number, random: Random, options: BackoffOptions = {}): number {
  const { baseMs = 10, maxMs = 1_000 } = options
  return random() * Math.min(maxMs, baseMs * 2 ** attempt)
}

/**
 * Calls `operation` until it succeeds, an error is not worth repeating, or time is up.
 *
 * @param operation gets the number of the attempt (1 first) and a signal that is aborted at the
 *   deadline or with the caller's signal. An operation that ignores the signal is waited for.
 * @returns what the first successful attempt returned.
 * @throws RetryExhaustedError when attempts or time ran out; its outcome is `unknown` if any attempt's was.
 * @throws the operation's own error when `shouldRetry` says no.
 * @throws `signal.reason` when aborted while waiting between attempts.
 *
 * @example
 * ```ts
 * const row = await retry(() => repository.save(order), { deadlineMs: 2_000, signal })
 * ```
 */
export async function retry<T>(
  operation: (context: { readonly attempt: number; readonly signal: AbortSignal }) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { clock = systemClock, random = systemRandom, signal, deadlineMs = 10_000 } = options
  const { maxAttempts = Infinity, shouldRetry = isNotApplied } = options
  validate(maxAttempts, deadlineMs)
  signal?.throwIfAborted()

  const startMs = clock.monotonic()
  const timeout = new AbortController()
  const done = new AbortController()
  const deadline = clock.sleep(deadlineMs, { signal: done.signal, ref: false }).then(
    () => timeout.abort(new DOMException(`Deadline of ${deadlineMs} ms passed`, 'TimeoutError')),
    () => {},
  )
  const attemptSignal = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal])
  let outcome: Outcome = 'not-applied'
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await operation({ attempt, signal: attemptSignal })
      } catch (error) {
        if (outcomeOf(error) === 'unknown') outcome = 'unknown'
        const elapsedMs = clock.monotonic() - startMs
        const waitMs = fullJitterMs(attempt - 1, random, options)
        if (signal?.aborted !== true && !timeout.signal.aborted && !shouldRetry(error, attempt)) throw error
        signal?.throwIfAborted()
        if (attempt >= maxAttempts || elapsedMs + waitMs >= deadlineMs) {
          throw new RetryExhaustedError({ attempts: attempt, elapsedMs, outcome, cause: error })
        }
        await clock.sleep(waitMs, { signal })
      }
    }
  } finally {
    done.abort()
    await deadline
  }
}

const isNotApplied = (error: unknown): boolean => outcomeOf(error) === 'not-applied'

function validate(maxAttempts: number, deadlineMs: number): void {
  if (!(maxAttempts >= 1))
    throw new RangeError(`Cannot retry: maxAttempts must be at least 1, got ${maxAttempts}`)
  if (!(deadlineMs > 0)) throw new RangeError(`Cannot retry: deadlineMs must be above 0, got ${deadlineMs}`)
}
