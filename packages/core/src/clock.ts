/** Options of {@link Clock.sleep}. */
export interface SleepOptions {
  /** Rejects the sleep with `signal.reason`, at once if already aborted. */
  readonly signal?: AbortSignal | undefined
  /** `false` lets the process exit while this sleep is pending. Default `true`. */
  readonly ref?: boolean | undefined
  /**
   * `true`: after a stall of the process this ends before what sockets have received meanwhile is heard, for what
   * must be known before that, as the loss of a lease. Default `false`: after it, as an answer may be among it.
   */
  readonly urgent?: boolean | undefined
}

/**
 * Time, handed in. Two readings that are never mixed: wall time for stamps, monotonic time for waits.
 *
 * @example
 * ```ts
 * const deadlineMs = clock.monotonic() + waitMs
 * await clock.sleep(delayMs, { signal })
 * ```
 */
export interface Clock {
  /** Wall time in ms since the Unix epoch. Can jump backwards: for stamps, never for measuring. */
  now(): number
  /** Monotonic time in ms, with fractions. Only differences mean anything: for waits and leases. */
  monotonic(): number
  /**
   * Resolves after `ms` of monotonic time (0 or less: as soon as possible), maybe later, never before.
   *
   * @throws `signal.reason` if the signal is aborted first. The timer is then gone.
   */
  sleep(ms: number, options?: SleepOptions): Promise<void>
}
