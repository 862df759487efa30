import { localCluster } from '@quorate/local-cluster'
import { Redis } from 'ioredis'
import { afterAll, expect, it } from 'vitest'

const cluster = await localCluster({ redis: { cart: { replicas: 2, settings: { maxmemory: '50mb' } } } })
afterAll(() => cluster.stop())
const { cart } = cluster.redis

async function ask(url: string, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  await client.connect()
  try {
    return await client.call(command, ...args)
  } finally {
    client.disconnect()
  }
}
const set = (key: string, value: string): Promise<unknown> => ask(cart.primary.url, 'SET', key, value)
const get = (url: string, key: string): Promise<unknown> => ask(url, 'GET', key)

it('replicates what the primary writes, with the settings that were asked for', async () => {
  await set('a', '1')
  for (const replica of cart.replicas) {
    await replica.caughtUp()
    expect(await get(replica.url, 'a')).toBe('1')
    expect(await ask(replica.url, 'CONFIG', 'GET', 'maxmemory')).toEqual([
      'maxmemory',
      String(50 * 1024 * 1024),
    ])
  }
})

it('a partition of a link stalls replication and healing lets it catch up', async () => {
  await cart.link('primary', 'replica-1').partition()
  await set('b', '1')
  await cart.replicas[1].caughtUp()
  expect(await get(cart.replicas[0].url, 'b')).toBeNull()
  await cart.link('primary', 'replica-1').heal()
  await cart.replicas[0].caughtUp()
  expect(await get(cart.replicas[0].url, 'b')).toBe('1')
})

it('promote() makes the replica primary, and the others follow, the old primary too', async () => {
  const [old, target] = [cart.primary, cart.replicas[0]]
  await set('c', '1')
  await target.caughtUp()
  await cart.promote(0)
  expect(cart.primary).toBe(target)
  expect(cart.replicas[0]).toBe(old)
  await set('d', '1')
  for (const replica of cart.replicas) {
    await replica.caughtUp()
    expect([await get(replica.url, 'c'), await get(replica.url, 'd')]).toEqual(['1', '1'])
  }
})

it('a replica that was paused during a promotion follows the new primary once resumed', async () => {
  const [, paused] = cart.replicas
  await paused.pause()
  await cart.promote(0)
  await set('e', '1')
  await paused.resume()
  await paused.caughtUp()
  expect(await get(paused.url, 'e')).toBe('1')
})

it('a killed replica comes back on its port and catches up', async () => {
  const [replica] = cart.replicas
  const { port } = replica
  await replica.kill()
  await expect(get(replica.url, 'a')).rejects.toThrow('closed')
  await set('f', '1')
  await replica.restart()
  await replica.caughtUp()
  expect(replica.port).toBe(port)
  expect(await get(replica.url, 'f')).toBe('1')
})

it('a killed primary has lost its data, as a Redis without persistence does', async () => {
  await cart.primary.kill()
  await cart.primary.restart()
  expect(await get(cart.primary.url, 'a')).toBeNull()
})
