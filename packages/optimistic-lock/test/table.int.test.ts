// What a repository and a batcher find out about their table before the first write.
import pg from 'pg'
import { expect, test } from 'vitest'
import { hotRowBatcher } from '../src/batcher/index.ts'
import { optimisticRepository as overKysely } from '../src/kysely/index.ts'
import { byTime, byValues, byXmin, optimisticRepository, table } from '../src/pg/index.ts'
import { connect } from './connect.ts'

const { pool, db } = await connect(6)

interface Item {
  readonly id: number
  readonly place: string
  readonly units: number
  readonly version: number
}
const key = ['id', 'place'] as const
const itemOf = (name: string) =>
  optimisticRepository(pool, { table: table<Item>(name), key, version: 'version' })
const create = (name: string, index: string): Promise<unknown> =>
  pool.query(`CREATE TABLE ${name} (id int, place text, units int NOT NULL, version int NOT NULL, more int);
    ${index.replaceAll('ITS', name)};
    INSERT INTO ${name} VALUES (1, 'a', 5, 1), (2, 'a', 5, 1)`)
const unitsOf = async (name: string): Promise<unknown[]> =>
  (await pool.query(`SELECT units FROM ${name} ORDER BY id`)).rows.map(({ units }) => units)

test.each([
  ['no_index', 'SELECT 1', []],
  ['not_unique', 'CREATE INDEX ON ITS (id, place)', []],
  ['more_columns', 'CREATE UNIQUE INDEX ON ITS (id, place, more)', []],
  ['in_part', 'CREATE UNIQUE INDEX ON ITS (id, place) WHERE more > 0', ['in_part_id_place_idx has a WHERE']],
  ['more_in_part', 'CREATE UNIQUE INDEX ON ITS (id, more) WHERE more > 0', []],
  [
    'an_expression',
    'CREATE UNIQUE INDEX "Lower" ON ITS (id, lower(place)); CREATE UNIQUE INDEX ON ITS ((more % 2), more)',
    ['"Lower" is on an expression'],
  ],
  [
    'of_others',
    'CREATE UNIQUE INDEX ON ITS ((more % 2)); CREATE UNIQUE INDEX at ON ITS (lower(place || id))',
    ['at is on an expression'],
  ],
])(
  'a key that no unique index keeps unique is refused before anything is written: %s',
  async (name, index, uncounted) => {
    await create(name, index)
    const rows = itemOf(name)
    const row = { id: 1, place: 'a', version: 1 }
    const refused = {
      code: 'QUORATE_KEY_NOT_UNIQUE',
      outcome: 'not-applied',
      table: name,
      key,
      index: `CREATE UNIQUE INDEX ON "${name}" ("id", "place")`,
      uncounted,
    }
    const writes = [
      () => rows.update(row, { units: 1 }),
      () => rows.delete(row),
      () => rows.mutate(row, () => ({ units: 1 })),
      () => rows.decrementIf(row, { units: 1 }),
      () => rows.decrementAllIf([{ key: row, by: { units: 1 } }]),
      () => rows.insert({ id: 3, place: 'b', units: 1 }),
    ]
    for (const write of writes) await expect(write()).rejects.toMatchObject(refused)
    const batcher = hotRowBatcher(pool, { table: table<Item>(name), key, counter: 'units' })
    await expect(batcher.decrementIf(row)).rejects.toMatchObject(refused)
    await batcher.stop()
    expect(await rows.get(row)).toMatchObject({ units: 5 })
    expect(await unitsOf(name)).toEqual([5, 5])
    await pool.query(refused.index)
    expect(await rows.update(row, { units: 1 })).toMatchObject({ units: 1, version: 2 })
  },
)

test.each([
  ['same_columns', 'CREATE UNIQUE INDEX ON ITS (place, id) INCLUDE (more)'],
  ['fewer_columns', 'ALTER TABLE ITS ADD UNIQUE (id)'],
  ['nulls_alike', 'CREATE UNIQUE INDEX ON ITS (place, id) NULLS NOT DISTINCT'],
  ['may_be_deferred', 'ALTER TABLE ITS ADD UNIQUE (id) DEFERRABLE'],
  ['deferred', 'ALTER TABLE ITS ADD PRIMARY KEY (id, place) DEFERRABLE INITIALLY DEFERRED'],
])('an index on the key, or on a part of it, is enough: %s', async (name, index) => {
  await create(name, index)
  expect(await itemOf(name).update({ id: 1, place: 'a', version: 1 }, { units: 3 })).toMatchObject({
    units: 3,
  })
  const batcher = hotRowBatcher(pool, { table: table<Item>(name), key, counter: 'units' })
  expect(await batcher.decrementIf({ id: 2, place: 'a' })).toEqual({ left: 4 })
  await batcher.stop()
  expect(await unitsOf(name)).toEqual([3, 4])
})

test('an index that is not valid does not count, and says so, until it is', async () => {
  await create('invalid', 'SELECT 1')
  await pool.query("INSERT INTO invalid VALUES (1, 'a', 7, 1)")
  const concurrently = pool.query('CREATE UNIQUE INDEX CONCURRENTLY invalid_key ON invalid (place, id)')
  await expect(concurrently).rejects.toMatchObject({ code: '23505' })
  const rows = itemOf('invalid')
  const row = { id: 1, place: 'a', version: 1 }
  await expect(rows.update(row, { units: 1 })).rejects.toMatchObject({
    code: 'QUORATE_KEY_NOT_UNIQUE',
    uncounted: ['invalid_key is not valid'],
    message: expect.stringContaining('some of them (invalid_key is not valid, and does not count), so'),
  })
  await pool.query('DELETE FROM invalid WHERE units = 7; REINDEX INDEX invalid_key')
  expect(await rows.update(row, { units: 1 })).toMatchObject({ version: 2 })
})

test('two rows that a deferred constraint lets pass are not written as one, and are never committed', async () => {
  await create('later', 'ALTER TABLE ITS ADD PRIMARY KEY (id, place) DEFERRABLE INITIALLY DEFERRED')
  const rows = itemOf('later')
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query("INSERT INTO later VALUES (1, 'a', 5, 1)")
    const both = rows.withTransaction(client).update({ id: 1, place: 'a', version: 1 }, { units: 1 })
    await expect(both).rejects.toMatchObject({ code: 'QUORATE_WRITE_UNKNOWN' })
    await expect(client.query('COMMIT')).rejects.toMatchObject({ code: '23505' })
  } finally {
    client.release()
  }
  expect(await unitsOf('later')).toEqual([5, 5])
  // An insert must be told at once.
  await expect(rows.insert({ id: 3, place: 'a', units: 1 })).rejects.toMatchObject({ code: '55000' })
})

test('a table that is made after the first try is looked at when it is there', async () => {
  const rows = itemOf('made_later')
  const byId = optimisticRepository(pool, {
    table: table<Item>('parted_later'),
    key: ['id'],
    version: byXmin,
  })
  const batcher = hotRowBatcher(pool, { table: table<Item>('made_later'), key, counter: 'units' })
  const row = { id: 1, place: 'a', version: 1 }
  const writes = [() => rows.update(row, { units: 1 }), () => batcher.decrementIf(row)]
  for (const write of writes) await expect(write()).rejects.toMatchObject({ code: '42P01' })
  await expect(byId.insert({ id: 1, units: 1 })).rejects.toMatchObject({ code: '42P01' })
  await create('made_later', 'SELECT 1')
  await pool.query(`CREATE TABLE parted_later (id int PRIMARY KEY, units int NOT NULL) PARTITION BY RANGE (id);
    CREATE TABLE parted_later_1 PARTITION OF parted_later FOR VALUES FROM (0) TO (10)`)
  for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'QUORATE_KEY_NOT_UNIQUE' })
  expect(await byId.insert({ id: 1, units: 1 })).toMatchObject({ xmin: expect.stringMatching(/^\d+$/) })
  await batcher.stop()
  expect(await unitsOf('made_later')).toEqual([5, 5])
})

test('the catalog is asked once, also for those made from a repository, and by names as plugins spell them', async () => {
  await create('asked', 'CREATE UNIQUE INDEX ON ITS (id, place)')
  const texts: string[] = []
  const counting = {
    query: (text: string, values: unknown[]) => {
      texts.push(text)
      return pool.query(text, values)
    },
  }
  const rows = optimisticRepository(counting, { table: table<Item>('asked'), key, version: 'version' })
  const first = await rows.update({ id: 1, place: 'a', version: 1 }, { units: 4 })
  await rows.withTransaction(counting).update(first, { units: 3 })
  expect(texts.map((text) => text.split(' ')[0])).toEqual(['SELECT', 'UPDATE', 'UPDATE'])
  await pool.query(`INSERT INTO shop.hot_item VALUES ('x', 5, 9, 1)`)
  const hot = overKysely(db.withSchema('shop'), { table: 'hotItem', key: ['itemId'], version: 'rowVersion' })
  expect(await hot.decrementIf({ itemId: 'x' }, { unitsLeft: 1 })).toMatchObject({ unitsLeft: '4.00' })
  const loose = overKysely(db.withSchema('shop'), {
    table: 'hotItem',
    key: ['unitsMax'],
    version: 'rowVersion',
  })
  await expect(loose.delete({ unitsMax: 9, rowVersion: '2' })).rejects.toMatchObject({
    index: 'CREATE UNIQUE INDEX ON "shop"."hot_item" ("units_max")',
  })
})

test('through a view, of which the catalog knows no key, several rows are never a success', async () => {
  await create('seen', 'CREATE UNIQUE INDEX ON ITS (id)')
  await pool.query('CREATE VIEW seen_view AS SELECT * FROM seen')
  const rows = optimisticRepository(pool, {
    table: table<Item>('seen_view'),
    key: ['place'],
    version: 'version',
  })
  await expect(rows.update({ place: 'a', version: 1 }, { units: 1 })).rejects.toMatchObject({
    code: 'QUORATE_WRITE_UNKNOWN',
    outcome: 'unknown',
    cause: { name: 'TypeError', message: expect.stringContaining('2 rows have this key') },
  })
  await expect(rows.decrementIf({ place: 'a' }, { units: 1 })).rejects.toMatchObject({ outcome: 'unknown' })
  expect(await itemOf('seen_view').update({ id: 1, place: 'a', version: 3 }, { units: 9 })).toMatchObject({
    units: 9,
  })
})

test('a view has no xmin, and says so before anything else, with the versions that it can have', async () => {
  await pool.query('CREATE VIEW stock_view AS SELECT * FROM stock')
  const options = { table: table<{ sku: string; available: number }>('stock_view'), key: ['sku'] } as const
  const rows = optimisticRepository(pool, { ...options, version: byXmin })
  await expect(rows.get({ sku: 'x' })).rejects.toThrow(
    /^Cannot use stock_view: .* no xmin; take .* byValues$/,
  )
  await expect(rows.update({ sku: 'x', xmin: '1' }, { available: 1 })).rejects.toThrow(TypeError)
  await expect(rows.insert({ sku: 'x' })).rejects.toThrow(TypeError)
  expect(
    await optimisticRepository(pool, { ...options, version: byValues }).get({ sku: 'x' }),
  ).toBeUndefined()
})

test('a partitioned table can have its rows by xmin, also where they move to another partition', async () => {
  await pool.query(`CREATE TABLE parted (id int, region int, units int NOT NULL, at timestamptz, PRIMARY KEY (id, region))
    PARTITION BY RANGE (region);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
    CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20)`)
  interface Parted {
    readonly id: number
    readonly region: number
    readonly units: number
    readonly at: Date | null
  }
  const options = { table: table<Parted>('parted'), key: ['id', 'region'] } as const
  const rows = optimisticRepository(pool, { ...options, version: byXmin })
  const inserted = await rows.insert({ id: 1, region: 1, units: 5 })
  expect(inserted).toMatchObject({ units: 5, xmin: expect.stringMatching(/^\d+$/) })
  const updated = await rows.update(inserted, { units: 4 })
  await expect(rows.update(inserted, { units: 3 })).rejects.toMatchObject({ actual: updated.xmin })
  expect(await rows.decrementIf(updated, { units: 1 })).toMatchObject({ units: 3 })
  await expect(rows.insert({ id: 1, region: 1, units: 1 })).rejects.toMatchObject({
    code: 'QUORATE_ROW_EXISTS',
  })
  await pool.query('UPDATE parted SET region = 11')
  const moved = await rows.get({ id: 1, region: 11 })
  expect(await rows.mutate({ id: 1, region: 11 }, ({ units }) => ({ units: units - 1 }))).toMatchObject({
    units: 2,
  })
  await expect(rows.delete({ ...inserted, ...moved })).rejects.toMatchObject({
    code: 'QUORATE_STALE_VERSION',
  })
  const timed = optimisticRepository(pool, { ...options, version: byTime('at') })
  expect(await timed.insert({ id: 2, region: 2, units: 1 })).toMatchObject({ at: expect.any(Date) })
  // Its unique index must have the region, so a key without it may be one for all that.
  const byId = optimisticRepository(pool, { table: table<Parted>('parted'), key: ['id'], version: byXmin })
  expect(await byId.mutate({ id: 2 }, () => ({ units: 7 }))).toMatchObject({ region: 2, units: 7 })
  const units = optimisticRepository(pool, {
    table: table<Parted>('parted'),
    key: ['units'],
    version: byXmin,
  })
  await expect(units.update({ units: 1, xmin: '1' }, {})).rejects.toMatchObject({
    code: 'QUORATE_KEY_NOT_UNIQUE',
  })
})

test('a row that is deleted before its xmin is read back was inserted for all that', async () => {
  await pool.query(`CREATE TABLE gone_again (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE gone_again_1 PARTITION OF gone_again FOR VALUES FROM (0) TO (10)`)
  const deleting = {
    query: async (text: string, values: unknown[]): Promise<pg.QueryResult> => {
      const answer = await pool.query(text, values)
      if (text.startsWith('INSERT')) await pool.query('DELETE FROM gone_again')
      return answer
    },
  }
  const rows = optimisticRepository(deleting, {
    table: table<{ id: number }>('gone_again'),
    key: ['id'],
    version: byXmin,
  })
  await expect(rows.insert({ id: 1 })).rejects.toMatchObject({
    code: 'QUORATE_WRITE_UNKNOWN',
    cause: { code: 'QUORATE_ROW_GONE' },
  })
})
