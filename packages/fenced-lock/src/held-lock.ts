import { emit, type Clock, type EventListener, type Random } from '@quorate/core'
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
 * held → lost (deadline passed, or the store said no) or released; no way back.
 * The deadline is a reading of the local monotonic clock. A timer aborts the signal there, and every
 * look at the lock compares the clock again, because a blocked event loop fires its timers too late.
 */
export class HeldLock implements Lock {
  readonly #options: HeldLockOptions
  readonly #lost = new AbortController()
  readonly #ended = new AbortController()
  #deadlineMs: number
  #release: Promise<boolean> | undefined

  constructor(options: HeldLockOptions) {
    this.#options = options
    this.#deadlineMs = options.sinceMs + options.ttlMs - options.marginMs
    void this.#watchDeadline()
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

  async extend(ttlMs: number = this.#options.ttlMs): Promise<void> {
    this.assertHeld()
    const { store, clock, holding, token, marginMs, onEvent } = this.#options
    const askedMs = clock.monotonic()
    let extended: boolean
    try {
      extended = await store.extend(holding, ttlMs)
    } catch (cause) {
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
    this.#deadlineMs = askedMs + ttlMs - marginMs
    emit<LockEvent>(onEvent, () => ({ type: 'extended', key: this.key, token }))
    this.assertHeld()
  }

  release(): Promise<boolean> {
    this.#release ??= this.#releaseOnce()
    return this.#release
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => {}) // reported as an event
  }

  async #releaseOnce(): Promise<boolean> {
    const { store, holding, token, onEvent } = this.#options
    this.#lose('released')
    try {
      const held = await store.release(holding)
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
    this.#lost.abort(new LockLostError({ key: this.key, reason }))
  }

  /** An extension moves the deadline while we sleep, so look again before giving up. */
  async #watchDeadline(): Promise<void> {
    while (!this.#lost.signal.aborted) {
      if (!(await this.#sleep(this.#deadlineMs - this.#options.clock.monotonic()))) return
      this.#expire()
    }
  }

  async #extendUntilEnded(): Promise<void> {
    const { clock, random, sinceMs, ttlMs, maxHoldMs } = this.#options
    while (!this.#lost.signal.aborted) {
      // A third leaves room for one failure and its repetition; the jitter keeps many locks apart.
      const delayMs = (ttlMs / 3) * (0.9 + 0.2 * random())
      if (clock.monotonic() + delayMs - sinceMs > maxHoldMs) return
      if (!(await this.#sleep(delayMs))) return
      await this.extend().catch(() => {}) // reported as an event; the deadline decides
    }
  }

  /** `false` if the lock ended meanwhile. */
  async #sleep(ms: number): Promise<boolean> {
    try {
      await this.#options.clock.sleep(ms, { signal: this.#ended.signal, ref: false })
      return true
    } catch {
      return false
    }
  }
}
