import type { Clock, Random } from '@quorate/core'

/** One attempt to take a lock. */
export interface LockRequest {
  readonly key: string
  /** Names this attempt and nobody else: what the store compares before it extends or releases. */
  readonly holder: string
  /** How long the store keeps the lock without an extension, ms. */
  readonly ttlMs: number
}

/** What the store needs to find a lock again. */
export interface Holding {
  readonly key: string
  readonly holder: string
}

/** The lock is ours. */
export interface Granted {
  readonly granted: true
  /** Greater than every token given out for this key before; an integer below 2^53. */
  readonly token: number
  /**
   * A reading of the local monotonic clock, ms, from before the store started the lease. The holder
   * counts its lease from here, so that it ends before the store's.
   */
  readonly sinceMs: number
}

/** Somebody else has it. */
export interface Taken {
  readonly granted: false
  /** When the lease ends unless it is extended, ms from now, if the store knows. */
  readonly freeInMs?: number | undefined
}

/** How long and with what to wait. */
export interface Waiting {
  /** Give up at this reading of `clock.monotonic()`. */
  readonly deadlineMs: number
  /** Give up when aborted; reject with its reason. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: Random
}

/**
 * Where locks live. Every method is one atomic step in the store, and its clock decides when a lease
 * ends. Rejects only if the store did not answer or answered with an error; the outcome is unknown then.
 */
export interface LockStore {
  /** Takes the lock if it is free, and mints its token in the same step. `sinceMs` is the caller's to fill. */
  tryAcquire(request: LockRequest): Promise<Omit<Granted, 'sinceMs'> | Taken>

  /**
   * Waits its turn. Only for stores that know a better way than asking again and again; without it
   * the caller asks with jitter. Must leave no place in a queue behind when it gives up.
   *
   * @returns `granted: false` at the deadline.
   */
  waitAcquire?(request: LockRequest, waiting: Waiting): Promise<Granted | Taken>

  /** Starts a new lease of `ttlMs` if `holder` still has the lock. `false`: it is lost. */
  extend(holding: Holding, ttlMs: number): Promise<boolean>

  /** Frees the lock if `holder` still has it. `false`: it was lost, and nothing was changed. */
  release(holding: Holding): Promise<boolean>
}
