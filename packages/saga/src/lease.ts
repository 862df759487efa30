import { type Clock, emit, type EventListener, fullJitterMs, type Random, waitOrAbort } from '@quorate/core'
import type { SagaEvent } from './events.ts'
import type { SagaStore } from './store.ts'

interface LeaseOptions {
  readonly store: SagaStore<unknown>
  readonly leaseMs: number
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: EventListener<SagaEvent> | undefined
  readonly closed: AbortSignal
  /** `false`: no lease at all, for engines that start sagas and run none. */
  readonly enabled: boolean
  /** Told before anything is done under a new lease. */
  readonly onLost: (worker: string) => void
}

/** How long a lease holds, and how often it is renewed and the dead are looked for, as parts of `leaseMs`. */
const HOLD = 0.6
const ROUND = 0.2

/**
 * An engine's right to write. Once lost it is gone for good, and a new one under a new id takes its
 * place: the id is the epoch that fences late writes. An engine that dies is found after HOLD + ROUND at
 * the latest, which leaves the rest of `leaseMs` to take its sagas over.
 */
export class Lease {
  readonly #options: LeaseOptions
  #current: Promise<string> | undefined
  /** The worker whose lease is held, once it is known. */
  held: string | undefined

  constructor(options: LeaseOptions) {
    this.#options = options
  }

  /** The worker to write as; waits for one while the store is away. `undefined` without a lease. */
  async worker(): Promise<string | undefined> {
    const { enabled, closed } = this.#options
    if (!enabled) return undefined
    closed.throwIfAborted()
    this.#current ??= this.#register()
    return waitOrAbort(this.#current, closed)
  }

  /** Somebody was told that this worker is fenced. */
  lost(worker: string | undefined): void {
    if (worker === undefined || this.held !== worker) return
    this.held = undefined
    this.#current = undefined
    this.#options.onLost(worker)
  }

  /** Renews the lease and takes away those that ran out, until closed. */
  async keep(): Promise<void> {
    const { store, leaseMs, clock, closed, onEvent } = this.#options
    while (!closed.aborted) {
      try {
        const worker = await this.worker()
        if (worker !== undefined && !(await store.renew(worker, leaseMs * HOLD))) this.lost(worker)
        const sagas = await store.reap()
        if (sagas > 0) emit<SagaEvent>(onEvent, () => ({ type: 'reaped', sagas }))
        await clock.sleep(leaseMs * ROUND, { signal: closed })
      } catch (error) {
        await this.#pause('renew the lease', error, 2)
      }
    }
  }

  async #register(): Promise<string> {
    const { store, leaseMs, closed } = this.#options
    for (let faults = 0; ; faults++) {
      closed.throwIfAborted()
      try {
        this.held = await store.register(leaseMs * HOLD)
        return this.held
      } catch (error) {
        await this.#pause('register', error, faults)
      }
    }
  }

  async #pause(action: string, error: unknown, faults: number): Promise<void> {
    const { clock, random, closed, onEvent } = this.#options
    if (closed.aborted) return
    const retryInMs = fullJitterMs(faults, random, { baseMs: 50, maxMs: 1_000 })
    emit<SagaEvent>(onEvent, () => ({ type: 'store-fault', action, error, retryInMs }))
    try {
      await clock.sleep(retryInMs, { signal: closed })
    } catch {
      // Closed: the caller's loop sees it.
    }
  }
}
