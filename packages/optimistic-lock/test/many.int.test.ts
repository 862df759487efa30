// Many keys in one statement name the rows that they name one by one.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { optimisticRepository as overKysely } from '../src/kysely/index.ts'
import { byXmin, optimisticRepository, table } from '../src/pg/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool, db } = await connect(6)
const stock = optimisticRepository(pool, {
  table: table<Stock>('stock'),
  key: ['warehouse', 'sku'],
  version: 'version',
})

test('getMany() answers each key in its place: its row, nothing, or the row again', async () => {
  const mug = await stock.insert({ sku: 'mug', warehouse: 1, available: 3 })
  const lamp = await stock.insert({ sku: 'la"mp\\', warehouse: 2, available: 4 })
  const keys = [lamp, { sku: 'mug', warehouse: 2 }, mug, lamp, { sku: '', warehouse: 1 }]
  expect(await stock.getMany(keys)).toEqual([lamp, undefined, mug, lamp, undefined])
  expect(await stock.getMany([])).toEqual([])
  const [row] = await stock.getMany([mug])
  expect(Object.keys(row ?? {})).toEqual(Object.keys(mug))
  // What it gives can be written.
  expect(await stock.update(row ?? mug, { available: 2 })).toMatchObject({ available: 2, version: 2 })
})

test('getMany() of thousands of keys is one statement, in a transaction too', async () => {
  const numbers = Array.from({ length: 10_000 }, (_, index) => index)
  await pool.query(
    "INSERT INTO stock (sku, warehouse, available, version) SELECT 'n' || n, 9, n, 1 FROM generate_series(0, 9999, 2) n",
  )
  const keys = numbers.map((n) => ({ sku: `n${n}`, warehouse: 9 }))
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query("UPDATE stock SET available = -available - 1 + 100000 WHERE sku = 'n8'")
    const rows = await stock.withTransaction(client).getMany(keys)
    const wanted = numbers.map((n) => (n === 8 ? 99_991 : n % 2 === 0 ? n : undefined))
    expect(rows.map((row) => row?.available)).toEqual(wanted)
    await client.query('ROLLBACK')
  } finally {
    client.release()
  }
  await expect(stock.getMany([...keys, { sku: 'x', warehouse: 1 }])).rejects.toThrow(
    /^Cannot getMany: at most 10000 keys/,
  )
})

test('getMany() refuses what is no list of keys, and a signal ends the wait', async () => {
  const wrong = { sku: 'mug', warehouse: 1 } as never
  await expect(stock.getMany(wrong)).rejects.toThrow(/keys must be an array of keys, got object/)
  await expect(stock.getMany([{ sku: 'mug' } as never])).rejects.toThrow(
    /key column warehouse must have a value/,
  )
  const reason = new Error('left')
  await expect(stock.getMany([], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  await expect(stock.getMany([], { sginal: 1 } as never)).rejects.toThrow(/unknown option sginal/)
})

test('getMany() over Kysely: plugins have their say, and rows by xmin carry it', async () => {
  await pool.query("INSERT INTO shop.hot_item VALUES ('a', 5, 9, 1), ('b', 6, 9, 1)")
  const options = { table: 'hotItem', key: ['itemId'] } as const
  const items = overKysely(db.withSchema('shop'), { ...options, version: 'rowVersion' })
  const [b, none, a] = await items.getMany([{ itemId: 'b' }, { itemId: 'c' }, { itemId: 'a' }])
  const having = (columns: object): unknown => expect.objectContaining(columns)
  expect([b, none, a]).toEqual([having({ unitsLeft: '6.00' }), undefined, having({ rowVersion: '1' })])
  const rows = overKysely(db.withSchema('shop'), { ...options, version: byXmin })
  const [row] = await rows.getMany([{ itemId: 'a' }])
  expect(row).toMatchObject({ itemId: 'a', xmin: expect.stringMatching(/^\d+$/) })
})

test('a row of a query of your own can be written, if it has its key and its version', async () => {
  await pool.query("INSERT INTO shop.hot_item VALUES ('own', 5, 9, 1)")
  const shop = db.withSchema('shop')
  const listed = await shop
    .selectFrom('hotItem')
    .select(['itemId', 'unitsLeft', 'rowVersion', sql<string>`xmin::text`.as('xmin')])
    .where('itemId', '=', 'own')
    .execute()
  const options = { table: 'hotItem', key: ['itemId'] } as const
  const byVersion = overKysely(shop, { ...options, version: 'rowVersion' })
  const bySystem = overKysely(shop, { ...options, version: byXmin })
  for (const row of listed) {
    expect(await bySystem.update(row, { unitsLeft: 4 })).toMatchObject({ unitsLeft: '4.00' })
    await expect(bySystem.update(row, { unitsLeft: 3 })).rejects.toMatchObject({
      code: 'QUORATE_STALE_VERSION',
    })
    expect(await byVersion.update(row, { unitsLeft: 2 })).toMatchObject({ rowVersion: '2' })
  }
  expect(listed).toHaveLength(1)
})

interface Fine {
  readonly size: number | string
  readonly code: string
  readonly units: number
  readonly version: number
}

test('a key that the column would round or cut names no row, in a list as alone', async () => {
  await pool.query(`CREATE TABLE fine (size numeric(6,2), code varchar(3), units numeric(8,2) NOT NULL, version int NOT NULL,
    PRIMARY KEY (size, code)); INSERT INTO fine VALUES (1.01, 'abc', 5, 1), (2, 'abc', 5, 1)`)
  const fine = optimisticRepository(pool, {
    table: table<Fine>('fine'),
    key: ['size', 'code'],
    version: 'version',
  })
  const near = { size: 1.005, code: 'abc' }
  const long = { size: 2, code: 'abcdef' }
  for (const key of [near, long]) {
    expect(await fine.decrementIf(key, { units: 1 })).toBeUndefined()
    expect(await fine.decrementAllIf([{ key, by: { units: 1 } }])).toMatchObject({
      granted: false,
      short: [{ key }],
    })
  }
  const found = await fine.getMany([near, long, { size: '1.010', code: 'abc' }])
  expect(found).toEqual([undefined, undefined, expect.objectContaining({ size: '1.01' })])
  const two = [near, long].map((key) => ({ key, by: { units: 1 } }))
  expect(await fine.decrementAllIf(two)).toMatchObject({
    granted: false,
    short: [{ key: near }, { key: long }],
  })
  await expect(pool.query('SELECT sum(units)::int AS left FROM fine')).resolves.toMatchObject({
    rows: [{ left: 10 }],
  })
})

test('amounts finer than the column are added up as they are, in a list as alone', async () => {
  await pool.query("INSERT INTO fine VALUES (7, 'a', 5, 1), (7, 'b', 5, 1)")
  const fine = optimisticRepository(pool, {
    table: table<Fine>('fine'),
    key: ['size', 'code'],
    version: 'version',
  })
  const a = { size: 7, code: 'a' }
  const b = { size: 7, code: 'b' }
  expect(await fine.adjustIf(a, { units: -4.996 })).toMatchObject({ units: '0.00' })
  // Three times 1.665 are 4.995; rounded one by one they would be 5.01, more than there is.
  const parts = [1, 2, 3].map(() => ({ key: b, by: { units: 1.665 } }))
  expect(await fine.decrementAllIf(parts)).toMatchObject({ granted: true, rows: [{ units: '0.01' }] })
})

test('amounts need not be what the type of their column checks, in a list as alone', async () => {
  await pool.query(`CREATE DOMAIN stocked AS int CHECK (value >= 0);
    CREATE TABLE shelf (id int PRIMARY KEY, units stocked NOT NULL, version int NOT NULL);
    INSERT INTO shelf VALUES (1, 5, 1), (2, 5, 1)`)
  const shelf = optimisticRepository(pool, {
    table: table<{ readonly id: number; readonly units: number; readonly version: number }>('shelf'),
    key: ['id'],
    version: 'version',
  })
  expect(await shelf.decrementIf({ id: 1 }, { units: 1 })).toMatchObject({ units: 4 })
  const both = [1, 2].map((id) => ({ key: { id }, by: { units: 3 } }))
  expect(await shelf.decrementAllIf(both)).toMatchObject({
    granted: true,
    rows: [{ units: 1 }, { units: 2 }],
  })
  expect(await shelf.decrementAllIf(both)).toMatchObject({
    granted: false,
    short: both.map(({ key }) => ({ key })),
  })
})

test('keys of every kind are found in a list', async () => {
  await pool.query(`CREATE TYPE mood AS ENUM ('fine', 'so so'); CREATE DOMAIN code AS text CHECK (value <> '');
    CREATE TABLE kinds (u uuid, m mood, d code, j jsonb, b boolean, r int4range, n name, v int NOT NULL,
      PRIMARY KEY (u, m, d, j, b, r, n))`)
  interface Kinds {
    readonly u: string
    readonly m: string
    readonly d: string
    readonly j: unknown
    readonly b: boolean
    readonly r: string
    readonly n: string
    readonly v: number
  }
  const kinds = optimisticRepository(pool, {
    table: table<Kinds>('kinds'),
    key: ['u', 'm', 'd', 'j', 'b', 'r', 'n'],
    version: 'v',
  })
  const key = { u: randomUUID(), m: 'so so', d: 'a "b"', j: { a: [1, '\\'] }, b: false, r: '[1,5)', n: 'x' }
  const row = await kinds.insert(key)
  expect(await kinds.getMany([key, { ...key, u: key.u.toUpperCase() }, { ...key, b: true }])).toEqual([
    row,
    row,
    undefined,
  ])
})
