// Stock as a quorum read: 2 of an inventory primary and its two streaming replicas.
import { localCluster } from '@quorate/local-cluster'
import { testDatabase } from '@quorate/local-cluster/vitest'
import { quorum, type QuorumEvent, type QuorumReader } from '@quorate/quorum-client'
import { type PgQueryable, postgresRowReplica } from '@quorate/quorum-client/postgres'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { Pools } from './pools.ts'

interface Stock {
  readonly available: number
}

const TABLE = `CREATE TABLE stock (sku varchar(40) PRIMARY KEY, available integer NOT NULL, version bigint NOT NULL)`

function reader(
  pools: readonly PgQueryable[],
  options: { deadlineMs?: number; onEvent?: (event: QuorumEvent) => void } = {},
): QuorumReader<Stock, number> {
  const replicas = ['primary', 'replica-1', 'replica-2'].map((id, index) =>
    postgresRowReplica<Stock>({
      id,
      pool: pools[index] as PgQueryable,
      table: 'public.stock',
      key: 'sku',
      value: ['available'],
      version: 'version',
    }),
  )
  return quorum<Stock, number>({ replicas, r: 2, ...options })
}

const sell = (primary: pg.Pool, sku: string): Promise<unknown> =>
  primary.query('UPDATE stock SET available = available - 1, version = version + 1 WHERE sku = $1', [sku])

test('readMany() of 300 SKUs is one query on each server', async () => {
  const db = await testDatabase()
  await using pools = new Pools()
  const all = [db.url, ...db.replicaUrls].map((url) => pools.of(url))
  const [primary] = all as [pg.Pool]
  await primary.query(TABLE)
  await primary.query(`INSERT INTO stock SELECT 'sku-' || i, i, i * 10 FROM generate_series(1, 300) i`)
  const queries: number[] = [0, 0, 0]
  const counted = all.map((pool, index): PgQueryable => ({
    query: (text, values) => {
      queries[index] = (queries[index] ?? 0) + 1
      return pool.query(text, values)
    },
  }))
  await using stock = reader(counted)
  const skus = Array.from({ length: 300 }, (_, i) => `sku-${i + 1}`)
  const found = await stock.readMany([...skus, 'none'])
  expect(queries).toEqual([1, 1, 1])
  expect(found.size).toBe(301)
  expect(found.get('sku-7')).toMatchObject({ repaired: [] })
  expect(found.get('none')).toMatchObject({ value: undefined, tag: undefined })
})

test('rows of a table with integer keys, quoted names and many value columns', async () => {
  const db = await testDatabase()
  await using pools = new Pools()
  const pool = pools.of(db.url)
  await pool.query(
    `CREATE SCHEMA "Lager"; CREATE TABLE "Lager"."It's" ("Nr" integer PRIMARY KEY, "a'b" text, n numeric(8,2), v smallint)`,
  )
  await pool.query(`INSERT INTO "Lager"."It's" VALUES (1, 'x', 2.50, 3), (2, NULL, NULL, 4)`)
  const replica = postgresRowReplica<Record<string, unknown>>({
    id: 'a',
    pool,
    table: `Lager.It's`,
    key: 'Nr',
    keyType: 'integer',
    value: ["a'b", 'n'],
    version: 'v',
  })
  expect(await replica.get('1')).toEqual({ tag: 3, value: { "a'b": 'x', n: 2.5 } })
  expect(await replica.get('2')).toEqual({ tag: 4, value: { "a'b": null, n: null } })
  expect(await replica.get('9')).toBe(undefined)
  await pool.query(`UPDATE "Lager"."It's" SET v = NULL WHERE "Nr" = 1`)
  await expect(replica.get('1')).rejects.toThrow(RangeError)
})

test('wrong options are refused', () => {
  const pool: PgQueryable = { query: async () => ({ rows: [], rowCount: 0 }) }
  const options = { id: 'a', pool, table: 't', key: 'k', value: ['v'], version: 'n' }
  expect(() => postgresRowReplica({ ...options, value: [] })).toThrow(TypeError)
  expect(() => postgresRowReplica({ ...options, table: 'a..b' })).toThrow(TypeError)
  expect(() => postgresRowReplica({ ...options, keyType: 'text[]); --' as 'text' })).toThrow(TypeError)
})

test('with one replica behind, every read is the latest sale; with a frozen or dead server reads go on', async () => {
  await using pools = new Pools()
  await using cluster = await localCluster({ postgres: { main: { replicas: 2 } } })
  const { main } = cluster.postgres
  const all = [main.primary, ...main.replicas].map(({ url }) => pools.of(url))
  const [primary] = all as [pg.Pool]
  await primary.query(TABLE)
  await primary.query(`INSERT INTO stock VALUES ('sku-1', 1000, 1), ('sku-2', 1000, 1)`)
  await Promise.all(main.replicas.map((replica) => replica.caughtUp()))
  const [first, second] = main.replicas as [(typeof main.replicas)[0], (typeof main.replicas)[0]]
  const failed: string[] = []
  await using stock = reader(all, {
    deadlineMs: 600_000, // to wait for a frozen replica is to hang
    onEvent: (event) => event.type === 'replica-failed' && failed.push(event.replica),
  })

  // Behind: of any two answers one is fresh.
  await first.pauseReplay()
  for (let sold = 1; sold <= 50; sold++) {
    await sell(primary, 'sku-1')
    await second.caughtUp()
    expect(await stock.read('sku-1')).toMatchObject({ value: { available: 1_000 - sold }, tag: 1 + sold })
  }
  const behind = await stock.read('sku-1', { consistency: 'ALL' })
  expect(behind.value).toEqual({ available: 950 })
  expect(behind.responses).toContainEqual({ replica: 'replica-1', tag: 1 })
  expect(behind.repaired).toEqual([])
  await first.resumeReplay()
  await first.caughtUp()

  // Frozen: connections are open and nobody answers. More reads than its pool has connections.
  await first.pause()
  for (let i = 0; i < 20; i++) {
    const { value, responses } = await stock.read('sku-1')
    expect(value).toEqual({ available: 950 })
    expect(responses.map(({ replica }) => replica)).not.toContain('replica-1')
  }
  const slow = performance.now()
  await expect(stock.read('sku-1', { consistency: 'ALL', deadlineMs: 300 })).rejects.toMatchObject({
    code: 'QUORATE_QUORUM_UNAVAILABLE',
    needed: 3,
    cause: expect.objectContaining({ name: 'TimeoutError' }),
  })
  expect(performance.now() - slow).toBeGreaterThan(250)
  await first.resume()
  await first.caughtUp()
  expect((await stock.read('sku-1', { consistency: 'ALL' })).responses.length).toBe(3)

  // Dead primary: display goes on from its replicas.
  await main.primary.kill()
  expect(await stock.read('sku-1')).toMatchObject({ value: { available: 950 } })
  expect((await stock.readMany(['sku-1', 'sku-2'])).get('sku-2')).toMatchObject({
    value: { available: 1_000 },
  })
  // The two replicas may answer before the primary's failure is known; with all three it has to be.
  await expect(stock.read('sku-1', { consistency: 'ALL' })).rejects.toMatchObject({ needed: 3 })
  expect(failed).toContain('primary')
})
test('a key is found in any spelling its type knows, and comes back as it was asked for', async () => {
  const db = await testDatabase()
  await using pools = new Pools()
  const pool = pools.of(db.url)
  await pool.query(
    'CREATE TABLE part (id uuid PRIMARY KEY, available integer NOT NULL, version integer NOT NULL)',
  )
  const id = 'a1b2c3d4-0000-4000-8000-00000000abcd'
  await pool.query('INSERT INTO part VALUES ($1, 3, 1)', [id])
  const replica = postgresRowReplica<Stock>({
    id: 'primary',
    pool,
    table: 'part',
    key: 'id',
    keyType: 'uuid',
    value: ['available'],
    version: 'version',
  })
  const record = { tag: 1, value: { available: 3 } }
  expect(await replica.get(id.toUpperCase())).toEqual(record)
  const both = await replica.getMany([id.toUpperCase(), id])
  expect([...both]).toEqual([
    [id.toUpperCase(), record],
    [id, record],
  ])
})
