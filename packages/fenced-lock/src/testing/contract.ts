import { invariant, systemClock, type SleepOptions } from '@quorate/core'
import { createLocks } from '../locks.ts'
import type { LockStore } from '../store.ts'
import type { Lock, Locks } from '../types.ts'

/** Options of {@link lockStoreContract}. */
export interface LockStoreContractOptions {
  /** The store under test, connected; two of them must share their locks, as two processes would. */
  readonly stores: () => Promise<readonly [LockStore, LockStore]> | readonly [LockStore, LockStore]
  /** Does it serve those who wait first come, first served? */
  readonly fifo: boolean
}

/** One promise of the contract. */
export interface LockStoreCase {
  readonly title: string
  readonly run: () => Promise<void>
}

/** A lease that is meant to end; long enough for a busy machine to look at it before. */
const SHORT_MS = 400

/** Long enough not to end during a case, short enough not to be met by the next run. */
const LONG_MS = 20_000

/**
 * What every store must do, on real time.
 *
 * @returns cases to be run one after the other; each rejects with what went wrong.
 *
 * @example
 * ```ts
 * for (const { title, run } of lockStoreContract({ stores, fifo: true })) test(title, run)
 * ```
 */
export function lockStoreContract({ stores, fifo }: LockStoreContractOptions): LockStoreCase[] {
  let keys = 0
  const one = (title: string, body: (world: World) => Promise<void>): LockStoreCase => ({
    title,
    run: async () => {
      const [storeA, storeB] = await stores()
      const key = `contract ${++keys} ${systemClock.now()}` // a space, as a key may have any characters
      await body({ a: createLocks({ store: storeA }), b: createLocks({ store: storeB }), key })
    },
  })
  const cases = [
    one('a lock is held by one', async ({ a, b, key }) => {
      await using lock = await a.acquire(key, { ttlMs: LONG_MS })
      invariant((await b.tryAcquire(key, { ttlMs: LONG_MS })) === undefined, 'the other one is refused')
      invariant((await a.tryAcquire(key, { ttlMs: LONG_MS })) === undefined, 'the same process too')
      await using other = await b.acquire(`${key} other`, { ttlMs: LONG_MS })
      lock.assertHeld()
      other.assertHeld()
    }),
    one('a released lock can be taken at once', async ({ a, b, key }) => {
      const lock = await a.acquire(key, { ttlMs: LONG_MS })
      invariant(await lock.release(), 'release() says it was held')
      await using next = await b.acquire(key, { ttlMs: LONG_MS, waitMs: 0 })
      next.assertHeld()
    }),
    one('tokens grow with every grant, also when the lock was free or had expired', async ({ a, b, key }) => {
      let last = 0
      for (let round = 0; round < 5; round++) {
        const abandoned = round % 2 === 1
        const lock = await (abandoned ? b : a).acquire(key, { ttlMs: abandoned ? SHORT_MS : LONG_MS })
        const { token } = lock
        invariant(Number.isSafeInteger(token) && token > last, `${token} is above ${last}`)
        last = token
        if (!abandoned) await lock.release()
      }
    }),
    one('an abandoned lock is free after its TTL, and not before', async ({ a, b, key }) => {
      const startMs = systemClock.monotonic()
      const lock = await a.acquire(key, { ttlMs: 200 })
      await using next = await b.acquire(key, { ttlMs: LONG_MS, waitMs: LONG_MS })
      const waitedMs = systemClock.monotonic() - startMs
      invariant(waitedMs >= 199, `it is kept for its TTL, waited ${waitedMs} ms`)
      invariant(lock.signal.aborted, 'the first holder knew before the second was told')
      invariant(!(await lock.release()), 'release() of a lost lock says so')
      next.assertHeld()
      invariant((await a.tryAcquire(key, { ttlMs: 100 })) === undefined, 'and leaves the new holder alone')
    }),
    one('extend() starts a new lease, of a lost lock it throws', async ({ a, b, key }) => {
      const lock = await a.acquire(key, { ttlMs: SHORT_MS })
      await lock.extend(LONG_MS)
      invariant(lock.remainingMs > 10_000, 'the deadline has moved')
      const timeout = await failureOf(b.acquire(key, { ttlMs: LONG_MS, waitMs: 2 * SHORT_MS }))
      invariant(timeout === 'QUORATE_LOCK_TIMEOUT', 'the store keeps it longer than the first TTL')
      await lock.release()
      invariant((await failureOf(lock.extend())) === 'QUORATE_LOCK_LOST', 'extend() after release()')
    }),
    one('a store refuses to extend what another one has', async ({ a, b, key }) => {
      const slow = createLocks({ store: (await stores())[0], clock: STANDING_STILL })
      await using forgotten = await slow.acquire(key, { ttlMs: 50, waitMs: 0 })
      await using taken = await b.acquire(key, { ttlMs: LONG_MS })
      invariant((await failureOf(forgotten.extend())) === 'QUORATE_LOCK_LOST', 'extend() of a lost lock')
      invariant(forgotten.signal.aborted, 'and its signal is aborted')
      taken.assertHeld()
      invariant((await a.tryAcquire(key, { ttlMs: 50 })) === undefined, 'the new holder still has it')
    }),
    one('who gives up waiting leaves nothing behind', async ({ a, b, key }) => {
      const lock = await a.acquire(key, { ttlMs: LONG_MS })
      const stop = new AbortController()
      const reason = new Error('changed my mind')
      const waiting = b.acquire(key, { ttlMs: LONG_MS, signal: stop.signal })
      const impatient = failureOf(b.acquire(key, { ttlMs: LONG_MS, waitMs: 60 }))
      invariant((await impatient) === 'QUORATE_LOCK_TIMEOUT', 'waitMs is the limit')
      stop.abort(reason)
      invariant((await waiting.catch((error: unknown) => error)) === reason, 'aborted with its reason')
      await lock.release()
      await using next = await a.acquire(key, { ttlMs: LONG_MS, waitMs: 2_000 })
      next.assertHeld()
    }),
    one('of many who count under one lock, none is lost, and tokens are in order', async ({ a, b, key }) => {
      let counter = 0
      const tokens: number[] = []
      const work = async (lock: Lock): Promise<void> => {
        const seen = counter
        tokens.push(lock.token)
        await systemClock.sleep(0)
        counter = seen + 1
      }
      const options = { ttlMs: LONG_MS, waitMs: LONG_MS }
      await Promise.all(
        Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? a : b).withLock(key, options, work)),
      )
      invariant(counter === 24, `24 increments, got ${counter}`)
      invariant(isRising(tokens), `tokens in order of the grants, got ${tokens.join(' ')}`)
    }),
  ]
  if (fifo) {
    cases.push(
      one('those who wait are served first come, first served', async ({ a, b, key }) => {
        const first = await a.acquire(key, { ttlMs: LONG_MS })
        const served: number[] = []
        const waiting: Promise<void>[] = []
        for (let place = 0; place < 10; place++) {
          const locks = place % 2 === 0 ? a : b
          waiting.push(
            locks.withLock(key, { ttlMs: LONG_MS, waitMs: LONG_MS }, () => void served.push(place)),
          )
          // The next one comes clearly later than this one.
          await systemClock.sleep(30)
        }
        await first.release()
        await Promise.all(waiting)
        invariant(isRising(served), `served in order, got ${served.join(' ')}`)
      }),
    )
  }
  return cases
}

interface World {
  readonly a: Locks
  readonly b: Locks
  readonly key: string
}

/** The clock of a process that does not notice time passing. */
const STANDING_STILL = {
  now: () => 0,
  monotonic: () => 0,
  sleep: (ms: number, options?: SleepOptions) => systemClock.sleep(ms, options),
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}

function isRising(numbers: readonly number[]): boolean {
  return numbers.every((value, index) => index === 0 || value > (numbers[index - 1] as number))
}
