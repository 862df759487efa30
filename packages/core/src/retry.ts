import type { Clock } from './clock.ts'
import { outcomeOf, QuorateError, type Outcome } from './errors.ts'
import type { Random } from './random.ts'
import { systemClock, systemRandom } from './system-clock.ts'
import { checkNames, requireFinite } from './validate.ts'

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
  /** Ends the waits at once; handed on to the operation. */
  readonly signal?: AbortSignal | undefined
  /** Default: {@link systemClock}. */
  readonly clock?: Clock | undefined
  /** Default: {@link systemRandom}. */
  readonly random?: Random | undefined
}

/** What each attempt is given. */
export interface AttemptContext {
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Aborted at the deadline (reason: a `TimeoutError`) or with the caller's signal (its reason). */
  readonly signal: AbortSignal
}

/** Every attempt that time and limits allowed has failed; `cause` is the last failure. */
export class RetryExhaustedError extends QuorateError {
  readonly code = 'QUORATE_RETRY_EXHAUSTED'
  /** How many times the operation was called. */
  readonly attempts: number
  /** From the first call until now, ms. */
  readonly elapsedMs: number

  constructor(facts: { attempts: number; elapsedMs: number; outcome: Outcome; cause: unknown }) {
    const { attempts, elapsedMs, outcome } = facts
    super(
      `Cannot finish the operation: attempt ${attempts} failed after ` +
        `${Math.round(elapsedMs)} ms, see cause; ` +
        (outcome === 'unknown'
          ? 'an attempt may have been applied, read back before you repeat it'
          : 'raise maxAttempts or deadlineMs to try longer'),
      facts,
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
 * @throws RangeError if `baseMs` or `maxMs` is not a finite number from 0.
 */
export function fullJitterMs(attempt: number, random: Random, options: BackoffOptions = {}): number {
  const { baseMs = 10, maxMs = 1_000 } = options
  requireFinite('back off', 'baseMs', baseMs)
  requireFinite('back off', 'maxMs', maxMs)
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 64)) // 0 · 2^1024 is not a number
}

/**
 * Calls `operation` until it succeeds, an error is not worth repeating, or time is up. No attempt is
 * started after the deadline, and no wait is begun that would end after it.
 *
 * @param operation an operation that ignores its signal is waited for, also past the deadline.
 * @returns what the first successful attempt returned.
 * @throws RetryExhaustedError when attempts or time ran out. Its outcome is `unknown` if any attempt's
 *   was. Also in place of the two below when they would hide that an earlier attempt's outcome is
 *   `unknown`.
 * @throws the operation's own error when `shouldRetry` says no, or when it failed after an abort: it
 *   knows whether its write was sent.
 * @throws `signal.reason` when aborted before the first attempt or in a wait between two.
 * @throws TypeError for an unknown option.
 * @throws RangeError for `maxAttempts` below 1, `deadlineMs` not above 0, or a negative wait.
 *
 * @example
 * ```ts
 * const row = await retry(() => repository.save(order), { deadlineMs: 2_000, signal })
 * ```
 */
export async function retry<T>(
  operation: (context: AttemptContext) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  checkNames('retry', options, OPTIONS)
  const { clock = systemClock, random = systemRandom, signal, deadlineMs = 10_000 } = options
  const { maxAttempts = Infinity, shouldRetry = isNotApplied } = options
  validate(maxAttempts, deadlineMs)
  fullJitterMs(0, () => 0, options) // wrong options are found before the first attempt
  signal?.throwIfAborted()

  const startMs = clock.monotonic()
  const elapsedMs = (): number => clock.monotonic() - startMs
  // Made when an attempt first asks for it: a controller and a timer cost more than a fast call.
  let watch: Watch | undefined
  const watched = (): AbortSignal => {
    watch ??= watchDeadline(clock, signal, deadlineMs, deadlineMs - elapsedMs())
    return watch.signal
  }
  const late = (extraMs: number): boolean =>
    watch?.signal.aborted === true || elapsedMs() + extraMs >= deadlineMs

  let outcome: Outcome = 'not-applied'
  const exhausted = (attempts: number, cause: unknown): RetryExhaustedError =>
    new RetryExhaustedError({ attempts, elapsedMs: elapsedMs(), outcome, cause })
  try {
    for (let attempt = 1; ; attempt++) {
      let failure: unknown
      try {
        return await operation({
          attempt,
          get signal() {
            return watched()
          },
        })
      } catch (error) {
        failure = error
      }
      const own = outcomeOf(failure)
      const hidden = outcome === 'unknown' && own === 'not-applied'
      if (own === 'unknown') outcome = 'unknown'
      const final = signal?.aborted === true || (!late(0) && !shouldRetry(failure, attempt))
      if (final) throw hidden ? exhausted(attempt, failure) : failure

      const waitMs = fullJitterMs(attempt - 1, random, options)
      if (attempt >= maxAttempts || late(waitMs)) throw exhausted(attempt, failure)
      try {
        await clock.sleep(waitMs, { signal })
      } catch (reason) {
        throw outcome === 'unknown' ? exhausted(attempt, reason) : reason
      }
      if (late(0)) throw exhausted(attempt, failure) // the machine slept longer than it was asked to
    }
  } finally {
    watch?.release()
  }
}

interface Watch {
  readonly signal: AbortSignal
  readonly release: () => void
}

/** A signal that follows the caller's and is aborted at the deadline, until released. */
function watchDeadline(
  clock: Clock,
  signal: AbortSignal | undefined,
  deadlineMs: number,
  leftMs: number,
): Watch {
  const stop = new AbortController()
  const done = new AbortController()
  const onAbort = (): void => stop.abort(signal?.reason)
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  clock.sleep(leftMs, { signal: done.signal, ref: false }).then(
    () => stop.abort(new DOMException(`Deadline of ${deadlineMs} ms passed`, 'TimeoutError')),
    () => {},
  )
  return {
    signal: stop.signal,
    release: () => {
      signal?.removeEventListener('abort', onAbort)
      done.abort()
    },
  }
}

const OPTIONS = ['maxAttempts', 'deadlineMs', 'baseMs', 'maxMs', 'shouldRetry', 'signal', 'clock', 'random']

const isNotApplied = (error: unknown): boolean => outcomeOf(error) === 'not-applied'

function validate(maxAttempts: number, deadlineMs: number): void {
  if (!(maxAttempts >= 1) || (maxAttempts !== Infinity && !Number.isInteger(maxAttempts))) {
    throw new RangeError(`Cannot retry: maxAttempts must be a whole number from 1, got ${maxAttempts}`)
  }
  if (typeof deadlineMs !== 'number' || !(deadlineMs > 0))
    throw new RangeError(`Cannot retry: deadlineMs must be above 0, got ${deadlineMs}`)
}
