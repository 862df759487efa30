import {
  emit,
  invariant,
  systemClock,
  systemRandom,
  waitOrAbort,
  type Clock,
  type Random,
} from '@quorate/core'
import { checkNumber, checkOptions, hasMethods, shown } from './check-options.ts'
import { checkTtl, MAX_MS } from './check-ttl.ts'
import { LockStoreError, LockTimeoutError } from './errors.ts'
import type { LockEvent } from './events.ts'
import { HeldLock } from './held-lock.ts'
import { retryAcquire } from './retry-acquire.ts'
import type { Granted, LockRequest, Taken, Waiting } from './store.ts'
import type { AcquireOptions, Lock, Locks, LocksOptions, TryAcquireOptions } from './types.ts'

/**
 * Hands out locks from a store.
 *
 * @throws TypeError without a store, or for an unknown option.
 *
 * @example
 * ```ts
 * const locks = createLocks({ store: redisLockStore(redis) })
 * await using lock = await locks.acquire('payout:42', { ttlMs: 10_000, waitMs: 2_000 })
 * ```
 */
export function createLocks(options: LocksOptions): Locks {
  checkOptions('make locks', options, ['store', 'clock', 'random', 'onEvent'])
  if (!hasMethods(options.store, ['tryAcquire', 'extend', 'release'])) {
    throw new TypeError(
      `Cannot make locks: store must be a LockStore, got ${shown(options.store)}; ` +
        'pass redisLockStore(redis), postgresLockStore(pool) or memoryLockStore()',
    )
  }
  return new LockFactory(options)
}

/** `tryAcquire()` takes what `acquire()` does, as its type does: `waitMs` does nothing there. */
const OPTIONS: readonly (keyof AcquireOptions)[] = [
  'ttlMs',
  'waitMs',
  'marginMs',
  'autoExtend',
  'maxHoldMs',
  'signal',
]

/** How long after `waitMs` the store's last answer may come. */
const GRACE_MS = 1_000

class LockFactory implements Locks {
  readonly #options: LocksOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #process: string
  #acquisitions = 0

  constructor(options: LocksOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    const part = (): string => Math.floor(this.#random() * 2 ** 52).toString(36)
    this.#process = `${part()}${part()}`
  }

  async acquire(key: string, options: AcquireOptions): Promise<Lock> {
    checkKey(key)
    checkOptions(`acquire lock ${key}`, options, OPTIONS)
    const { waitMs = 10_000 } = options
    checkNumber(`acquire lock ${key}`, 'waitMs', waitMs)
    if (!(waitMs >= 0 && waitMs <= MAX_MS)) {
      throw new RangeError(`Cannot acquire lock ${key}: waitMs must be from 0 to ${MAX_MS}, got ${waitMs}`)
    }
    const startMs = this.#clock.monotonic()
    const lock = await this.#acquire(key, options, waitMs)
    if (lock !== undefined) return lock
    const waitedMs = this.#clock.monotonic() - startMs
    emit<LockEvent>(this.#options.onEvent, () => ({ type: 'timeout', key, waitedMs }))
    throw new LockTimeoutError({ key, waitMs })
  }

  async tryAcquire(key: string, options: TryAcquireOptions): Promise<Lock | undefined> {
    checkKey(key)
    checkOptions(`acquire lock ${key}`, options, OPTIONS)
    return this.#acquire(key, options, 0)
  }

  async withLock<T>(key: string, options: AcquireOptions, work: (lock: Lock) => Promise<T> | T): Promise<T> {
    await using lock = await this.acquire(key, options)
    return await work(lock)
  }

  async #acquire(key: string, options: TryAcquireOptions, waitMs: number): Promise<Lock | undefined> {
    const settings = checked(key, options)
    const { signal } = options
    signal?.throwIfAborted()
    const startMs = this.#clock.monotonic()
    const request: LockRequest = {
      key,
      holder: `${this.#process}-${this.#acquisitions++}`,
      ttlMs: settings.ttlMs,
    }
    // An answer that takes longer than the lease is worth nothing. Who waits for others expects to hear
    // soon after waitMs, also if the store has stopped answering.
    const limitMs = waitMs === 0 ? settings.ttlMs : waitMs + Math.min(settings.ttlMs, GRACE_MS)
    const answer = await this.#bounded(request, signal, limitMs, (stop) =>
      this.#ask(request, waitMs, startMs, stop),
    )
    if (!answer.granted) return undefined

    invariant(Number.isSafeInteger(answer.token), `token of ${key} is a safe integer, got ${answer.token}`)
    const lock = new HeldLock({
      store: this.#options.store,
      clock: this.#clock,
      random: this.#random,
      onEvent: this.#options.onEvent,
      holding: { key, holder: request.holder },
      token: answer.token,
      sinceMs: answer.sinceMs,
      ...settings,
    })
    emit<LockEvent>(this.#options.onEvent, () => ({
      type: 'acquired',
      key,
      token: answer.token,
      waitedMs: this.#clock.monotonic() - startMs,
    }))
    return lock
  }

  async #ask(
    request: LockRequest,
    waitMs: number,
    startMs: number,
    signal: AbortSignal,
  ): Promise<Granted | Taken> {
    const { store } = this.#options
    if (waitMs === 0) {
      const answer = await store.tryAcquire(request)
      return answer.granted ? { ...answer, sinceMs: startMs } : answer
    }
    const waiting: Waiting = {
      deadlineMs: startMs + waitMs,
      signal,
      clock: this.#clock,
      random: this.#random,
    }
    return store.waitAcquire === undefined
      ? retryAcquire(store, request, waiting)
      : store.waitAcquire(request, waiting)
  }

  /** Runs one acquisition against the caller's signal and a time limit; what is granted too late is given back. */
  async #bounded(
    request: LockRequest,
    signal: AbortSignal | undefined,
    limitMs: number,
    ask: (stop: AbortSignal) => Promise<Granted | Taken>,
  ): Promise<Granted | Taken> {
    const timeout = new AbortController()
    const done = new AbortController()
    this.#clock.sleep(limitMs, { signal: done.signal, ref: false }).then(
      () => timeout.abort(new DOMException(`No answer within ${limitMs} ms`, 'TimeoutError')),
      () => {},
    )
    const stop = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal])
    try {
      return await waitOrAbort(ask(stop), stop, (late) => {
        if (late.granted) this.#giveBack(request)
      })
    } catch (cause) {
      if (signal?.aborted === true && cause === signal.reason) throw cause
      // It may have been granted all the same: then free it sooner than its TTL would.
      if (!timeout.signal.aborted) this.#giveBack(request)
      throw new LockStoreError({ action: 'acquisition', key: request.key, cause })
    } finally {
      done.abort()
    }
  }

  #giveBack({ key, holder }: LockRequest): void {
    this.#options.store.release({ key, holder }).catch((cause: unknown) => {
      emit<LockEvent>(this.#options.onEvent, () => ({
        type: 'release-failed',
        key,
        token: undefined,
        cause,
      }))
    })
  }
}

function checkKey(key: unknown): void {
  if (typeof key === 'string' && key !== '') return
  throw new TypeError(`Cannot acquire a lock: key must be a non-empty string, got ${shown(key)}`)
}

function checked(
  key: string,
  options: TryAcquireOptions,
): { ttlMs: number; marginMs: number; autoExtend: boolean; maxHoldMs: number } {
  const { ttlMs, marginMs = Math.min(250, ttlMs / 20), autoExtend = false, maxHoldMs = 600_000 } = options
  const action = `acquire lock ${key}`
  checkNumber(action, 'marginMs', marginMs)
  checkNumber(action, 'maxHoldMs', maxHoldMs)
  const wholeMs = checkTtl(action, ttlMs, Math.max(0, marginMs || 0))
  if (!(marginMs >= 0)) {
    throw new RangeError(`Cannot ${action}: marginMs must be 0 or more, got ${marginMs}`)
  }
  if (!(maxHoldMs > 0)) {
    throw new RangeError(`Cannot ${action}: maxHoldMs must be above 0, got ${maxHoldMs}`)
  }
  return { ttlMs: wholeMs, marginMs, autoExtend, maxHoldMs }
}
