// Glossary. Lock: the right to touch what a key names. Lease: a lock that ends by itself after its TTL.
// Token: a number that grows with every grant of a key. Guard: what makes a database refuse an old token.
import type { Clock, EventListener, Random } from '@quorate/core'
import type { LockEvent } from './events.ts'
import type { LockStore } from './store.ts'

/** Options of {@link createLocks}. */
export interface LocksOptions {
  readonly store: LockStore
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  readonly onEvent?: EventListener<LockEvent> | undefined
}

/** Options of {@link Locks.tryAcquire}. */
export interface TryAcquireOptions {
  /**
   * How long the store keeps the lock if nobody extends or releases it, ms, at least 10. Short: a
   * crashed holder blocks others for less time. Long: a slow holder loses it less often. At least
   * twice the longest pause you expect (garbage collection, a slow store).
   */
  readonly ttlMs: number
  /**
   * How much earlier than the TTL the holder considers the lock lost, ms: for the drift between two
   * clocks and for the signal to be acted on. Default 5 % of `ttlMs`, at most 250.
   */
  readonly marginMs?: number | undefined
  /** Extends the lease by itself, every third of the TTL, for `maxHoldMs` at most. Default `false`. */
  readonly autoExtend?: boolean | undefined
  /** With `autoExtend`: no extension later than this after the grant, ms, so that a stuck holder ends. Default 600,000. */
  readonly maxHoldMs?: number | undefined
  /** Gives up; the lock, if it was taken by then, is released. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Locks.acquire}. */
export interface AcquireOptions extends TryAcquireOptions {
  /** How long to wait for a lock that is taken, ms, at most 2^31 - 1. Default 10,000; 0 asks once. */
  readonly waitMs?: number | undefined
}

/** What a guard needs to know of a lock. */
export interface Fence {
  readonly key: string
  /** See {@link Lock.token}. */
  readonly token: number
}

/** A lock that is held, until its deadline at the latest. */
export interface Lock extends Fence, AsyncDisposable {
  /**
   * The fencing token: greater than that of every earlier holder of the key; an integer below 2^53,
   * about the store's time of the grant in µs. Send it with each write, and let the receiver refuse
   * one below the highest it has seen.
   *
   * @throws LockLostError if the deadline has passed, also if the event loop was blocked and no timer could fire.
   */
  readonly token: number
  /** Aborted, with a `LockLostError`, the moment the lock may be lost, and when it is released. */
  readonly signal: AbortSignal
  /** Time left until the deadline, ms; 0 once the lock is lost. */
  readonly remainingMs: number

  /** @throws LockLostError if the lock may be lost. Looks at the clock, waits for nothing. */
  assertHeld(): void

  /**
   * Starts a new lease, longer or shorter. Calls made at once follow one another.
   *
   * @param ttlMs at least 10 and above `marginMs`. Default: the TTL it was acquired with.
   * @throws LockLostError if the lock is lost, also while waiting for the store.
   * @throws LockStoreError if the store failed; the lease runs on to its old deadline, or to that of
   *   the new lease if it is sooner.
   * @throws RangeError for a wrong TTL; nothing was sent.
   */
  extend(ttlMs?: number): Promise<void>

  /**
   * Frees the lock. Of a lost lock, it changes nothing.
   *
   * @returns whether it was still ours. Called again, `false`, once the first call has its answer; or its error.
   * @throws LockStoreError if the store failed, or did not answer within 5 seconds; the lease ends by itself then.
   */
  release(): Promise<boolean>

  /** Releases; a failure is reported as an event only, so that it cannot hide the error of the block. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Hands out locks. */
export interface Locks {
  /**
   * Waits for a lock.
   *
   * @throws LockTimeoutError if it is still taken after `waitMs`.
   * @throws LockStoreError if the store failed, or did not answer within a second after `waitMs`.
   * @throws `signal.reason` when aborted.
   */
  acquire(key: string, options: AcquireOptions): Promise<Lock>

  /**
   * Asks once.
   *
   * @returns `undefined` if the lock is taken.
   * @throws LockStoreError if the store failed or did not answer within the TTL.
   */
  tryAcquire(key: string, options: TryAcquireOptions): Promise<Lock | undefined>

  /**
   * Runs `work` under a lock and releases it, whatever `work` does.
   *
   * @returns what `work` returns.
   * @throws what `acquire()` throws, before `work` started; or what `work` throws.
   */
  withLock<T>(key: string, options: AcquireOptions, work: (lock: Lock) => Promise<T> | T): Promise<T>
}
