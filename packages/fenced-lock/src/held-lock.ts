import { emit, waitOrAbort, type Clock, type EventListener, type Random } from '@quorate/core'
import { checkTtl } from './check-ttl.ts'
import { LockLostError, LockStoreError, type LostReason } from './errors.ts'
import type { LockEvent } from './events.ts'
import type { Holding, LockStore } from './store.ts'
import type { Lock } from './types.ts'

/** What a grant is made of. */
export interface HeldLockOptions {
  readonly store: LockStore
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: EventListener<LockEvent> | undefined
  readonly holding: Holding
  readonly token: number
  /** Monotonic, from before the store started the lease. */
  readonly sinceMs: number
  readonly ttlMs: number
  readonly marginMs: number
  readonly autoExtend: boolean
  readonly maxHoldMs: number
}

/**
 * How long `release()` waits for the store, ms. Without a limit, a frozen store would keep the result of
 * work that is done from its caller; the lease ends by itself.
 */
const RELEASE_MS = 5_000

/**
 * held → lost (deadline passed, or the store said no) or released; no way back.
 * The deadline is a reading of the local monotonic clock. A timer aborts the signal there, and every
 * look at the lock compares the clock again, because a blocked event loop fires its timers too late.
 */
export class HeldLock implements Lock {
  readonly #options: HeldLockOptions
  readonly #lost = new AbortController()
  readonly #ended = new AbortController()
  #deadlineMs: number
  #watch = new AbortController()
  #extending: Promise<void> = Promise.resolve()
  #release: Promise<boolean> | undefined

  constructor(options: HeldLockOptions) {
    this.#options = options
    this.#deadlineMs = options.sinceMs + options.ttlMs - options.marginMs
    void this.#watchDeadline(this.#watch.signal)
    if (options.autoExtend) void this.#extendUntilEnded()
  }

  get key(): string {
    return this.#options.holding.key
  }

  get token(): number {
    this.assertHeld()
    return this.#options.token
  }

  get signal(): AbortSignal {
    // A reader after a blocked event loop must not see a signal that should have fired.
    this.#expire()
    return this.#lost.signal
  }

  get remainingMs(): number {
    return this.#lost.signal.aborted ? 0 : Math.max(0, this.#deadlineMs - this.#options.clock.monotonic())
  }

  assertHeld(): void {
    this.#expire()
    this.#lost.signal.throwIfAborted()
  }

  /** One after the other: two at once can reach the store in another order than their answers reach us. */
  async extend(ttlMs: number = this.#options.ttlMs): Promise<void> {
    const wholeMs = checkTtl(`extend lock ${this.key}`, ttlMs, this.#options.marginMs)
    this.assertHeld()
    const turn = this.#extending.then(() => this.#extendOnce(wholeMs))
    this.#extending = turn.catch(() => {})
    return turn
  }

  release(): Promise<boolean> {
    if (this.#release !== undefined) return this.#release.then(() => false)
    this.#release = this.#releaseOnce()
    return this.#release
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {}) // reported as an event
  }

  async #extendOnce(ttlMs: number): Promise<void> {
    this.assertHeld()
    const { store, clock, holding, token, marginMs, onEvent } = this.#options
    const deadlineMs = clock.monotonic() + ttlMs - marginMs
    // A shorter lease may start now, whether we hear of it or not.
    this.#moveDeadline(Math.min(deadlineMs, this.#deadlineMs))
    let extended: boolean
    try {
      extended = await waitOrAbort(store.extend(holding, ttlMs), this.#lost.signal)
    } catch (cause) {
      this.assertHeld()
      emit<LockEvent>(onEvent, () => ({
        type: 'extend-failed',
        key: this.key,
        token,
        cause,
      }))
      throw new LockStoreError({ action: 'extension', key: this.key, cause })
    }
    if (!extended) this.#lose('taken')
    // Once the signal has fired the lock stays lost, also if the store would still let us have it.
    this.assertHeld()
    this.#moveDeadline(deadlineMs)
    emit<LockEvent>(onEvent, () => ({ type: 'extended', key: this.key, token }))
    this.assertHeld()
  }

  async #releaseOnce(): Promise<boolean> {
    const { store, clock, holding, token, onEvent } = this.#options
    this.#lose('released')
    const timeout = new AbortController()
    const answered = new AbortController()
    clock.sleep(RELEASE_MS, { signal: answered.signal, ref: false }).then(
      () => timeout.abort(new DOMException(`No answer within ${RELEASE_MS} ms`, 'TimeoutError')),
      () => {},
    )
    try {
      const held = await waitOrAbort(store.release(holding), timeout.signal)
      emit<LockEvent>(onEvent, () => ({ type: 'released', key: this.key, token, held }))
      return held
    } catch (cause) {
      emit<LockEvent>(onEvent, () => ({
        type: 'release-failed',
        key: this.key,
        token,
        cause,
      }))
      throw new LockStoreError({ action: 'release', key: this.key, cause })
    } finally {
      answered.abort()
    }
  }

  #expire(): void {
    if (this.#options.clock.monotonic() >= this.#deadlineMs) this.#lose('expired')
  }

  #lose(reason: LostReason): void {
    if (this.#lost.signal.aborted) return
    const { onEvent, token } = this.#options
    if (reason !== 'released') {
      emit<LockEvent>(onEvent, () => ({ type: 'lost', key: this.key, token, reason }))
    }
    this.#ended.abort()
    this.#watch.abort()
    this.#lost.abort(new LockLostError({ key: this.key, reason }))
  }

  #moveDeadline(deadlineMs: number): void {
    const sooner = deadlineMs < this.#deadlineMs
    this.#deadlineMs = deadlineMs
    if (!sooner) return // the watcher looks again when it wakes
    this.#watch.abort()
    this.#watch = new AbortController()
    void this.#watchDeadline(this.#watch.signal)
  }

  /** An extension moves the deadline while we sleep, so look again before giving up. */
  async #watchDeadline(stop: AbortSignal): Promise<void> {
    while (!this.#lost.signal.aborted) {
      // Urgent: after a stall, the holder hears of the loss before it goes on with what it was waiting for.
      if (!(await this.#sleep(this.#deadlineMs - this.#options.clock.monotonic(), stop, true))) return
      this.#expire()
    }
  }

  async #extendUntilEnded(): Promise<void> {
    const { clock, random, sinceMs, ttlMs, marginMs, maxHoldMs } = this.#options
    // A third leaves room for one failure and its repetition, also before the deadline of a wide margin.
    const everyMs = Math.min(ttlMs / 3, (ttlMs - marginMs) / 2)
    while (!this.#lost.signal.aborted) {
      const delayMs = everyMs * (0.9 + 0.2 * random()) // the jitter keeps many locks apart
      if (clock.monotonic() + delayMs - sinceMs > maxHoldMs) return
      if (!(await this.#sleep(delayMs, this.#ended.signal))) return
      await this.extend().catch(() => {}) // reported as an event; the deadline decides
    }
  }

  /** `false` if stopped first. */
  async #sleep(ms: number, signal: AbortSignal, urgent = false): Promise<boolean> {
    try {
      await this.#options.clock.sleep(ms, { signal, ref: false, urgent })
      return true
    } catch {
      return false
    }
  }
}
