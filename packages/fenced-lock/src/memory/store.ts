import { systemClock, type Clock } from '@quorate/core'
import type { Granted, Holding, LockRequest, LockStore, Taken, Waiting } from '../store.ts'
import { nextToken } from '../token.ts'

/** Options of {@link memoryLockStore}. */
export interface MemoryLockStoreOptions {
  /** The store's own clock, which ends leases and mints tokens. Default: the system's. */
  readonly clock?: Clock | undefined
}

interface Lease {
  readonly holder: string
  readonly endsMs: number
}

interface Waiter extends LockRequest {
  readonly wake: (token: number) => void
}

interface Entry {
  lease: Lease | undefined
  readonly queue: Waiter[]
}

/**
 * A store in this process's memory. Those who wait are served first come, first served.
 *
 * @example
 * ```ts
 * const locks = createLocks({ store: memoryLockStore() })
 * ```
 */
export function memoryLockStore(options: MemoryLockStoreOptions = {}): LockStore {
  return new MemoryLockStore(options.clock ?? systemClock)
}

class MemoryLockStore implements LockStore {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  /** Of all keys together, so that a key nobody uses needs no memory. */
  #lastToken = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async tryAcquire(request: LockRequest): Promise<Omit<Granted, 'sinceMs'> | Taken> {
    return this.#take(request)
  }

  async waitAcquire(request: LockRequest, { deadlineMs, signal, clock }: Waiting): Promise<Granted | Taken> {
    const sinceMs = clock.monotonic()
    // Nothing may run between the look and the place in the queue: a release then would tell nobody.
    const first = this.#take(request)
    if (first.granted) return { ...first, sinceMs }

    const entry = this.#entry(request.key)
    const done = new AbortController()
    // Set by whoever frees the lock.
    const won: { granted?: Granted } = {}
    const waiter: Waiter = {
      ...request,
      wake(token) {
        won.granted = { granted: true, token, sinceMs: clock.monotonic() }
        done.abort()
      },
    }
    entry.queue.push(waiter)
    const stop = AbortSignal.any([signal, done.signal])
    while (won.granted === undefined && !signal.aborted && clock.monotonic() < deadlineMs) {
      // Nobody tells us when a lease just ends, so look again then.
      const leftMs = Math.min(
        deadlineMs - clock.monotonic(),
        this.#taken(this.#entry(request.key)).freeInMs ?? 0,
      )
      await clock.sleep(leftMs, { signal: stop }).catch(() => {})
      this.#entry(request.key)
    }
    if (won.granted !== undefined) return won.granted
    entry.queue.splice(entry.queue.indexOf(waiter), 1)
    signal.throwIfAborted()
    return this.#taken(entry)
  }

  async extend({ key, holder }: Holding, ttlMs: number): Promise<boolean> {
    const entry = this.#entry(key)
    if (entry.lease?.holder !== holder) return false
    entry.lease = { ...entry.lease, endsMs: this.#clock.monotonic() + ttlMs }
    return true
  }

  async release({ key, holder }: Holding): Promise<boolean> {
    const entry = this.#entry(key)
    const held = entry.lease?.holder === holder
    if (held) {
      entry.lease = undefined
      this.#serve(entry)
    }
    // Also of a lease that had ended by itself: a key nobody uses needs no memory.
    if (entry.lease === undefined) this.#entries.delete(key)
    return held
  }

  #take(request: LockRequest): Omit<Granted, 'sinceMs'> | Taken {
    const entry = this.#entry(request.key)
    if (entry.lease === undefined) return { granted: true, token: this.#grant(entry, request) }
    return this.#taken(entry)
  }

  /** The entry as of now: an expired lease is over, and the first in the queue has the lock. */
  #entry(key: string): Entry {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { lease: undefined, queue: [] }
      this.#entries.set(key, entry)
    }
    if (entry.lease !== undefined && this.#clock.monotonic() >= entry.lease.endsMs) {
      entry.lease = undefined
      this.#serve(entry)
    }
    return entry
  }

  #serve(entry: Entry): void {
    const first = entry.queue.shift()
    if (first !== undefined) first.wake(this.#grant(entry, first))
  }

  #grant(entry: Entry, { holder, ttlMs }: LockRequest): number {
    this.#lastToken = nextToken(this.#lastToken, this.#clock.now())
    entry.lease = { holder, endsMs: this.#clock.monotonic() + ttlMs }
    return this.#lastToken
  }

  #taken(entry: Entry): Taken {
    const endsMs = entry.lease?.endsMs
    return {
      granted: false,
      freeInMs: endsMs === undefined ? undefined : Math.max(0, endsMs - this.#clock.monotonic()),
    }
  }
}
