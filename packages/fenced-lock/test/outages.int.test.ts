import { once } from 'node:events'
import { systemClock } from '@quorate/core'
import { localCluster } from '@quorate/local-cluster'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { createLocks, type Lock, type LockEvent } from '../src/index.ts'
import { redisLockStore } from '../src/redis/index.ts'

function connect(url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => 20 })
  redis.on('error', () => {}) // each call reports its own
  return redis
}

const LEASE = { ttlMs: 1_500, marginMs: 500, autoExtend: true }

/** What comes first: the loss of the lock, or a whole TTL from now. Timers of one process ring in order, however late. */
function lostOrTtl({ signal }: Lock): Promise<string> {
  const lost = once(signal, 'abort').then(() => 'lost')
  return Promise.race([lost, systemClock.sleep(LEASE.ttlMs, { ref: false }).then(() => 'TTL over')])
}

test('Redis frozen: the signal fires before the TTL ends, whatever is in flight', async () => {
  await using cluster = await localCluster({ redis: { main: {} } })
  const { primary } = cluster.redis.main
  const redis = connect(primary.url)
  const events: LockEvent[] = []
  const locks = createLocks({ store: redisLockStore(redis), onEvent: (event) => events.push(event) })
  const startMs = performance.now()
  const lock = await locks.acquire('payout', LEASE)
  const { token } = lock
  await primary.pause()
  // The TTL counts from the grant or from the last extension that was sent before the freeze.
  const first = lostOrTtl(lock)
  const extension = lock.extend().catch((error: unknown) => error)
  expect(await first).toBe('lost')
  expect(performance.now() - startMs).toBeGreaterThan(LEASE.ttlMs - LEASE.marginMs - 1)
  expect(lock.signal.reason).toMatchObject({ code: 'QUORATE_LOCK_LOST', reason: 'expired' })
  expect(() => lock.token).toThrow(expect.objectContaining({ code: 'QUORATE_LOCK_LOST' }))

  // Nobody can get the lock meanwhile, and nobody is told so by a success.
  await expect(locks.tryAcquire('other', { ttlMs: 200 })).rejects.toMatchObject({
    code: 'QUORATE_LOCK_STORE',
    outcome: 'unknown',
  })
  const release = lock.release()
  await primary.resume()
  expect(await extension).toMatchObject({ code: 'QUORATE_LOCK_LOST' })
  await release
  expect(events.filter(({ type }) => type === 'lost')).toEqual([
    { type: 'lost', key: 'payout', token, reason: 'expired' },
  ])
  await using next = await locks.acquire('payout', { ttlMs: 1_000 })
  expect(next.token).toBeGreaterThan(token)
  redis.disconnect()
})

test('Redis killed and restarted empty: the signal fires in time, and tokens go on growing', async () => {
  await using cluster = await localCluster({ redis: { main: {} } })
  const { primary } = cluster.redis.main
  const redis = connect(primary.url)
  const locks = createLocks({ store: redisLockStore(redis) })
  const lock = await locks.acquire('payout', LEASE)
  const { token } = lock
  const first = lostOrTtl(lock)
  await primary.kill()
  expect(await first).toBe('lost')
  await primary.restart()
  const next = await locks.acquire('payout', { ttlMs: 1_000, waitMs: 10_000 })
  expect(next.token).toBeGreaterThan(token)
  expect(await lock.release()).toBe(false)
  expect(await next.release()).toBe(true)
  redis.disconnect()
})

test('Redis failover that lost the lock: both hold it for a moment, the later one has the higher token', async () => {
  await using cluster = await localCluster({ redis: { main: { replicas: 1 } } })
  const { main } = cluster.redis
  const before = connect(main.primary.url)
  await main.link('primary', 'replica-1').partition()
  const first = await createLocks({ store: redisLockStore(before) }).acquire('payout', { ttlMs: 20_000 })
  await main.promote(0)
  const after = connect(main.primary.url)
  const second = await createLocks({ store: redisLockStore(after) }).acquire('payout', { ttlMs: 20_000 })
  // This is the hole in every lock on an asynchronous store. The tokens close it where a guard looks.
  first.assertHeld()
  expect(second.token).toBeGreaterThan(first.token)
  before.disconnect()
  after.disconnect()
})

test('event loop blocked for longer than the lease: every look says that the lock is lost', async () => {
  await using cluster = await localCluster({ redis: { main: {} } })
  const redis = connect(cluster.redis.main.primary.url)
  const lock = await createLocks({ store: redisLockStore(redis) }).acquire('payout', { ttlMs: 200 })
  const untilMs = performance.now() + 210
  while (performance.now() < untilMs);
  // No timer had a chance to run in between.
  expect(lock.signal.aborted).toBe(true)
  expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ reason: 'expired' }))
  expect(await lock.release()).toBe(false)
  redis.disconnect()
})
