import { localCluster } from '@quorate/local-cluster'
import { testRedis } from '@quorate/local-cluster/vitest'
import { Redis } from 'ioredis'
import { afterAll, expect, test } from 'vitest'
import { type Cart, createCart, createOrSet, decodeCart, decodeOrSet } from '../src/index.ts'
import { type RedisLike, redisStore } from '../src/redis/index.ts'
import type { DocumentStore } from '../src/store/index.ts'
import { documentStoreContract } from '../src/testing/index.ts'

const server = await testRedis()
const connect = (): Redis => {
  const redis = new Redis(server.url)
  redis.on('error', () => {}) // each call reports its own
  return redis
}
const clients = [connect(), connect()] as const
const [clientA, clientB] = clients
afterAll(() => {
  for (const client of clients) client.disconnect()
})

const type = { create: createCart, decode: decodeCart }
const MODES = ['append', 'replace'] as const

for (const mode of MODES) {
  const cases = documentStoreContract({
    stores: (options) => [
      redisStore({ ...options, client: clientA, mode }),
      redisStore({ ...options, client: clientB, mode }),
    ],
    run: `contract ${mode}`,
  })
  for (const { title, run } of cases) {
    test(`redis, ${mode}: ${title}`, async () => {
      await expect(run()).resolves.toBeUndefined()
    })
  }
}

test.each(MODES)('%s: a client that makes pipelines by itself', async (mode) => {
  const client = new Redis(server.url, { enableAutoPipelining: true })
  try {
    const store = redisStore({ client, type, mode, prefix: `auto ${mode}` })
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.edit(`ann-${index % 3}`, (cart) => cart.add('x'))),
    )
    await client.script('FLUSH')
    await store.edit('ann-0', (cart) => cart.add('x'))
    const quantities = [0, 1, 2].map(async (index) => (await store.load(`ann-${index}`)).quantity('x'))
    expect(await Promise.all(quantities)).toEqual([8, 7, 6])
    expect(await store.delete('ann-0')).toBe(true)
  } finally {
    client.disconnect()
  }
})

/** Commands the server has run, by name. */
async function counted(work: () => Promise<unknown>): Promise<Record<string, number>> {
  await clientB.config('RESETSTAT')
  await work()
  const stats = await clientB.info('commandstats')
  const calls = stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)
  return Object.fromEntries([...calls].map(([, name = '', count]) => [name, Number(count)]))
}

test.each(MODES)('%s: a write is one round trip, also of a hundred edits at once', async (mode) => {
  const store = redisStore({ client: clientA, type, mode, prefix: `trips ${mode}` })
  await store.edit('ann', (cart) => cart.add('x'))
  expect(await counted(() => store.edit('ann', (cart) => cart.add('x')))).toMatchObject({ evalsha: 1 })
  const group = (): Promise<unknown> =>
    Promise.all(Array.from({ length: 100 }, () => store.edit('ann', (cart) => cart.add('x'))))
  expect((await counted(group))['evalsha']).toBe(1)
  expect((await store.load('ann')).quantity('x')).toBe(102)
})

test('append: deltas are folded into one state, and what others append meanwhile stays', async () => {
  const stores = [clientA, clientB].map((client) => redisStore({ client, type, prefix: 'fold' }))
  for (let index = 0; index < 250; index++) await stores[index % 2]?.edit('ann', (cart) => cart.add('x'))
  const hash = await clientA.hgetall('fold:ann')
  expect(Object.keys(hash).length).toBeLessThan(120)
  expect(Number(hash['b'])).toBeGreaterThanOrEqual(200)
  const fresh = redisStore({ client: clientA, type, prefix: 'fold' })
  expect((await fresh.load('ann')).quantity('x')).toBe(250)
  // A store that has slept through it all.
  expect((await (stores[0] as typeof fresh).load('ann')).quantity('x')).toBe(250)
})

test('stores that append and stores that replace share documents', async () => {
  const stores = MODES.map((mode) => redisStore({ client: clientA, type, mode, prefix: 'mixed' }))
  await Promise.all(
    Array.from({ length: 80 }, async (_, index) => stores[index % 2]?.edit('ann', (cart) => cart.add('x'))),
  )
  for (const store of stores) expect((await store.load('ann')).quantity('x')).toBe(80)
})

test('a write that only makes the state smaller is stored with rewrite', async () => {
  const [a, b] = [clientA, clientB].map((client) => redisStore({ client, type, prefix: 'rewrite' }))
  for (let index = 0; index < 20; index++) await a?.edit('ann', (cart) => cart.add('x'))
  await b?.edit('ann', () => {}, { rewrite: true })
  expect(await clientA.hkeys('rewrite:ann')).toHaveLength(5)
  expect((await a?.load('ann'))?.quantity('x')).toBe(20)
})

test.each(MODES)(
  '%s: a document that went back and on again, to the same number of writes, is another history',
  async (mode) => {
    const prefix = `back ${mode}`
    const [a, b] = [clientA, clientB].map((client) => redisStore({ client, type, mode, prefix })) as [
      DocumentStore<Cart>,
      DocumentStore<Cart>,
    ]
    const device = createCart({ replica: 'device' })
    for (let index = 0; index < 3; index++) await a.edit('ann', (cart) => cart.add('kept'))
    const backup = (await clientA.callBuffer('dump', `${prefix}:ann`)) as Buffer
    for (let index = 0; index < 3; index++) {
      device.merge((await a.edit('ann', (cart) => cart.add('lost'))).document)
    }
    // As after a fail-over to a server that was behind.
    await clientA.call('restore', `${prefix}:ann`, 0, backup, 'REPLACE')
    for (let index = 0; index < 3; index++) await b.edit('ann', (cart) => cart.add('other'))
    const { document } = await a.edit('ann', (cart) => cart.add('later'))
    expect(Object.fromEntries(document.value)).toEqual({ kept: 3, later: 1, other: 3 })
    const merged = await b.merge('ann', device)
    expect(Object.fromEntries(merged.document.value)).toEqual({ kept: 3, later: 1, lost: 3, other: 3 })
    expect(merged.document.hasGaps).toBe(false)
  },
)

test('a server that has forgotten its scripts gets them again', async () => {
  const store = redisStore({ client: clientA, type, prefix: 'forgetful' })
  await store.edit('ann', (cart) => cart.add('x'))
  await clientB.script('FLUSH')
  await store.edit('ann', (cart) => cart.add('x'))
  expect((await store.load('ann')).quantity('x')).toBe(2)
})

test('a key that is no document of ours, or of another type, is an error and stays as it is', async () => {
  await clientA.set('foreign:ann', 'text')
  const carts = redisStore({ client: clientA, type, prefix: 'foreign' })
  const refused = { code: 'QUORATE_CRDT_STORE', outcome: 'not-applied', key: 'ann' }
  await expect(carts.edit('ann', (cart) => cart.add('x'))).rejects.toMatchObject(refused)
  expect(await clientA.get('foreign:ann')).toBe('text')

  await carts.edit('ben', (cart) => cart.add('x'))
  const sets = redisStore({
    client: clientA,
    type: { create: createOrSet, decode: decodeOrSet },
    prefix: 'foreign',
  })
  await expect(sets.edit('ben', (set) => set.add('x'))).rejects.toMatchObject({ code: 'QUORATE_DECODE' })
  await expect(sets.merge('ben', createOrSet({ replica: 'a' }))).rejects.toMatchObject({
    code: 'QUORATE_DECODE',
  })
  expect((await carts.load('ben')).value).toEqual(new Map([['x', 1]]))
})

test('with replicas, an edit is acknowledged when they have it, and else its outcome is unknown', async () => {
  const store = redisStore({ client: clientA, type, prefix: 'wait', replicas: 1, waitMs: 5_000 })
  await store.edit('ann', (cart) => cart.add('x'))
  const replica = new Redis(server.replicaUrls[0])
  expect(await replica.exists('wait:ann')).toBe(1)
  replica.disconnect()
  const many = redisStore({ client: clientA, type, prefix: 'wait', replicas: 2, waitMs: 20 })
  const failure = await many.edit('ann', (cart) => cart.add('y')).catch((error) => error)
  expect(failure).toMatchObject({
    code: 'QUORATE_CRDT_STORE',
    outcome: 'unknown',
    key: 'ann',
    cause: { message: '1 of 2 replicas have it after 20 ms' },
  })
  // It stands on the primary; to merge it again waits again.
  await expect(many.merge('ann', failure.delta)).rejects.toMatchObject({ outcome: 'unknown' })
  expect((await store.merge('ann', failure.delta)).document.quantity('y')).toBe(1)
})

test.each(MODES)(
  '%s, with replicas: a command that the driver sends again over a new connection waits for them too',
  async (mode) => {
    await using cluster = await localCluster({ redis: { carts: { replicas: 1 } } })
    const { carts } = cluster.redis
    const connections = [new Redis(carts.primary.port), new Redis(carts.primary.port)] as const
    const [first, second]: readonly [RedisLike, RedisLike] = connections
    await carts.replicas[0]?.caughtUp()
    await carts.replicas[0]?.pause()
    const client: RedisLike = {
      pipeline: () => second.pipeline(),
      callBuffer: async (command, ...args) => {
        // Done, and the connection gone with its answer: all that was not answered goes over the second one.
        if (command.startsWith('eval') && args.length > 6) await first.callBuffer(command, ...args)
        return second.callBuffer(command, ...args)
      },
    }
    const store = redisStore({ client, type, mode, replicas: 1, waitMs: 50 })
    await expect(store.edit('ann', (cart) => cart.add('x'))).rejects.toMatchObject({
      outcome: 'unknown',
      cause: { message: '0 of 1 replicas have it after 50 ms' },
    })
    await carts.replicas[0]?.resume()
    for (const redis of connections) redis.disconnect()
  },
)

test('wrong options are refused', () => {
  expect(() => redisStore({ client: {} as never, type })).toThrow(/ioredis/)
  expect(() => redisStore({ client: clientA, type: {} as never })).toThrow(/create and decode/)
  for (const wrong of [
    { ttlMs: 0 },
    { replicas: 0 },
    { waitMs: 1.5 },
    { maxCached: 0 },
    { maxRetries: -1 },
  ]) {
    expect(() => redisStore({ client: clientA, type, ...wrong })).toThrow(RangeError)
  }
  expect(() => redisStore({ client: clientA, type, ttlMs: '5' as never })).toThrow(TypeError)
})
