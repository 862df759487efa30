import { VirtualClock, type Clock } from '@quorate/core'
import { expect, test } from 'vitest'
import { LockLostError, LockStoreError, LockTimeoutError } from './errors.ts'
import type { LockEvent } from './events.ts'
import { createLocks } from './locks.ts'
import { memoryLockStore } from './memory/index.ts'
import type { LockStore } from './store.ts'
import type { Locks } from './types.ts'

interface World {
  readonly clock: VirtualClock
  readonly store: LockStore
  readonly locks: Locks
  readonly events: LockEvent[]
}

function world(change: (store: LockStore) => Partial<LockStore> = () => ({})): World {
  const clock = new VirtualClock()
  const events: LockEvent[] = []
  const memory = memoryLockStore({ clock })
  const store: LockStore = {
    tryAcquire: (request) => memory.tryAcquire(request),
    extend: (holding, ttlMs) => memory.extend(holding, ttlMs),
    release: (holding) => memory.release(holding),
    ...change(memory),
  }
  const locks = createLocks({ store, clock, random: () => 0.5, onEvent: (event) => events.push(event) })
  return { clock, store, locks, events }
}

/** A clock that only moves when told, without waking anybody: an event loop that is blocked. */
function blockable(clock: VirtualClock): Clock & { blockedMs: number } {
  return {
    blockedMs: 0,
    now: () => clock.now(),
    monotonic() {
      return clock.monotonic() + this.blockedMs
    },
    sleep: (ms, options) => clock.sleep(ms, options),
  }
}

test('the signal fires at the deadline, before the TTL ends', async () => {
  const { clock, locks, events } = world()
  const lock = await locks.acquire('payout', { ttlMs: 1_000 })
  await clock.advance(949)
  expect(lock.signal.aborted).toBe(false)
  expect(lock.remainingMs).toBe(1)
  await clock.advance(1)
  expect(lock.signal.aborted).toBe(true)
  expect(lock.signal.reason).toMatchObject({
    code: 'QUORATE_LOCK_LOST',
    reason: 'expired',
    key: 'payout',
  })
  expect(events.map(({ type }) => type)).toEqual(['acquired', 'lost'])
})

test('the lease counts from before the request: a slow answer shortens it', async () => {
  const { clock, locks } = world((store) => ({
    async tryAcquire(request) {
      const answer = await store.tryAcquire(request)
      await clock.sleep(600)
      return answer
    },
  }))
  const acquiring = locks.acquire('payout', { ttlMs: 1_000 })
  await clock.advance(600)
  expect((await acquiring).remainingMs).toBe(350)
})

test('an answer that comes after the lease is refused, and the lock given back', async () => {
  const releases: string[] = []
  const { clock, locks } = world((store) => ({
    async tryAcquire(request) {
      const answer = await store.tryAcquire(request)
      await clock.sleep(5_000)
      return answer
    },
    async release(holding) {
      releases.push(holding.key)
      return store.release(holding)
    },
  }))
  const failure = locks.tryAcquire('payout', { ttlMs: 1_000 }).catch((error: unknown) => error)
  await clock.advance(1_000)
  expect(await failure).toBeInstanceOf(LockStoreError)
  expect(await failure).toMatchObject({ outcome: 'unknown', cause: { name: 'TimeoutError' } })
  await clock.advance(4_000)
  expect(releases).toEqual(['payout'])
})

test('token, signal and assertHeld() notice a deadline that passed in a blocked event loop', async () => {
  const clock = new VirtualClock()
  const local = blockable(clock)
  const locks = createLocks({ store: memoryLockStore({ clock }), clock: local })
  for (const look of [
    (lock: { token: number }) => lock.token,
    (lock: { signal: AbortSignal }) => lock.signal.throwIfAborted(),
    (lock: { assertHeld(): void }) => lock.assertHeld(),
  ]) {
    const lock = await locks.acquire('payout', { ttlMs: 1_000 })
    expect(() => look(lock)).not.toThrow()
    local.blockedMs += 950 // no timer has fired
    expect(() => look(lock)).toThrow(LockLostError)
    await lock.release()
  }
})

test('extend() moves the deadline, counted from before its request', async () => {
  const { clock, locks } = world()
  const lock = await locks.acquire('payout', { ttlMs: 1_000 })
  await clock.advance(500)
  await lock.extend()
  await clock.advance(940)
  expect(lock.signal.aborted).toBe(false)
  await clock.advance(10)
  expect(lock.signal.aborted).toBe(true)
  await expect(lock.extend()).rejects.toThrow(LockLostError)
})

test('extend() that fails leaves the lease as it was', async () => {
  const broken = new Error('connection lost')
  const { clock, locks, events } = world(() => ({ extend: () => Promise.reject(broken) }))
  const lock = await locks.acquire('payout', { ttlMs: 1_000 })
  await clock.advance(500)
  await expect(lock.extend()).rejects.toMatchObject({ code: 'QUORATE_LOCK_STORE', cause: broken })
  expect(lock.remainingMs).toBe(450)
  expect(events.at(-1)).toMatchObject({ type: 'extend-failed', cause: broken })
})

test('extend() answered after the deadline does not bring the lock back', async () => {
  const { clock, locks } = world((store) => ({
    async extend(holding, ttlMs) {
      const extended = await store.extend(holding, ttlMs)
      await clock.sleep(800)
      return extended
    },
  }))
  const lock = await locks.acquire('payout', { ttlMs: 1_000 })
  await clock.advance(500)
  const failure = lock.extend().catch((error: unknown) => error)
  await clock.advance(800)
  expect(await failure).toMatchObject({ code: 'QUORATE_LOCK_LOST', reason: 'expired' })
  expect(lock.signal.aborted).toBe(true)
})

test('autoExtend keeps the lock until it is released or maxHoldMs is over', async () => {
  const { clock, locks, events } = world()
  const options = { ttlMs: 900, autoExtend: true, maxHoldMs: 5_000 }
  const kept = await locks.acquire('kept', options)
  await clock.advance(4_000)
  kept.assertHeld()
  expect(await kept.release()).toBe(true)

  const stuck = await locks.acquire('stuck', options)
  await clock.advance(4_999)
  stuck.assertHeld()
  await clock.advance(900)
  expect(stuck.signal.reason).toMatchObject({ reason: 'expired' })
  expect(events.filter(({ type, key }) => type === 'extended' && key === 'stuck')).toHaveLength(16)
})

test('autoExtend outlives a failed extension, and its failures surface as events only', async () => {
  let calls = 0
  const { clock, locks, events } = world((store) => ({
    async extend(holding, ttlMs) {
      if (++calls === 2) throw new Error('connection lost')
      return store.extend(holding, ttlMs)
    },
  }))
  const lock = await locks.acquire('payout', { ttlMs: 900, autoExtend: true })
  await clock.advance(3_000)
  lock.assertHeld()
  expect(events.filter(({ type }) => type === 'extend-failed')).toHaveLength(1)
  await lock.release()
})

test('release() aborts the signal, and says false when called again', async () => {
  const { locks, events } = world()
  const lock = await locks.acquire('payout', { ttlMs: 1_000 })
  const { token, signal } = lock
  expect(await Promise.all([lock.release(), lock.release()])).toEqual([true, false])
  expect(await lock.release()).toBe(false)
  expect(signal.reason).toMatchObject({ code: 'QUORATE_LOCK_LOST', reason: 'released' })
  expect(() => lock.token).toThrow(LockLostError)
  expect(events.slice(1)).toEqual([{ type: 'released', key: 'payout', token, held: true }])
})

test('a failing release does not hide the error of the block', async () => {
  const { locks, events } = world(() => ({ release: () => Promise.reject(new Error('store down')) }))
  const mistake = new Error('mistake in the work')
  const work = locks.withLock('payout', { ttlMs: 1_000 }, () => {
    throw mistake
  })
  await expect(work).rejects.toBe(mistake)
  expect(events.at(-1)).toMatchObject({ type: 'release-failed' })
})

test('withLock() returns what the work returns, and releases', async () => {
  const { locks } = world()
  expect(await locks.withLock('payout', { ttlMs: 1_000 }, (lock) => lock.key)).toBe('payout')
  await using lock = await locks.acquire('payout', { ttlMs: 1_000, waitMs: 0 })
  lock.assertHeld()
})

test('tryAcquire() of a taken lock is undefined, acquire() times out after waitMs', async () => {
  const { clock, locks, events } = world()
  await using lock = await locks.acquire('payout', { ttlMs: 10_000 })
  expect(await locks.tryAcquire('payout', { ttlMs: 1_000 })).toBeUndefined()
  const failure = locks.acquire('payout', { ttlMs: 1_000, waitMs: 500 }).catch((error: unknown) => error)
  await clock.advance(499)
  expect(events.at(-1)).toMatchObject({ type: 'acquired' })
  await clock.advance(1)
  expect(await failure).toBeInstanceOf(LockTimeoutError)
  expect(await failure).toMatchObject({ key: 'payout', waitMs: 500, outcome: 'not-applied' })
  lock.assertHeld()
})

test('without a queue in the store, the lock is found again and again', async () => {
  const { clock, locks } = world()
  const lock = await locks.acquire('payout', { ttlMs: 10_000 })
  const waiting = locks.acquire('payout', { ttlMs: 1_000, waitMs: 5_000 })
  await clock.advance(2_000)
  await lock.release()
  await clock.advance(200)
  const next = await waiting
  expect(next.remainingMs).toBeGreaterThan(700)
})

test('an acquisition aborted in flight rejects with the reason, and a late grant is given back', async () => {
  const { clock, locks, store } = world((memory) => ({
    async tryAcquire(request) {
      const answer = await memory.tryAcquire(request)
      await clock.sleep(100)
      return answer
    },
  }))
  const stop = new AbortController()
  const reason = new Error('shutting down')
  const failure = locks
    .acquire('payout', { ttlMs: 1_000, signal: stop.signal })
    .catch((error: unknown) => error)
  await clock.advance(50)
  stop.abort(reason)
  expect(await failure).toBe(reason)
  await clock.advance(50)
  const again = store.tryAcquire({ key: 'payout', holder: 'test', ttlMs: 10 })
  await clock.advance(100)
  expect(await again).toMatchObject({ granted: true })
})

test('acquire() gives up a second after waitMs when the store does not answer', async () => {
  const { clock, locks } = world(() => ({ tryAcquire: () => new Promise(() => {}) }))
  const failure = locks.acquire('payout', { ttlMs: 60_000, waitMs: 2_000 }).catch((error: unknown) => error)
  await clock.advance(3_000)
  expect(await failure).toMatchObject({ code: 'QUORATE_LOCK_STORE', cause: { name: 'TimeoutError' } })
})

test('a store that fails is reported with outcome unknown', async () => {
  const broken = new Error('connection lost')
  const { locks } = world(() => ({ tryAcquire: () => Promise.reject(broken) }))
  await expect(locks.acquire('payout', { ttlMs: 1_000 })).rejects.toMatchObject({
    code: 'QUORATE_LOCK_STORE',
    outcome: 'unknown',
    cause: broken,
  })
})

test('options are checked', async () => {
  const { locks } = world()
  await expect(locks.acquire('', { ttlMs: 1_000 })).rejects.toThrow(TypeError)
  await expect(locks.acquire('k', { ttlMs: 9 })).rejects.toThrow(/ttlMs must be from 10/)
  await expect(locks.acquire('k', { ttlMs: NaN })).rejects.toThrow(RangeError)
  await expect(locks.acquire('k', { ttlMs: 100, marginMs: 100 })).rejects.toThrow(/marginMs/)
  await expect(locks.acquire('k', { ttlMs: 100, waitMs: -1 })).rejects.toThrow(/waitMs/)
  await expect(locks.acquire('k', { ttlMs: 100, maxHoldMs: 0 })).rejects.toThrow(/maxHoldMs/)
})

test('waitMs has an upper bound: a store cannot keep a place for ever', async () => {
  const { locks } = world()
  await expect(locks.acquire('k', { ttlMs: 100, waitMs: Infinity })).rejects.toThrow(/waitMs/)
})

test('extend() checks its TTL before anything is sent', async () => {
  let calls = 0
  const { locks } = world((store) => ({
    async extend(holding, ttlMs) {
      calls++
      return store.extend(holding, ttlMs)
    },
  }))
  await using lock = await locks.acquire('payout', { ttlMs: 10_000, marginMs: 200 })
  for (const ttlMs of [NaN, -1, 0, 9, Infinity, 2 ** 31]) {
    await expect(lock.extend(ttlMs)).rejects.toThrow(RangeError)
  }
  await expect(lock.extend(200)).rejects.toThrow(/above marginMs/) // it would be lost at once
  expect(calls).toBe(0)
  lock.assertHeld()
})

test('extend() to a shorter lease: the signal fires before that one ends', async () => {
  const { clock, locks } = world()
  const lock = await locks.acquire('payout', { ttlMs: 60_000, marginMs: 100 })
  await lock.extend(1_000)
  expect(lock.remainingMs).toBe(900)
  const { signal } = lock
  let firedMs: number | undefined
  signal.addEventListener('abort', () => (firedMs = clock.monotonic()))
  await clock.advance(60_000)
  expect(firedMs).toBe(900)
})

test('extend() to a shorter lease whose answer is lost: the shorter one counts', async () => {
  const { clock, locks } = world((store) => ({
    async extend(holding, ttlMs) {
      await store.extend(holding, ttlMs)
      throw new Error('connection lost')
    },
  }))
  const lock = await locks.acquire('payout', { ttlMs: 60_000, marginMs: 100 })
  await expect(lock.extend(1_000)).rejects.toThrow(LockStoreError)
  expect(lock.remainingMs).toBe(900)
  const { signal } = lock
  await clock.advance(900)
  expect(signal.aborted).toBe(true)
})

test('extend() twice at once: one after the other, so that the last one in the store is the last one here', async () => {
  const { clock, locks } = world((store) => ({
    async extend(holding, ttlMs) {
      // As over a pool: the first request takes the slower connection.
      await clock.sleep(ttlMs === 1_000 ? 200 : 10)
      return store.extend(holding, ttlMs)
    },
  }))
  const lock = await locks.acquire('payout', { ttlMs: 10_000, marginMs: 100 })
  const both = Promise.all([lock.extend(1_000), lock.extend(30_000)])
  await clock.advance(500)
  await both
  const { signal } = lock
  expect(lock.remainingMs).toBe(30_000 - 100 - 300)
  await clock.advance(29_000)
  expect(signal.aborted).toBe(false)
  // The lease in the store is not over before ours is.
  expect(await locks.tryAcquire('payout', { ttlMs: 1_000 })).toBeUndefined()
})

test('extend() with a store that never answers ends with the lock', async () => {
  const { clock, locks } = world(() => ({ extend: () => new Promise(() => {}) }))
  const lock = await locks.acquire('payout', { ttlMs: 1_000 })
  const failure = lock.extend().catch((error: unknown) => error)
  await clock.advance(950)
  expect(await failure).toMatchObject({ code: 'QUORATE_LOCK_LOST', reason: 'expired' })
})

test('release() with a store that never answers gives up after 5 seconds; withLock() still returns', async () => {
  const { clock, locks, events } = world(() => ({ release: () => new Promise(() => {}) }))
  const lock = await locks.acquire('payout', { ttlMs: 60_000 })
  const failure = lock.release().catch((error: unknown) => error)
  const result = locks.withLock('other', { ttlMs: 60_000 }, () => 'done')
  await clock.advance(5_000)
  expect(await failure).toMatchObject({ code: 'QUORATE_LOCK_STORE', cause: { name: 'TimeoutError' } })
  expect(await result).toBe('done')
  expect(events.filter(({ type }) => type === 'release-failed')).toHaveLength(2)
  expect(clock.pending).toBe(0)
})

test('autoExtend with a wide margin extends before the deadline', async () => {
  const { clock, locks } = world()
  await using lock = await locks.acquire('payout', { ttlMs: 1_000, marginMs: 900, autoExtend: true })
  await clock.advance(2_000)
  expect(lock.signal.aborted).toBe(false)
})
