import { systemClock } from '@quorate/core'
import { testRedis } from '@quorate/local-cluster/vitest'
import { Redis } from 'ioredis'
import { afterAll, expect, test } from 'vitest'
import { createLocks } from '../src/index.ts'
import { redisLockStore } from '../src/redis/index.ts'
import { lockStoreContract } from '../src/testing/index.ts'

const server = await testRedis()
const clients = [connect(), connect(), connect()] as const
const [clientA, clientB, admin] = clients
const storeA = redisLockStore(clientA)
const storeB = redisLockStore(clientB)

afterAll(async () => {
  await storeA[Symbol.asyncDispose]()
  await storeB[Symbol.asyncDispose]()
  for (const client of clients) client.disconnect()
})

function connect(): Redis {
  const redis = new Redis(server.url)
  redis.on('error', () => {}) // each call reports its own
  return redis
}

for (const { title, run } of lockStoreContract({ stores: () => [storeA, storeB], fifo: true })) {
  test(`redis: ${title}`, async () => {
    await expect(run()).resolves.toBeUndefined()
  })
}

const TTL_MS = 10_000

test('tokens are about the time in µs, and go on growing when the counter is lost', async () => {
  const locks = createLocks({ store: storeA })
  const tokens: number[] = []
  for (let round = 0; round < 3; round++) {
    await locks.withLock('lost counter', { ttlMs: TTL_MS }, (lock) => {
      tokens.push(lock.token)
    })
    await admin.del('quorate:lock:{lost counter}:fence')
  }
  expect(tokens).toEqual(tokens.toSorted((a, b) => a - b))
  expect(new Set(tokens).size).toBe(3)
  expect(Math.abs((tokens[0] as number) / 1_000 - systemClock.now())).toBeLessThan(60_000)
})

test('a released lock leaves one key behind, which expires', async () => {
  const locks = createLocks({ store: storeA })
  await locks.withLock('tidy', { ttlMs: TTL_MS }, () => {})
  expect(await admin.keys('quorate:lock:{tidy}*')).toEqual(['quorate:lock:{tidy}:fence'])
  expect(await admin.pttl('quorate:lock:{tidy}:fence')).toBeLessThanOrEqual(86_400_000 + TTL_MS)
})

test('50 waiters are served in order with about two commands each, and without polling', async () => {
  const locks = createLocks({ store: storeA })
  // The first wait opens the connection that listens: not part of the count.
  await Promise.all([1, 2].map(() => locks.withLock('warm', { ttlMs: TTL_MS }, () => {})))
  const first = await locks.acquire('crowd', { ttlMs: TTL_MS })
  const before = await scripts()
  const served: number[] = []
  const waiting = Array.from({ length: 50 }, (_, place) =>
    locks.withLock('crowd', { ttlMs: TTL_MS }, () => void served.push(place)),
  )
  while ((await admin.zcard('quorate:lock:{crowd}:queue')) < 50);
  await first.release()
  await Promise.all(waiting)
  expect(served).toEqual(Array.from({ length: 50 }, (_, place) => place))
  expect((await scripts()) - before).toBeLessThanOrEqual(110)
})

/** Scripts the server ran, the test's own commands not among them. */
async function scripts(): Promise<number> {
  const stats = await admin.info('commandstats')
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
}

test('a process that died while waiting does not get the lock, and costs the others nothing', async () => {
  const listeners = await pubsubConnections()
  const doomedClient = connect()
  const doomedStore = redisLockStore(doomedClient)
  const doomed = createLocks({ store: doomedStore })
  const locks = createLocks({ store: storeA })
  const lock = await locks.acquire('dead waiter', { ttlMs: TTL_MS })
  const never = doomed.acquire('dead waiter', { ttlMs: TTL_MS, waitMs: 60_000 }).catch(() => {})
  while ((await admin.zcard('quorate:lock:{dead waiter}:queue')) < 1);
  const next = locks.acquire('dead waiter', { ttlMs: TTL_MS, waitMs: 5_000 })
  while ((await admin.zcard('quorate:lock:{dead waiter}:queue')) < 2);
  // As by SIGKILL: its place in the queue stays, its connections do not.
  doomedClient.disconnect()
  await doomedStore[Symbol.asyncDispose]()
  while ((await pubsubConnections()) > listeners);
  const startMs = systemClock.monotonic()
  await lock.release()
  await using got = await next
  expect(got.remainingMs).toBeGreaterThan(0)
  expect(systemClock.monotonic() - startMs).toBeLessThan(TTL_MS / 2)
  await never
})

/** How many connections listen to channels. */
async function pubsubConnections(): Promise<number> {
  const list = String(await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub')).trim()
  return list === '' ? 0 : list.split('\n').length
}

test('a hand-over whose message was lost is found by the fall-back timer', async () => {
  const locks = createLocks({ store: storeA })
  const name = 'quorate:lock:{lost message}'
  const lock = await locks.acquire('lost message', { ttlMs: 300 })
  const next = locks.acquire('lost message', { ttlMs: TTL_MS, waitMs: 5_000 })
  while ((await admin.zcard(`${name}:queue`)) < 1);
  // What the script does at a release, without its PUBLISH.
  const [waiter = ''] = await admin.zpopmin(`${name}:queue`)
  await admin
    .multi()
    .hdel(`${name}:waiters`, waiter)
    .hset(name, 'holder', waiter, 'token', 7)
    .pexpire(name, TTL_MS)
    .exec()
  const got = await next
  expect(got.token).toBe(7)
  expect(await lock.release()).toBe(false)
  expect(await got.release()).toBe(true)
})

test('a lease that ends without a release is noticed by the first in the queue', async () => {
  const locks = createLocks({ store: storeA })
  const lock = await locks.acquire('silent end', { ttlMs: 300 })
  const next = locks.acquire('silent end', { ttlMs: TTL_MS, waitMs: 5_000 })
  await expect(next).resolves.toMatchObject({ key: 'silent end' })
  expect(await lock.release()).toBe(false)
})

test('waiters survive a lost listening connection', async () => {
  const locks = createLocks({ store: storeA })
  const lock = await locks.acquire('reconnect', { ttlMs: TTL_MS })
  const next = locks.acquire('reconnect', { ttlMs: TTL_MS, waitMs: 5_000 })
  while ((await admin.zcard('quorate:lock:{reconnect}:queue')) < 1);
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await lock.release()
  await using got = await next
  expect(got.remainingMs).toBeGreaterThan(0)
})

test('scripts are sent again to a server that forgot them', async () => {
  await admin.script('FLUSH')
  const locks = createLocks({ store: storeA })
  expect(await locks.withLock('flushed', { ttlMs: TTL_MS }, () => 'done')).toBe('done')
})

test('a full queue refuses the next one', async () => {
  const store = redisLockStore(clientB, { maxWaiters: 1, prefix: 'small' })
  const locks = createLocks({ store })
  const lock = await locks.acquire('full', { ttlMs: TTL_MS })
  const stop = new AbortController()
  const waiting = locks.acquire('full', { ttlMs: TTL_MS, signal: stop.signal }).catch(() => {})
  while ((await admin.zcard('small:{full}:queue')) < 1);
  await expect(locks.acquire('full', { ttlMs: TTL_MS })).rejects.toMatchObject({
    code: 'QUORATE_LOCK_STORE',
    cause: { message: expect.stringContaining('queue of lock full is full') },
  })
  stop.abort()
  await waiting
  await lock.release()
  await store[Symbol.asyncDispose]()
})

test('a user who may not subscribe still waits, and leaves no listeners behind', async () => {
  await admin.call('ACL', 'SETUSER', 'nosub', 'on', '>secret', '~*', '+@all', 'resetchannels')
  const redis = new Redis(server.url, { username: 'nosub', password: 'secret' })
  redis.on('error', () => {})
  const locks = createLocks({ store: redisLockStore(redis) })
  const lock = await locks.acquire('nosub', { ttlMs: TTL_MS })
  const { length } = redis.listeners('end')
  for (let round = 0; round < 3; round++) {
    await expect(locks.acquire('nosub', { ttlMs: TTL_MS, waitMs: 10 })).rejects.toThrow(/still taken/)
  }
  expect(redis.listeners('end').length - length).toBeLessThanOrEqual(1)
  const next = locks.acquire('nosub', { ttlMs: TTL_MS })
  await lock.release()
  expect(await (await next).release()).toBe(true)
  redis.disconnect()
})
