import { expect, test } from 'vitest'
import type { OptimisticEvent } from '../src/index.ts'
import { optimisticRepository as kyselyRepository } from '../src/kysely/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool, db } = await connect(20)
const events: OptimisticEvent[] = []
const stock = optimisticRepository(pool, {
  table: table<Stock>('stock'),
  key: ['sku', 'warehouse'],
  version: 'version',
  onEvent: (event) => events.push(event),
})
const kyselyStock = kyselyRepository(db, { table: 'stock', key: ['sku', 'warehouse'], version: 'version' })

test('64 clients buying one unit each of 47 get exactly 47, and never less than 0 is seen', async () => {
  const key = { sku: 'hot', warehouse: 1 }
  await stock.insert({ ...key, available: 47 })
  const bought = await Promise.all(Array.from({ length: 64 }, () => stock.decrementIf(key, { available: 1 })))
  const left = bought.flatMap((row) => (row === undefined ? [] : [row.available]))
  // Each grant saw its own count: 46 down to 0, none twice.
  expect(left.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 47 }, (_, index) => index))
  expect(await stock.get(key)).toMatchObject({ available: 0, version: 48 })
})

test('64 orders, each a transaction with its reservation row: grants and rows agree', async () => {
  const key = { sku: 'reserved', warehouse: 1 }
  await stock.insert({ ...key, available: 47 })
  const rollback = new Error('payment declined')
  const orders = await Promise.allSettled(
    Array.from({ length: 64 }, (_, order) =>
      db.transaction().execute(async (trx) => {
        const row = await kyselyStock.withTransaction(trx).decrementIf(key, { available: 2 })
        if (row === undefined) return 'short'
        await trx
          .insertInto('reservation')
          .values({ orderId: `order-${order}`, sku: key.sku, quantity: 2 })
          .execute()
        // A transaction that rolls back gives its units to those who wait behind it.
        if (order % 8 === 0) throw rollback
        return 'granted'
      }),
    ),
  )
  const granted = orders.filter((order) => order.status === 'fulfilled' && order.value === 'granted')
  const failed = orders.flatMap((order) => (order.status === 'rejected' ? [order.reason] : []))
  expect(new Set(failed)).toEqual(new Set([rollback]))
  const { sum } = await db
    .selectFrom('reservation')
    .where('sku', '=', key.sku)
    .select(({ fn }) => fn.sum('quantity').as('sum'))
    .executeTakeFirstOrThrow()
  expect(granted).toHaveLength(23)
  expect(Number(sum)).toBe(46)
  expect(await stock.get(key)).toMatchObject({ available: 1 })
})

test('decrementIf() keeps a refused transaction usable, and reports who was short', async () => {
  const key = { sku: 'short', warehouse: 1 }
  await stock.insert({ ...key, available: 1 })
  events.length = 0
  expect(await stock.decrementIf(key, { available: 2 })).toBeUndefined()
  expect(await stock.decrementIf({ sku: 'no-such', warehouse: 1 }, { available: 1 })).toBeUndefined()
  expect(events).toEqual([
    { type: 'short', table: 'stock', keys: [key] },
    { type: 'short', table: 'stock', keys: [{ sku: 'no-such', warehouse: 1 }] },
  ])
  const after = await db.transaction().execute(async (trx) => {
    const inside = kyselyStock.withTransaction(trx)
    expect(await inside.decrementIf(key, { available: 2 })).toBeUndefined()
    return inside.decrementIf(key, { available: 1 })
  })
  expect(after).toMatchObject({ available: 0 })
})

test('adjustIf() moves between columns, all within their bounds or nothing', async () => {
  const key = { sku: 'move', warehouse: 1 }
  await stock.insert({ ...key, available: 5, reserved: 0 })
  const move = (quantity: number): Promise<Stock | undefined> =>
    stock.adjustIf(key, { available: -quantity, reserved: quantity }, { max: { reserved: 4n } })
  expect(await move(3)).toMatchObject({ available: 2, reserved: 3 })
  expect(await move(2)).toBeUndefined() // reserved would be 5
  expect(await stock.adjustIf(key, { available: -3 }, { min: { available: -1 } }).catch((e) => e.code)).toBe(
    '23514', // the table's own CHECK: our bound was lifted on purpose
  )
  expect(await stock.decrementIf(key, { available: 1 }, { min: { available: 'reserved' } })).toBeUndefined()
  expect(await stock.get(key)).toMatchObject({ available: 2, reserved: 3, version: 2 })
})

const item = (
  sku: string,
  quantity: number,
): { key: { sku: string; warehouse: number }; by: { available: number } } => ({
  key: { sku, warehouse: 3 },
  by: { available: quantity },
})

test('decrementAllIf() takes all or nothing and names what was short or gone', async () => {
  for (const [sku, available] of [
    ['a', 5],
    ['b', 1],
    ['c', 5],
  ] as const) {
    await stock.insert({ sku, warehouse: 3, available })
  }
  expect(await stock.decrementAllIf([])).toEqual({ granted: true, rows: [] })
  expect(await stock.decrementAllIf([item('c', 2), item('a', 1), item('c', 1)])).toEqual({
    granted: true,
    rows: [
      { sku: 'c', warehouse: 3, available: 2, reserved: 0, version: 2 },
      { sku: 'a', warehouse: 3, available: 4, reserved: 0, version: 2 },
    ],
  })
  expect(await stock.decrementAllIf([item('a', 1), item('b', 2), item('z', 1)])).toEqual({
    granted: false,
    short: [
      {
        key: { sku: 'b', warehouse: 3 },
        row: { sku: 'b', warehouse: 3, available: 1, reserved: 0, version: 1 },
      },
      { key: { sku: 'z', warehouse: 3 }, row: undefined },
    ],
  })
  // Two lines of one SKU count together.
  expect(await stock.decrementAllIf([item('a', 3), item('a', 2)])).toMatchObject({ granted: false })
  expect(await stock.get({ sku: 'a', warehouse: 3 })).toMatchObject({ available: 4, version: 2 })
})

test('adjustAllIf() takes different columns per item, with bounds', async () => {
  await stock.insert({ sku: 'up', warehouse: 4, available: 1 })
  await stock.insert({ sku: 'down', warehouse: 4, available: 9 })
  const items = [
    { key: { sku: 'up', warehouse: 4 }, by: { available: 2n, reserved: 1 } },
    { key: { sku: 'down', warehouse: 4 }, by: { available: -2 } },
  ]
  expect(await stock.adjustAllIf(items, { max: { available: 2 } })).toMatchObject({ granted: false })
  expect(await stock.adjustAllIf(items)).toMatchObject({
    granted: true,
    rows: [
      { sku: 'up', available: 3, reserved: 1 },
      { sku: 'down', available: 7, reserved: 0 },
    ],
  })
})

test('decrementAllIf() that waited for a restock is judged on the restocked row', async () => {
  const key = { sku: 'restock', warehouse: 6 }
  await stock.insert({ ...key, available: 3 })
  const restock = await pool.connect()
  try {
    await restock.query('BEGIN')
    await restock.query("UPDATE stock SET available = 9, version = 2 WHERE sku = 'restock'")
    const taking = stock.decrementAllIf([{ key, by: { available: 6 } }])
    await untilSomebodyWaits()
    await restock.query('COMMIT')
    // 3 - 6 would break the table's CHECK: it must not even be tried.
    expect(await taking).toMatchObject({ granted: true, rows: [{ available: 3, version: 3 }] })
  } finally {
    restock.release()
  }
})

/** Until a statement on this database waits for a lock. */
async function untilSomebodyWaits(): Promise<void> {
  const waiting =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
  while ((await pool.query(waiting)).rowCount === 0);
}

test('concurrent decrementAllIf() over the same rows in any order neither deadlock nor oversell', async () => {
  const skus = Array.from({ length: 8 }, (_, index) => `sku-${index}`)
  for (const sku of skus) await stock.insert({ sku, warehouse: 5, available: 30 })
  const sold = new Map(skus.map((sku) => [sku, 0]))
  let refused = 0
  const shortCounts: (number | undefined)[] = []
  await Promise.all(
    Array.from({ length: 120 }, async (_, order) => {
      // Each order takes 4 rows, starting anywhere, in rising or falling order.
      const picked = Array.from({ length: 4 }, (__, index) => skus[(order * 3 + index) % 8] as string)
      if (order % 2 === 1) picked.reverse()
      const items = picked.map((sku) => ({ key: { sku, warehouse: 5 }, by: { available: 1 } }))
      const result = await db
        .transaction()
        .execute((trx) => kyselyStock.withTransaction(trx).decrementAllIf(items))
      if (!result.granted) {
        refused++
        shortCounts.push(...result.short.map(({ row }) => row?.available))
        return
      }
      for (const sku of picked) sold.set(sku, (sold.get(sku) ?? 0) + 1)
    }),
  )
  for (const sku of skus) {
    const row = await stock.get({ sku, warehouse: 5 })
    expect(row?.available).toBe(30 - (sold.get(sku) ?? 0))
  }
  expect(refused).toBeGreaterThan(0)
  expect(new Set(shortCounts)).toEqual(new Set([0]))
  expect([...sold.values()].reduce((sum, count) => sum + count, 0)).toBe((120 - refused) * 4)
})

test('two spellings of one key are one row: their amounts add up', async () => {
  await pool.query('CREATE TABLE part (id uuid PRIMARY KEY, available int NOT NULL, version int NOT NULL)')
  const parts = optimisticRepository(pool, {
    table: table<{ id: string; available: number; version: number }>('part'),
    key: ['id'],
    version: 'version',
  })
  const id = 'a1b2c3d4-0000-4000-8000-00000000abcd'
  await parts.insert({ id, available: 3 })
  const take = (quantity: number): ReturnType<typeof parts.decrementAllIf> =>
    parts.decrementAllIf([
      { key: { id }, by: { available: quantity } },
      { key: { id: id.toUpperCase() }, by: { available: quantity } },
    ])
  expect(await take(2)).toEqual({
    granted: false,
    short: [{ key: { id }, row: { id, available: 3, version: 1 } }],
  })
  expect(await take(1)).toEqual({ granted: true, rows: [{ id, available: 1, version: 2 }] })
  expect(await parts.get({ id })).toMatchObject({ available: 1 })
})

test('amounts of several lines of one key add up as the column does, not as binary fractions', async () => {
  await pool.query('CREATE TABLE fluid (id text PRIMARY KEY, litres numeric NOT NULL, version int NOT NULL)')
  const fluids = optimisticRepository(pool, {
    table: table<{ id: string; litres: number; version: number }>('fluid'),
    key: ['id'],
    version: 'version',
  })
  await fluids.insert({ id: 'oil', litres: 0.3 })
  const key = { id: 'oil' }
  const items = [0.1, 0.2].map((litres) => ({ key, by: { litres } }))
  expect(await fluids.decrementAllIf(items)).toMatchObject({ granted: true, rows: [{ litres: '0.0' }] })
})

test('adjustAllIf() judges each row by what goes down there, as adjustIf() does', async () => {
  await pool.query('CREATE TABLE account (id text PRIMARY KEY, cents int NOT NULL, version int NOT NULL)')
  const accounts = optimisticRepository(pool, {
    table: table<{ id: string; cents: number; version: number }>('account'),
    key: ['id'],
    version: 'version',
  })
  await accounts.insert({ id: 'a', cents: 100 })
  await accounts.insert({ id: 'overdrawn', cents: -50 })
  const items = [
    { key: { id: 'a' }, by: { cents: -20 } },
    { key: { id: 'overdrawn' }, by: { cents: 20 } },
  ]
  expect(await accounts.adjustAllIf(items)).toMatchObject({
    granted: true,
    rows: [{ cents: 80 }, { cents: -30 }],
  })
  // A bound that the caller gives is for all rows.
  expect(await accounts.adjustAllIf(items, { min: { cents: 0 } })).toMatchObject({
    granted: false,
    short: [{ key: { id: 'overdrawn' } }],
  })
})

test('rows that a trigger refused to change are not called granted', async () => {
  await pool.query(`CREATE TABLE sealed (id text PRIMARY KEY, available int NOT NULL, version int NOT NULL);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER refuse BEFORE UPDATE ON sealed FOR EACH ROW EXECUTE FUNCTION refuse()`)
  const sealed = optimisticRepository(pool, {
    table: table<{ id: string; available: number; version: number }>('sealed'),
    key: ['id'],
    version: 'version',
  })
  const items = ['a', 'b'].map((id) => ({ key: { id }, by: { available: 1 } }))
  for (const { key } of items) await sealed.insert({ ...key, available: 5 })
  expect(await sealed.decrementAllIf(items)).toMatchObject({ granted: false })
})
