import type pg from 'pg'
import { expect, test } from 'vitest'
import { RetryInTransactionError, RowExistsError, RowGoneError, StaleVersionError } from '../src/index.ts'
import { optimisticRepository as kyselyRepository } from '../src/kysely/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool, db } = await connect()

// Both adapters must give the same answers to the same calls.
const repositories = {
  pg: optimisticRepository(pool, {
    table: table<Stock>('stock'),
    key: ['sku', 'warehouse'],
    version: 'version',
  }),
  kysely: kyselyRepository(db, { table: 'stock', key: ['sku', 'warehouse'], version: 'version' }),
}

for (const [adapter, stock] of Object.entries(repositories)) {
  const fresh = async (sku: string, available = 10): Promise<Stock> =>
    stock.insert({ sku: `${sku}-${adapter}`, warehouse: 1, available })

  test(`${adapter}: insert() starts at version 1 and refuses a taken key`, async () => {
    const row = await fresh('insert')
    expect(row).toEqual({
      sku: `insert-${adapter}`,
      warehouse: 1,
      available: 10,
      reserved: 0,
      version: 1,
    })
    expect(await stock.get(row)).toEqual(row)
    await expect(fresh('insert', 99)).rejects.toThrow(RowExistsError)
    expect(await stock.get(row)).toEqual(row)
  })

  test(`${adapter}: getOrInsert() of many at once makes one row, and leaves one that is there as it is`, async () => {
    const values = { sku: `either-${adapter}`, warehouse: 1, available: 3 }
    const answers = await Promise.all(Array.from({ length: 12 }, () => stock.getOrInsert(values)))
    expect(answers.filter(({ inserted }) => inserted)).toHaveLength(1)
    expect(new Set(answers.map(({ row }) => JSON.stringify(row)))).toEqual(
      new Set([JSON.stringify({ ...values, reserved: 0, version: 1 })]),
    )
    const row = await stock.mutate(values, () => ({ available: 2 }))
    expect(await stock.getOrInsert({ ...values, available: 9 })).toEqual({ inserted: false, row })
    await expect(stock.getOrInsert({ available: 9 } as never)).rejects.toThrow(
      /^Cannot getOrInsert a row of stock: key column sku must have a value/,
    )
  })

  test(`${adapter}: get() of an unknown key is undefined`, async () => {
    expect(await stock.get({ sku: 'nothing', warehouse: 1 })).toBeUndefined()
  })

  test(`${adapter}: update() of a stale row changes nothing and names both versions`, async () => {
    const mine = await fresh('lost-update')
    const theirs = await stock.update(mine, { available: 7 })
    expect(theirs).toEqual({ ...mine, available: 7, version: 2 })
    const failure = await stock.update(mine, { available: 1 }).catch((error) => error)
    expect(failure).toBeInstanceOf(StaleVersionError)
    expect(failure).toMatchObject({
      expected: 1,
      actual: 2,
      outcome: 'not-applied',
      key: { sku: mine.sku, warehouse: 1 },
    })
    expect(await stock.get(mine)).toEqual(theirs)
  })

  test(`${adapter}: update() and mutate() of a deleted row say that it is gone`, async () => {
    const row = await fresh('gone')
    expect(await stock.delete(row)).toBe(true)
    await expect(stock.update(row, { available: 1 })).rejects.toThrow(RowGoneError)
    await expect(stock.mutate(row, () => ({ available: 1 }))).rejects.toThrow(RowGoneError)
    expect(await stock.delete(row)).toBe(false)
  })

  test(`${adapter}: delete() of a stale row deletes nothing`, async () => {
    const mine = await fresh('delete-stale')
    await stock.update(mine, {})
    await expect(stock.delete(mine)).rejects.toMatchObject({
      code: 'QUORATE_STALE_VERSION',
      expected: 1,
      actual: 2,
    })
    expect(await stock.get(mine)).toMatchObject({ version: 2 })
  })

  test(`${adapter}: of a delete and an update at once, exactly one wins`, async () => {
    for (let round = 0; round < 20; round++) {
      const row = await fresh(`race-${round}`)
      const [deleted, updated] = await Promise.allSettled([
        stock.delete(row),
        stock.update(row, { available: 1 }),
      ])
      const outcome = {
        delete: deleted.status === 'fulfilled' ? deleted.value : deleted.reason.code,
        update: updated.status === 'fulfilled' ? updated.value.version : updated.reason.code,
        left: await stock.get(row),
      }
      expect([
        { delete: true, update: 'QUORATE_ROW_GONE', left: undefined },
        {
          delete: 'QUORATE_STALE_VERSION',
          update: 2,
          left: { ...row, available: 1, version: 2 },
        },
      ]).toContainEqual(outcome)
    }
  })

  test(`${adapter}: of 16 updates from one version, exactly one wins`, async () => {
    const row = await fresh('one-winner')
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) => stock.update(row, { reserved: index + 1 })),
    )
    const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index + 1] : []))
    expect(winners).toHaveLength(1)
    expect(await stock.get(row)).toMatchObject({ reserved: winners[0], version: 2 })
    const losers = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(losers).toEqual(losers.map(() => expect.objectContaining({ expected: 1, actual: 2 })))
  })

  test(`${adapter}: mutate() loses none of 100 concurrent increments`, async () => {
    const row = await fresh('mutate', 0)
    await Promise.all(
      Array.from({ length: 100 }, () =>
        stock.mutate(row, ({ available }) => ({ available: available + 1 }), { deadlineMs: 50_000 }),
      ),
    )
    expect(await stock.get(row)).toMatchObject({ available: 100, version: 101 })
  })
}

test.each(['simple', 'extended'])(
  'pg: a driver that does not tell the state of its connection is asked by its %s protocol',
  async (queryMode) => {
    const client = await pool.connect()
    try {
      const bare = {
        query: (text: string, values: unknown[]) =>
          client.query({ text, values, queryMode } as pg.QueryConfig),
      }
      const stock = optimisticRepository(bare, {
        table: table<Stock>('stock'),
        key: ['sku', 'warehouse'],
        version: 'version',
      })
      const row = await stock.insert({ sku: `bare-${queryMode}`, warehouse: 1, available: 5 })
      const take = () => stock.mutate(row, ({ available }) => ({ available: available - 1 }))
      expect(await take()).toMatchObject({ available: 4 })
      await expect(stock.validate(row)).rejects.toThrow(/the connection is in no transaction/)
      for (const begin of ['BEGIN', 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY']) {
        await client.query(begin)
        await expect(take()).rejects.toMatchObject({ code: 'QUORATE_RETRY_IN_TRANSACTION' })
        await client.query('ROLLBACK')
        expect(await stock.get(row)).toMatchObject({ available: 4 })
      }
      expect(await take()).toMatchObject({ available: 3 })
    } finally {
      client.release()
    }
  },
)

test('kysely: mutate() refuses inside a transaction, everything else takes part in it', async () => {
  const stock = repositories.kysely
  const row = await stock.insert({ sku: 'kysely-transaction', warehouse: 2, available: 5 })
  const rollback = new Error('rollback')
  await expect(
    db.transaction().execute(async (trx) => {
      const bound = kyselyRepository(trx, {
        table: 'stock',
        key: ['sku', 'warehouse'],
        version: 'version',
      })
      await expect(bound.mutate(row, () => ({ available: 1 }))).rejects.toThrow(RetryInTransactionError)
      const inside = stock.withTransaction(trx)
      await inside.update(row, { available: 4 })
      await expect(inside.insert({ ...row, version: 1 })).rejects.toThrow(RowExistsError)
      expect(await inside.decrementIf(row, { available: 4 })).toMatchObject({ available: 0, version: 3 })
      throw rollback
    }),
  ).rejects.toBe(rollback)
  expect(await stock.get(row)).toEqual(row)
})

test('pg: mutate() refuses on a client inside a transaction, and works on it outside', async () => {
  const row = await repositories.pg.insert({ sku: 'pg-transaction', warehouse: 2, available: 5 })
  const client = await pool.connect()
  // A client of an older pg cannot tell its status itself: then the server is asked.
  const older = { query: (text: string, values: unknown[]) => client.query(text, values) }
  try {
    for (const session of [client, older]) {
      const stock = optimisticRepository(session, {
        table: table<Stock>('stock'),
        key: ['sku', 'warehouse'],
        version: 'version',
      })
      await client.query('BEGIN')
      await expect(stock.mutate(row, () => ({ available: 1 }))).rejects.toThrow(RetryInTransactionError)
      await client.query('ROLLBACK')
      await expect(stock.mutate(row, () => ({ available: 1 }))).resolves.toMatchObject({ available: 1 })
    }
  } finally {
    client.release()
  }
})

test('kysely: plugins and withSchema() name tables and columns, also in decrementAllIf()', async () => {
  const items = kyselyRepository(db.withSchema('shop'), {
    table: 'hotItem',
    key: ['itemId'],
    version: 'rowVersion',
  })
  const row = await items.insert({ itemId: 'lamp', unitsLeft: 1.5, unitsMax: 2 })
  // numeric and bigint columns arrive as strings, and still count.
  expect(row).toEqual({ itemId: 'lamp', unitsLeft: '1.50', unitsMax: '2.00', rowVersion: '1' })
  expect(await items.update(row, { unitsMax: 3 })).toMatchObject({ rowVersion: '2', unitsMax: '3.00' })
  await expect(items.update(row, {})).rejects.toMatchObject({ expected: '1', actual: '2' })
  expect(await items.incrementIf(row, { unitsLeft: 2 }, { max: { unitsLeft: 'unitsMax' } })).toBeUndefined()
  const up = await items.incrementIf(row, { unitsLeft: 1.5 }, { max: { unitsLeft: 'unitsMax' } })
  expect(up).toMatchObject({ unitsLeft: '3.00' })
  const taken = await items.decrementAllIf([{ key: { itemId: 'lamp' }, by: { unitsLeft: 0.25 } }])
  expect(taken).toMatchObject({
    granted: true,
    rows: [{ itemId: 'lamp', unitsLeft: '2.75', rowVersion: '4' }],
  })
})

test('pg: names with quotes, spaces and keywords are only names', async () => {
  interface Odd {
    'the key': string
    select: number
    "v'er": number
  }
  const odd = optimisticRepository(pool, {
    table: table<Odd>('odd "table"'),
    key: ['the key'],
    version: "v'er",
  })
  const row = await odd.insert({ 'the key': `'; DROP TABLE stock; --`, select: 3 })
  expect(await odd.update(row, { select: 4 })).toEqual({ ...row, select: 4, "v'er": 2 })
  const by = { select: 4 }
  expect(await odd.decrementAllIf([{ key: row, by }])).toMatchObject({ granted: true, rows: [{ select: 0 }] })
  const injected: object = { ['select" = 0; DROP TABLE stock; --']: 1 }
  await expect(odd.update({ ...row, "v'er": 3 }, injected)).rejects.toMatchObject({ code: '42703' })
})

test('a driver error passes through unchanged', async () => {
  const row = await repositories.pg.insert({ sku: 'check', warehouse: 2, available: 5 })
  await expect(repositories.pg.update(row, { available: -1 })).rejects.toMatchObject({ code: '23514' })
  expect(await repositories.pg.get(row)).toEqual(row)
})

test.each([
  ['COMMIT', false, 3],
  ['ROLLBACK', true, 9],
])(
  'getOrInsert() waits for who inserts the row at the moment, and goes by its %s',
  async (end, inserted, available) => {
    const stock = repositories.pg
    const key = { sku: `awaited-${end}`, warehouse: 1 }
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await stock.withTransaction(client).insert({ ...key, available: 3 })
      const waiting = stock.getOrInsert({ ...key, available: 9 })
      const waits =
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
      while ((await pool.query(waits)).rowCount === 0);
      await client.query(end)
      expect(await waiting).toMatchObject({ inserted, row: { ...key, available } })
    } finally {
      client.release()
    }
  },
)
