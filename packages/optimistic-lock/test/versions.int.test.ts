import { Kysely, PostgresDialect } from 'kysely'
import { expect, test } from 'vitest'
import { RowGoneError, StaleVersionError } from '../src/index.ts'
import { optimisticRepository as kyselyRepository } from '../src/kysely/index.ts'
import { byTime, byValues, byXmin, optimisticRepository, table } from '../src/pg/index.ts'
import { connect, type Stock } from './connect.ts'

interface Note {
  id: string
  text: string
  units: number
  tags: { a: number[] } | null
  list: number[]
  seen: Date | null
  big: string
  updated_at: Date
}
const { pool } = await connect(20)
await pool.query(`CREATE TABLE note (id text PRIMARY KEY, text text NOT NULL DEFAULT '', units int NOT NULL DEFAULT 5,
  tags json, list int[] NOT NULL DEFAULT '{1,2}', seen timestamp, big numeric NOT NULL DEFAULT 12345678901234567890.5,
  updated_at timestamptz NOT NULL DEFAULT now())`)
const db = new Kysely<{ note: Note }>({ dialect: new PostgresDialect({ pool }) })

const at = { table: table<Note>('note'), key: ['id'] } as const
const kyselyAt = { table: 'note', key: ['id'] } as const
const repositories = {
  'pg by xmin': optimisticRepository(pool, { ...at, version: byXmin }),
  'pg by time': optimisticRepository(pool, { ...at, version: byTime('updated_at') }),
  'pg by values': optimisticRepository(pool, { ...at, version: byValues }),
  'kysely by xmin': kyselyRepository(db, { ...kyselyAt, version: byXmin }),
  'kysely by time': kyselyRepository(db, { ...kyselyAt, version: byTime('updated_at') }),
  'kysely by values': kyselyRepository(db, { ...kyselyAt, version: byValues }),
} as unknown as Record<string, typeof notesByXmin>
const notesByXmin = optimisticRepository(pool, { ...at, version: byXmin })

for (const [name, notes] of Object.entries(repositories)) {
  const fresh = async (id: string, units = 5): ReturnType<typeof notes.insert> =>
    notes.insert({ id: `${id} ${name}`, units, tags: { a: [1, 2] }, seen: new Date() })

  test(`${name}: a row as it was read can be written, and is refused once it has changed`, async () => {
    const inserted = await fresh('note')
    const mine = await notes.get(inserted)
    expect(mine).toEqual(inserted)
    const theirs = await notes.update(inserted, { text: 'theirs' })
    expect(theirs).toMatchObject({ text: 'theirs', units: 5 })
    const failure = await notes.update(inserted, { text: 'mine' }).catch((error) => error)
    expect(failure).toBeInstanceOf(StaleVersionError)
    expect(failure.expected).not.toEqual(failure.actual)
    await expect(notes.delete(inserted)).rejects.toThrow(StaleVersionError)
    expect(await notes.get(inserted)).toEqual(theirs)
    // What update() returned is as good as what get() gives.
    const again = await notes.update(theirs, { tags: null, seen: null })
    expect(await notes.update(again, { text: 'more' })).toMatchObject({ text: 'more', tags: null })
    expect(await notes.delete(await notes.update((await notes.get(inserted)) ?? inserted, {}))).toBe(true)
    await expect(notes.update(theirs, {})).rejects.toThrow(RowGoneError)
  })

  test(`${name}: a writer that knows nothing of versions is noticed`, async () => {
    const row = await fresh('plain')
    await pool.query(
      "UPDATE note SET text = 'x', updated_at = clock_timestamp() + interval '5 ms' WHERE id = $1",
      [row.id],
    )
    await expect(notes.update(row, { units: 1 })).rejects.toThrow(StaleVersionError)
  })

  test(`${name}: of 16 updates from one row, one wins; mutate() loses none of 40`, async () => {
    const row = await fresh('race', 0)
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) => notes.update(row, { units: index + 1 })),
    )
    const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index + 1] : []))
    expect(winners).toHaveLength(1)
    await Promise.all(
      Array.from({ length: 40 }, () =>
        notes.mutate(row, ({ units }) => ({ units: units + 1 }), { deadlineMs: 50_000 }),
      ),
    )
    expect(await notes.get(row)).toMatchObject({ units: (winners[0] ?? Number.NaN) + 40 })
  })

  test(`${name}: decrementIf() and decrementAllIf() give rows that can be written`, async () => {
    const one = await fresh('one')
    const two = await fresh('two')
    const taken = await notes.decrementIf(one, { units: 2 })
    expect(taken).toMatchObject({ units: 3 })
    await expect(notes.update(one, { text: 'stale' })).rejects.toThrow(StaleVersionError)
    expect(await notes.update(taken ?? one, { text: 'fresh' })).toMatchObject({ units: 3, text: 'fresh' })
    const both = await notes.decrementAllIf([
      { key: { id: one.id }, by: { units: 1 } },
      { key: { id: two.id }, by: { units: 1 } },
    ])
    const rows = both.granted ? both.rows : []
    expect(rows.map(({ units }) => units)).toEqual([2, 4])
    for (const row of rows) expect(await notes.update(row, { text: 'z' })).toMatchObject({ text: 'z' })
    expect(await notes.decrementAllIf([{ key: { id: one.id }, by: { units: 9 } }])).toMatchObject({
      granted: false,
    })
  })
}

test('byValues: a column that was NULL and is not any more, or the other way round, is noticed', async () => {
  const notes = optimisticRepository(pool, { ...at, version: byValues })
  const row = await notes.insert({ id: 'null', tags: null, seen: null })
  const written = await notes.update(row, { tags: { a: [1] } })
  await expect(notes.update(row, { text: 'x' })).rejects.toThrow(StaleVersionError)
  await pool.query("UPDATE note SET tags = NULL WHERE id = 'null'")
  await expect(notes.update(written, { text: 'x' })).rejects.toThrow(StaleVersionError)
  expect(await notes.update(row, { text: 'x' })).toMatchObject({ text: 'x' }) // as it was read: A, B, A
})

test('byTime: two writes within a millisecond do not look alike', async () => {
  const notes = optimisticRepository(pool, { ...at, version: byTime('updated_at') })
  let row = await notes.insert({ id: 'quick' })
  const seen = [row.updated_at.getTime()]
  for (let index = 0; index < 30; index++) {
    row = await notes.update(row, {})
    seen.push(row.updated_at.getTime())
  }
  expect(new Set(seen).size).toBe(31)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
})

test('a row without its version is an argument error', async () => {
  await expect(notesByXmin.update({ id: 'x' } as Note & { xmin: string }, {})).rejects.toThrow(
    /carry its version/,
  )
  const byOld = optimisticRepository(pool, { ...at, version: byValues })
  await expect(byOld.update({ id: 'x' } as Note, {})).rejects.toThrow(/carry the values/)
  const wrong = { ...at, version: { by: 'magic' } } as unknown as {
    table: typeof at.table
    key: ['id']
    version: typeof byXmin
  }
  expect(() => optimisticRepository(pool, wrong)).toThrow(/byXmin, byTime/)
})

const stock = optimisticRepository(pool, {
  table: table<Stock>('stock'),
  key: ['sku', 'warehouse'],
  version: 'version',
})

test('validate() keeps a row that a decision rests on from being written until the commit', async () => {
  const rule = await stock.insert({ sku: 'rule', warehouse: 1, available: 1 })
  const client = await pool.connect()
  try {
    const inside = stock.withTransaction(client)
    await client.query('BEGIN')
    await inside.validate(rule)
    const write = stock.update(rule, { available: 2 })
    const waiting =
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while ((await pool.query(waiting)).rowCount === 0);
    await inside.validate(rule)
    await client.query('COMMIT')
    await write

    await client.query('BEGIN')
    await expect(inside.validate(rule)).rejects.toMatchObject({
      code: 'QUORATE_STALE_VERSION',
      expected: 1,
      actual: 2,
    })
    await expect(inside.validate({ ...rule, sku: 'none' })).rejects.toThrow(RowGoneError)
    await client.query('ROLLBACK')
  } finally {
    client.release()
  }
  await expect(stock.validate(rule)).rejects.toThrow(/in no transaction/)
})

test('write skew: two transactions that each read both rows and write one, of which validate() lets one through', async () => {
  for (const sku of ['alice', 'bob']) await stock.insert({ sku, warehouse: 2, available: 1 })
  const goHome = async (mine: string, other: string): Promise<void> => {
    const client = await pool.connect()
    try {
      const inside = stock.withTransaction(client)
      await client.query('BEGIN')
      const [me, them] = [
        await inside.get({ sku: mine, warehouse: 2 }),
        await inside.get({ sku: other, warehouse: 2 }),
      ]
      if (me === undefined || them === undefined || them.available === 0) return
      await inside.update(me, { available: 0 })
      await inside.validate(them)
      await client.query('COMMIT')
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }
  const results = await Promise.allSettled([goHome('alice', 'bob'), goHome('bob', 'alice')])
  const onCall = await Promise.all(['alice', 'bob'].map((sku) => stock.get({ sku, warehouse: 2 })))
  expect(onCall.reduce((sum, row) => sum + (row?.available ?? 0), 0)).toBeGreaterThanOrEqual(1)
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1)
})
