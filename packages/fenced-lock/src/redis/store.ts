import { systemRandom, type Random } from '@quorate/core'
import { checkNumber, checkOptions, hasMethods, shown } from '../check-options.ts'
import type { Granted, Holding, LockRequest, LockStore, Taken, Waiting } from '../store.ts'
import type { RedisLike } from './client.ts'
import { ACQUIRE, EXTEND, RELEASE } from './scripts.ts'
import { Subscriber } from './subscriber.ts'
import { waitInQueue } from './wait-in-queue.ts'

/** Options of {@link redisLockStore}. */
export interface RedisLockStoreOptions {
  /** Starts the name of every key and channel. Default `quorate:lock`. */
  readonly prefix?: string | undefined
  /** Most holders waiting for one lock; the next one is refused with an error. Default 10,000. */
  readonly maxWaiters?: number | undefined
  /** Names this store's channel. Default: the system's. */
  readonly random?: Random | undefined
}

/** A store in Redis. Disposing of it closes its subscriber connection; the client stays the caller's. */
export interface RedisLockStore extends LockStore, AsyncDisposable {}

/** What ACQUIRE answered. */
export type Answer =
  | { readonly granted: true; readonly token: number }
  | {
      readonly granted: false
      readonly leaseLeftMs: number
      readonly serverUs: number
      /** 0 is next. */
      readonly place: number
    }

/**
 * A store in Redis, 6.2 or later. Those who wait are served first come, first served: a release hands
 * the lock over and tells the next holder through one extra connection per store, opened when
 * somebody first waits. Make one store per process.
 *
 * @param redis a connected client like `ioredis`; it stays the caller's.
 * @throws TypeError for anything else, or an unknown option; RangeError for `maxWaiters` below 1.
 *
 * @example
 * ```ts
 * const store = redisLockStore(new Redis(url))
 * const locks = createLocks({ store })
 * ```
 */
export function redisLockStore(redis: RedisLike, options: RedisLockStoreOptions = {}): RedisLockStore {
  if (!hasMethods(redis, ['evalsha', 'eval', 'script', 'duplicate', 'on'])) {
    throw new TypeError(
      `Cannot make a lock store: pass a connected ioredis client, as in redisLockStore(new Redis(url)), got ${shown(redis)}`,
    )
  }
  checkOptions('make a lock store', options, ['prefix', 'maxWaiters', 'random'])
  return new RedisStore(redis, options)
}

class RedisStore implements RedisLockStore {
  readonly #redis: RedisLike
  readonly #prefix: string
  readonly #maxWaiters: number
  readonly #subscriber: Subscriber

  constructor(redis: RedisLike, options: RedisLockStoreOptions) {
    const { prefix = 'quorate:lock', maxWaiters = 10_000, random = systemRandom } = options
    checkNumber('make a lock store', 'maxWaiters', maxWaiters)
    if (!(maxWaiters >= 1)) {
      throw new RangeError(`Cannot make a lock store: maxWaiters must be at least 1, got ${maxWaiters}`)
    }
    this.#redis = redis
    this.#prefix = prefix
    this.#maxWaiters = maxWaiters
    const part = (): string => Math.floor(random() * 2 ** 52).toString(36)
    this.#subscriber = new Subscriber(redis, `${prefix}:wake:${part()}${part()}`)
  }

  async tryAcquire(request: LockRequest): Promise<Omit<Granted, 'sinceMs'> | Taken> {
    const answer = await this.#ask(request, 0)
    return answer.granted ? answer : { granted: false, freeInMs: answer.leaseLeftMs }
  }

  async waitAcquire(request: LockRequest, waiting: Waiting): Promise<Granted | Taken> {
    return waitInQueue(
      {
        subscriber: this.#subscriber,
        ask: (waitMs) => this.#ask(request, waitMs),
        leave: async () => {
          await this.release(request)
        },
      },
      request,
      waiting,
    )
  }

  async extend({ key, holder }: Holding, ttlMs: number): Promise<boolean> {
    return (await EXTEND.run(this.#redis, [this.#keys(key)[0]], [holder, Math.floor(ttlMs)])) === 1
  }

  async release({ key, holder }: Holding): Promise<boolean> {
    return (await RELEASE.run(this.#redis, this.#keys(key), [holder])) === 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriber.close()
  }

  async #ask({ key, holder, ttlMs }: LockRequest, waitMs: number): Promise<Answer> {
    const { channel } = this.#subscriber
    const values = [holder, ttlMs, Math.ceil(waitMs), channel, this.#maxWaiters]
    const reply = (await ACQUIRE.run(this.#redis, this.#keys(key), values)) as (string | number)[]
    if (reply[0] === 1) return { granted: true, token: Number(reply[1]) }
    const [, leaseLeftMs, serverUs, place] = reply.map(Number) as [number, number, number, number]
    if (place === -2) {
      throw new Error(
        `The queue of lock ${key} is full: ${this.#maxWaiters} wait; raise maxWaiters or wait elsewhere`,
      )
    }
    return { granted: false, leaseLeftMs: Math.max(0, leaseLeftMs), serverUs, place }
  }

  #keys(key: string): [string, string, string, string] {
    const lock = `${this.#prefix}:{${key}}`
    return [lock, `${lock}:fence`, `${lock}:queue`, `${lock}:waiters`]
  }
}
