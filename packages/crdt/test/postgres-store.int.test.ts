import { testDatabase } from '@quorate/local-cluster/vitest'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createCart, decodeCart } from '../src/index.ts'
import { postgresStore } from '../src/postgres/index.ts'
import { documentStoreContract } from '../src/testing/index.ts'

const database = await testDatabase()
const pools = [0, 1].map(() => {
  const pool = new pg.Pool({ connectionString: database.url, max: 4 })
  pool.on('error', () => {}) // a connection that dies while idle is the next query's problem
  return pool
}) as [pg.Pool, pg.Pool]
const [poolA, poolB] = pools
const type = { create: createCart, decode: decodeCart }
const carts = postgresStore({ pool: poolA, type })
const others = postgresStore({ pool: poolB, type })

// Two processes that start at once.
await Promise.all([carts.migrate(), others.migrate()])

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()))
  await database[Symbol.asyncDispose]()
})

const cases = documentStoreContract({
  stores: (options) => [
    postgresStore({ ...options, pool: poolA }),
    postgresStore({ ...options, pool: poolB }),
  ],
  run: 'contract',
})
for (const { title, run } of cases) {
  test(`postgres: ${title}`, async () => {
    await expect(run()).resolves.toBeUndefined()
  })
}

test('migrate() again changes nothing', async () => {
  const columns = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'quorate'"
  const before = await poolA.query(columns)
  await carts.migrate()
  expect((await poolA.query(columns)).rows).toEqual(before.rows)
  expect(before.rows).toHaveLength(6)
})

test('collections of one table know nothing of each other', async () => {
  const wishes = postgresStore({ pool: poolA, type, collection: 'wishes' })
  await carts.edit('shared', (cart) => cart.add('x'))
  await wishes.edit('shared', (cart) => cart.add('y'))
  expect([...(await carts.load('shared')).value.keys()]).toEqual(['x'])
  expect(await wishes.delete('shared')).toBe(true)
  expect([...(await carts.load('shared')).value.keys()]).toEqual(['x'])
})

test('purge() frees what has expired, and nothing else', async () => {
  const brief = postgresStore({ pool: poolA, type, collection: 'brief', ttlMs: 1 })
  const lasting = postgresStore({ pool: poolA, type, collection: 'brief' })
  for (const key of ['a', 'b', 'c']) await brief.edit(key, (cart) => cart.add('x'))
  await lasting.edit('d', (cart) => cart.add('x'))
  while ((await brief.load('c')).items().length > 0);
  expect(await brief.purge(2)).toBe(2)
  expect(await brief.purge()).toBe(1)
  expect((await lasting.load('d')).quantity('x')).toBe(1)
})

/** What a transaction does, and whether it stands. */
async function transact(
  end: 'COMMIT' | 'ROLLBACK',
  work: (tx: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const tx = await poolA.connect()
  try {
    await tx.query('BEGIN')
    await work(tx)
    await tx.query(end)
  } catch (error) {
    await tx.query('ROLLBACK')
    throw error
  } finally {
    tx.release()
  }
}

test('within() a transaction: edits stand or fall with it', async () => {
  await carts.edit('tx', (cart) => cart.add('x'))
  await transact('ROLLBACK', async (tx) => {
    const { document } = await carts.within(tx).edit('tx', (cart) => cart.add('lost'))
    expect(document.quantity('lost')).toBe(1)
  })
  await carts.edit('tx', (cart) => cart.add('y'))
  await transact('COMMIT', async (tx) => {
    await carts.within(tx).edit('tx', (cart) => cart.remove('x'))
    await carts.within(tx).edit('tx', (cart) => cart.add('z'))
  })
  expect([...(await others.load('tx')).value.keys()]).toEqual(['y', 'z'])
})

test('within(): a document that was only looked at expires like all others of the store', async () => {
  const brief = postgresStore({ pool: poolA, type, collection: 'looked at', ttlMs: 1 })
  await transact('COMMIT', async (tx) => {
    expect((await brief.within(tx).load('nothing')).items()).toEqual([])
  })
  const left = "SELECT FROM quorate.crdt_document WHERE collection = 'looked at'"
  for (let tries = 0; tries < 1_000 && (await brief.purge()) === 0; tries++);
  expect((await poolA.query(left)).rowCount).toBe(0)
})

test('within(): who comes second waits, and sees what the first one left', async () => {
  for (const end of ['COMMIT', 'ROLLBACK'] as const) {
    const key = `order ${end}`
    let second: Promise<void> | undefined
    await transact(end, async (tx) => {
      await carts.within(tx).edit(key, (cart) => cart.add('x'))
      second = transact('COMMIT', async (other) => {
        await carts.within(other).edit(key, (cart) => cart.add('x'))
      })
      const waiting =
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
      while ((await poolB.query(waiting)).rowCount === 0);
    })
    await second
    expect((await others.load(key)).quantity('x')).toBe(end === 'COMMIT' ? 2 : 1)
  }
})

test('what a rolled-back transaction showed to a device does not hide what is stored later', async () => {
  const device = createCart({ replica: 'device' })
  await transact('ROLLBACK', async (tx) => {
    device.merge((await carts.within(tx).edit('shown', (cart) => cart.add('seen'))).delta as never)
  })
  await transact('COMMIT', async (tx) => {
    await carts.within(tx).edit('shown', (cart) => cart.add('kept'))
  })
  await carts.edit('shown', (cart) => cart.add('kept'))
  const { document } = await others.merge('shown', device)
  expect([...document.value]).toEqual([
    ['kept', 2],
    ['seen', 1],
  ])
})

test('edits in transactions and outside at once: none is lost', async () => {
  const work = Array.from({ length: 40 }, (_, index) =>
    index % 4 === 0
      ? transact('COMMIT', async (tx) => {
          await carts.within(tx).edit('crowd', (cart) => cart.add('x'))
        })
      : (index % 2 === 0 ? carts : others).edit('crowd', (cart) => cart.add('x')),
  )
  await Promise.all(work)
  expect((await carts.load('crowd')).quantity('x')).toBe(40)
})

test('a serialization failure is a refusal, and the transaction is the caller’s to repeat', async () => {
  await carts.edit('serial', (cart) => cart.add('x'))
  const tx = await poolA.connect()
  await tx.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await tx.query('SELECT 1 FROM quorate.crdt_document LIMIT 1')
  await others.edit('serial', (cart) => cart.add('x'))
  await expect(carts.within(tx).edit('serial', (cart) => cart.add('x'))).rejects.toMatchObject({
    code: 'QUORATE_CRDT_STORE',
    outcome: 'not-applied',
    cause: { code: '40001' },
  })
  await tx.query('ROLLBACK')
  tx.release()
  expect((await carts.load('serial')).quantity('x')).toBe(2)
})

test('without the table, the error says so and nothing is unknown', async () => {
  const store = postgresStore({ pool: poolA, type, schema: 'nowhere' })
  await expect(store.edit('a', (cart) => cart.add('x'))).rejects.toMatchObject({
    outcome: 'not-applied',
    cause: { code: expect.stringMatching(/^(?:42P01|3F000)$/) },
  })
  expect(() => postgresStore({ pool: {} as never, type })).toThrow(/pg.Pool/)
  expect(() => postgresStore({ pool: poolA, type, schema: '' })).toThrow(TypeError)
})
