import { testDatabase, testRedis } from '@quorate/local-cluster/vitest'
import { Redis } from 'ioredis'
import pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'

const first = await testDatabase()

describe('testDatabase()', () => {
  let second: Awaited<ReturnType<typeof testDatabase>>
  beforeAll(async () => {
    second = await testDatabase()
  })

  it('gives each caller a database of its own', async () => {
    expect(second.name).not.toBe(first.name)
    const client = new pg.Client(second.url)
    await client.connect()
    const { rows } = await client.query('SELECT current_database() AS name')
    await client.end()
    expect(rows).toEqual([{ name: second.name }])
  })

  it('hands out replicas that have the database', async () => {
    expect(first.replicaUrls).toHaveLength(2)
    for (const url of first.replicaUrls) {
      const client = new pg.Client(url)
      await client.connect()
      const { rows } = await client.query('SELECT pg_is_in_recovery() AS standby, current_database() AS name')
      await client.end()
      expect(rows).toEqual([{ standby: true, name: first.name }])
    }
  })

  it('drops the database on dispose', async () => {
    const database = await testDatabase()
    await database[Symbol.asyncDispose]()
    await expect(new pg.Client(database.url).connect()).rejects.toThrow('does not exist')
  })
})

describe('testRedis()', () => {
  it('gives each caller an empty database of its own', async () => {
    const [one, other] = [await testRedis(), await testRedis()]
    const [a, b] = [new Redis(one.url), new Redis(other.url)]
    await a.set('key', 'value')
    expect(await b.dbsize()).toBe(0)
    expect(await a.dbsize()).toBe(1)
    a.disconnect()
    b.disconnect()
  })

  it('hands out a replica that follows', async () => {
    const redis = await testRedis()
    const [primary, replica] = [new Redis(redis.url), new Redis(redis.replicaUrls[0])]
    await primary.set('key', 'value')
    expect(await primary.wait(1, 5_000)).toBe(1)
    expect(await replica.get('key')).toBe('value')
    primary.disconnect()
    replica.disconnect()
  })
})
