import { expect, test } from 'vitest'
import { createLocks } from './locks.ts'
import { memoryLockStore } from './memory/index.ts'
import { postgresLockStore } from './postgres/index.ts'
import { redisLockStore } from './redis/index.ts'

const ttlMs = 1_000
const locks = createLocks({ store: memoryLockStore() })

test.each([{}, undefined, { store: undefined }, { store: 'redis://' }, { store: {} }])(
  'createLocks(%j) says what to pass',
  (options) => {
    const make = (): unknown => createLocks(options as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(options === undefined ? 'options must be an object' : /pass redisLockStore\(redis\)/)
  },
)

test.each([undefined, null, 'redis://localhost', {}, { eval: () => {} }])(
  'redisLockStore(%j) says what to pass',
  (redis) => {
    const make = (): unknown => redisLockStore(redis as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(/pass a connected ioredis client/)
  },
)

test.each([undefined, null, 'postgres://', {}])('postgresLockStore(%j) says what to pass', (pool) => {
  const make = (): unknown => postgresLockStore(pool as never)
  expect(make).toThrow(TypeError)
  expect(make).toThrow(/pass a pg\.Pool/)
})

test('unknown options are refused by name, with the known ones', async () => {
  const options = { ttlMs, waitms: 10 } as { ttlMs: number }
  const message = /unknown option waitms; known are ttlMs, .*/
  await expect(locks.acquire('a', options)).rejects.toThrow(message)
  await expect(locks.tryAcquire('a', options)).rejects.toThrow(message)
  await expect(locks.withLock('a', options, () => {})).rejects.toThrow(message)
  await expect(locks.acquire('a', undefined as never)).rejects.toThrow(/options must be an object/)
  const store = memoryLockStore()
  expect(() => createLocks({ store, onevent: () => {} } as never)).toThrow(/unknown option onevent/)
  const redis = Object.fromEntries(
    ['evalsha', 'eval', 'script', 'duplicate', 'on'].map((name) => [name, () => {}]),
  )
  expect(() => redisLockStore(redis as never, { Prefix: 'x' } as never)).toThrow(/unknown option Prefix/)
  expect(() => postgresLockStore({ query: () => {} } as never, { table: 'x' } as never)).toThrow(
    /unknown option table; known are schema/,
  )
})

test.each([
  { ttlMs: '500' },
  { ttlMs, waitMs: '10' },
  { ttlMs, marginMs: '10' },
  { ttlMs, maxHoldMs: '10' },
  {},
])('acquire() refuses %j: a number must be one', async (options) => {
  const acquiring = locks.acquire('a', options as never)
  await expect(acquiring).rejects.toThrow(TypeError)
  await expect(acquiring).rejects.toThrow(/Ms must be a number, got ('\d+'|undefined)/)
})

test('extend() refuses a TTL given as a string', async () => {
  await using lock = await locks.acquire('extended', { ttlMs })
  await expect(lock.extend('500' as never)).rejects.toThrow(/ttlMs must be a number, got '500'/)
})

test.each(['acquire', 'tryAcquire'] as const)('%s() shows an empty key', async (method) => {
  await expect(locks[method]('', { ttlMs })).rejects.toThrow(/must be a non-empty string, got ''$/)
})
