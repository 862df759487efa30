// Postgres inside of this process: one connection, prepared statements only, and a driver that is not `pg`.
import { PGlite } from '@electric-sql/pglite'
import { afterAll, expect, test } from 'vitest'
import { hotRowBatcher } from '../src/batcher/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { reservations, reservationsMigration } from '../src/reservations/index.ts'
import { withRowLock } from '../src/row-lock/index.ts'
import { stripedCounters, stripesMigration } from '../src/stripes/index.ts'

interface Stock {
  readonly sku: string
  readonly tags: readonly string[]
  readonly available: number
  readonly version: number
}

const db = await PGlite.create()
afterAll(() => db.close())
await db.exec(`CREATE TABLE stock (sku text, tags text[], available int NOT NULL CHECK (available >= 0), version int NOT NULL,
  PRIMARY KEY (sku, tags)); ${stripesMigration()} ${reservationsMigration()}`)
const options = { table: table<Stock>('stock'), key: ['sku', 'tags'] } as const
const stock = optimisticRepository(db, { ...options, version: 'version' })
const fresh = (sku: string, available = 5): Promise<Stock> => stock.insert({ sku, tags: ['a'], available })
const TAKE = 'UPDATE stock SET available = available - $1 WHERE sku = $2'

let last = Promise.resolve()
/** The one connection, for one caller at a time. */
const pool = {
  async connect() {
    const before = last
    const { promise, resolve } = Promise.withResolvers<void>()
    last = promise
    await before
    const query = (statement: string | { text: string; values: unknown[] }, values: unknown[] = []) =>
      typeof statement === 'string' ? db.query(statement, values) : db.query(statement.text, statement.values)
    return { query, release: () => resolve() }
  },
}

test('a repository: versions, counters, lists, and a key that is taken', async () => {
  const mug = await fresh('mug')
  const lamp = await fresh('{lamp}')
  await expect(fresh('mug')).rejects.toMatchObject({ code: 'QUORATE_ROW_EXISTS' })
  expect(await stock.getOrInsert({ ...mug, available: 9 })).toEqual({ inserted: false, row: mug })
  const updated = await stock.update(mug, { available: 4 })
  await expect(stock.update(mug, { available: 3 })).rejects.toMatchObject({ expected: 1, actual: 2 })
  expect(await stock.getMany([lamp, { sku: 'no', tags: [] }, mug])).toEqual([lamp, undefined, updated])
  const both = [mug, lamp].map((key) => ({ key, by: { available: 3 } }))
  expect(await stock.decrementAllIf(both)).toMatchObject({
    granted: true,
    rows: [{ available: 1 }, { available: 2 }],
  })
  expect(await stock.decrementAllIf(both)).toMatchObject({ granted: false })
  await db.transaction(async (transaction) => {
    const inside = stock.withTransaction(transaction)
    expect(await inside.decrementIf(lamp, { available: 1 })).toMatchObject({ available: 1 })
    await transaction.rollback()
  })
  expect(await stock.mutate(lamp, ({ available }) => ({ available: available - 1 }))).toMatchObject({
    available: 1,
  })
})

test('withRowLock() commits, rolls back, and notices a commit of its function', async () => {
  const locked = await fresh('locked')
  const target = { table: options.table, key: { sku: 'locked', tags: ['a'] } }
  const grants = await Promise.all(
    Array.from({ length: 7 }, () =>
      withRowLock(pool, target, async ({ row, client }) => {
        if (row.available === 0) return false
        await client.query(TAKE, [1, 'locked'])
        return true
      }),
    ),
  )
  expect(grants.filter(Boolean)).toHaveLength(5)
  expect(await stock.get(locked)).toMatchObject({ available: 0 })
  await expect(withRowLock(pool, target, ({ client }) => client.query('COMMIT'))).rejects.toMatchObject({
    code: 'QUORATE_ROW_LOCK_LOST',
  })
  const swallowed = withRowLock(pool, target, ({ client }) =>
    client.query(TAKE, [1, 'locked']).catch(() => 'short'),
  )
  await expect(swallowed).rejects.toMatchObject({ code: 'QUORATE_ROLLED_BACK' })
})

test('a batcher, stripes and reservations', async () => {
  const hot = await fresh('hot', 3)
  const batcher = hotRowBatcher(pool, { ...options, counter: 'available', version: 'version' })
  const units = [2, 2, 1].map((amount) => batcher.decrementIf(hot, amount))
  expect(await Promise.all([...units, batcher.decrementIf({ sku: 'none', tags: [] })])).toEqual([
    { left: 1 },
    undefined,
    { left: 0 },
    undefined,
  ])
  await batcher.stop()

  const counters = stripedCounters(db)
  await counters.create('striped', 10)
  expect(await counters.decrementIf('striped', 7)).toBe(true)
  expect(await counters.decrementIf('striped', 4)).toBe(false)

  await fresh('held', 2)
  const holds = reservations(db, { ...options, counter: 'available' })
  const key = { sku: 'held', tags: ['a'] }
  expect(await holds.hold('order', key, 2)).toMatchObject({ state: 'held' })
  expect(await holds.hold('another', key, 1)).toBeUndefined()
  await holds.release('order')
  expect(await stock.get(key)).toMatchObject({ available: 2 })
})
