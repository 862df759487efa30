import { VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import pg from 'pg'
import { expect, test } from 'vitest'
import { hotRowBatcher, type HotRowBatcher } from '../src/batcher/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool } = await connect(20)
const key = ['sku', 'warehouse'] as const
const stock = optimisticRepository(pool, { table: table<Stock>('stock'), key, version: 'version' })
const batcherOf = (options: object = {}): HotRowBatcher<Pick<Stock, 'sku' | 'warehouse'>> =>
  hotRowBatcher(pool, {
    table: table<Stock>('stock'),
    key,
    counter: 'available',
    version: 'version',
    ...options,
  })

test('64 callers and 47 units: exactly 47 grants, and each left another number', async () => {
  const mug = { sku: 'hot', warehouse: 1 }
  await stock.insert({ ...mug, available: 47 })
  await using batcher = batcherOf()
  const grants = await Promise.all(Array.from({ length: 64 }, () => batcher.decrementIf(mug)))
  expect(grants.flatMap((grant) => (grant === undefined ? [] : [grant.left]))).toEqual(
    Array.from({ length: 47 }, (_, index) => 46 - index),
  )
  expect(await stock.get(mug)).toMatchObject({ available: 0, version: 2 })
})

test('any requests, for any rows, are answered as if each had come alone', async () => {
  const request = fc.record({
    sku: fc.constantFrom('a', 'b', 'c', 'no-such'),
    amount: fc.integer({ min: 1, max: 9 }),
    isUp: fc.boolean(),
  })
  let warehouse = 100
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 30, size: 'max' }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: -3, max: 3 }),
      async (requests, maxBatch, min) => {
        warehouse++
        const units = new Map(['a', 'b', 'c'].map((sku, index) => [sku, 8 + index * 5]))
        for (const [sku, available] of units) await stock.insert({ sku, warehouse, available })
        await using batcher = batcherOf({ maxBatch, min: Math.max(min, 0) })
        const answers = await Promise.all(
          requests.map(({ sku, amount, isUp }) =>
            isUp
              ? batcher.increment({ sku, warehouse }, amount)
              : batcher.decrementIf({ sku, warehouse }, amount),
          ),
        )
        const alone = requests.map(({ sku, amount, isUp }) => {
          const left = (units.get(sku) ?? Number.NaN) + (isUp ? amount : -amount)
          if (!(left >= Math.max(min, 0)) && !(isUp && units.has(sku))) return undefined
          units.set(sku, left)
          return { left }
        })
        expect(answers).toEqual(alone)
        for (const [sku, available] of units)
          expect(await stock.get({ sku, warehouse })).toMatchObject({ available })
      },
    ),
    { numRuns: 60 },
  )
})

test('several batchers and single calls on the same rows neither deadlock nor oversell', async () => {
  const skus = ['p', 'q', 'r', 's']
  for (const sku of skus) await stock.insert({ sku, warehouse: 7, available: 200 })
  const batchers = [batcherOf({ maxBatch: 20 }), batcherOf({ maxBatch: 20 }), batcherOf({ maxBatch: 20 })]
  let granted = 0
  await Promise.all(
    Array.from({ length: 1_200 }, async (_, index) => {
      const row = { sku: skus[(index * 7) % 4] ?? 'p', warehouse: 7 }
      const batcher = batchers[index % 4]
      const grant = await (batcher === undefined
        ? stock.decrementIf(row, { available: 1 })
        : batcher.decrementIf(row))
      if (grant !== undefined) granted++
    }),
  )
  expect(granted).toBe(800)
  for (const sku of skus) expect(await stock.get({ sku, warehouse: 7 })).toMatchObject({ available: 0 })
  for (const batcher of batchers) await batcher.stop()
})

test('a batch that waited for a restock is judged on the restocked row', async () => {
  const rows = ['x', 'y'].map((sku) => ({ sku, warehouse: 8 }))
  for (const row of rows) await stock.insert({ ...row, available: 3 })
  await using batcher = batcherOf()
  const restock = await pool.connect()
  try {
    await restock.query('BEGIN')
    await restock.query('UPDATE stock SET available = 9, version = 5 WHERE warehouse = 8')
    const grants = Promise.all(rows.map((row) => batcher.decrementIf(row, 6)))
    const waiting =
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while ((await pool.query(waiting)).rowCount === 0);
    await restock.query('COMMIT')
    expect(await grants).toEqual([{ left: 3 }, { left: 3 }])
    expect(await stock.get({ sku: 'x', warehouse: 8 })).toMatchObject({ available: 3, version: 6 })
  } finally {
    restock.release()
  }
})

test('a request that breaks a constraint or a type fails alone, with the error of the driver', async () => {
  await stock.insert({ sku: 'mug', warehouse: 9, available: 5 })
  await using batcher = batcherOf({ min: -100 }) // the table's own CHECK forbids what the batcher allows
  const answers = await Promise.allSettled([
    batcher.decrementIf({ sku: 'mug', warehouse: 9 }, 2),
    batcher.decrementIf({ sku: 'mug', warehouse: 9 }, 50),
    batcher.increment({ sku: 'mug', warehouse: 9 }, 2 ** 40),
    batcher.decrementIf({ sku: 'mug', warehouse: 'nine' as unknown as number }, 1),
    batcher.decrementIf({ sku: 'mug', warehouse: 9 }, 3),
  ])
  expect(answers).toEqual([
    { status: 'fulfilled', value: { left: 3 } },
    { status: 'rejected', reason: expect.objectContaining({ code: '23514' }) },
    { status: 'rejected', reason: expect.objectContaining({ code: '22003' }) },
    { status: 'rejected', reason: expect.objectContaining({ code: '22P02' }) },
    { status: 'fulfilled', value: { left: 0 } },
  ])
})

test('two spellings of one key are one row', async () => {
  await pool.query('CREATE TABLE part (id uuid PRIMARY KEY, units bigint NOT NULL)')
  const id = 'a1b2c3d4-0000-4000-8000-00000000abcd'
  await pool.query('INSERT INTO part VALUES ($1, 3)', [id])
  await using parts = hotRowBatcher(pool, {
    table: table<{ id: string; units: number }>('part'),
    key: ['id'],
    counter: 'units',
  })
  const grants = await Promise.all(
    [id, id.toUpperCase(), id, id.toUpperCase()].map((each) => parts.decrementIf({ id: each })),
  )
  expect(grants.filter((grant) => grant !== undefined)).toHaveLength(3)
  const { rows } = await pool.query('SELECT units FROM part')
  expect(rows).toEqual([{ units: '0' }])
})

test('a counter that is no whole number is left alone, and a trigger that keeps a row is a refusal', async () => {
  await pool.query(`CREATE TABLE fluid (id text PRIMARY KEY, litres numeric NOT NULL);
    INSERT INTO fluid VALUES ('oil', 1.5), ('water', 3), ('sea', 1e20), ('tar', 2);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = ''tar'' THEN RETURN NULL; END IF; RETURN NEW; END';
    CREATE TRIGGER keep BEFORE UPDATE ON fluid FOR EACH ROW EXECUTE FUNCTION keep()`)
  await using fluids = hotRowBatcher(pool, {
    table: table<{ id: string; litres: number }>('fluid'),
    key: ['id'],
    counter: 'litres',
  })
  for (const ids of [['oil', 'water', 'sea', 'tar'], ['oil'], ['sea'], ['tar']]) {
    const answers = await Promise.allSettled(ids.map((id) => fluids.decrementIf({ id })))
    const told = answers.map((answer) =>
      answer.status === 'fulfilled' ? answer.value : answer.reason.constructor,
    )
    const expected: Record<string, unknown> = {
      oil: RangeError,
      water: { left: 2 },
      sea: RangeError,
      tar: undefined,
    }
    expect(told).toEqual(ids.map((id) => expected[id]))
  }
  const { rows } = await pool.query('SELECT id, litres FROM fluid ORDER BY id')
  expect(rows.map(({ litres }) => Number(litres))).toEqual([1.5, 1e20, 2, 2])
})

test('a session that the server ends in the middle is unknown, and the next request works', async () => {
  const mug = { sku: 'ended', warehouse: 10 }
  await stock.insert({ ...mug, available: 5 })
  await using batcher = batcherOf()
  const blocker = await pool.connect()
  try {
    await blocker.query('BEGIN')
    await blocker.query("SELECT FROM stock WHERE sku = 'ended' FOR UPDATE")
    const failure = batcher.decrementIf(mug).catch((error) => error)
    const end =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while ((await pool.query(end)).rowCount === 0);
    expect(await failure).toMatchObject({ code: 'QUORATE_WRITE_UNKNOWN', outcome: 'unknown' })
  } finally {
    await blocker.query('ROLLBACK')
    blocker.release()
  }
  expect(await batcher.decrementIf(mug)).toEqual({ left: 4 })
})

test('where a pooler loses prepared statements, the batcher goes on without them', async () => {
  const mug = { sku: 'pooler', warehouse: 12 }
  await stock.insert({ ...mug, available: 5 })
  const single = new pg.Pool({ ...pool.options, max: 1 })
  try {
    await using batcher = hotRowBatcher(single, { table: table<Stock>('stock'), key, counter: 'available' })
    expect(await batcher.decrementIf(mug)).toEqual({ left: 4 })
    await single.query('DEALLOCATE ALL') // as another client of the pooler's session would find it
    expect(await batcher.decrementIf(mug)).toEqual({ left: 3 })
    expect(await batcher.decrementIf(mug)).toEqual({ left: 2 })
  } finally {
    await single.end()
  }
})

test('a deadline ends a statement that hangs, with its connection', async () => {
  const mug = { sku: 'hung', warehouse: 11 }
  await stock.insert({ ...mug, available: 5 })
  const clock = new VirtualClock()
  const batcher = batcherOf({ clock })
  const blocker = await pool.connect()
  try {
    await blocker.query('BEGIN')
    await blocker.query("SELECT FROM stock WHERE sku = 'hung' FOR UPDATE")
    const failure = batcher.decrementIf(mug, 1, { deadlineMs: 60 }).catch((error) => error)
    const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
    const { rows } = await blocker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    while ((await pool.query(waiting, [rows[0]?.pid])).rowCount === 0);
    await clock.advance(60)
    expect(await failure).toMatchObject({ code: 'QUORATE_WRITE_UNKNOWN' })
    await batcher.stop()
  } finally {
    await blocker.query('ROLLBACK')
    blocker.release()
  }
})

test('wrong arguments are refused before anything is queued', async () => {
  await using batcher = batcherOf()
  const mug = { sku: 'mug', warehouse: 1 }
  for (const amount of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    await expect(batcher.decrementIf(mug, amount)).rejects.toThrow(RangeError)
  }
  await expect(batcher.decrementIf({ sku: 'mug' } as typeof mug)).rejects.toThrow(
    /warehouse must have a value/,
  )
  await expect(batcher.decrementIf(mug, 1, { deadlineMs: 0 })).rejects.toThrow(RangeError)
  await expect(batcher.decrementIf(mug, 1, { signal: {} as AbortSignal })).rejects.toThrow(/an AbortSignal/)
  await expect(batcher.decrementIf(mug, 1, { deadline: 5 } as object)).rejects.toThrow(
    /unknown option deadline/,
  )
  expect(() => batcherOf({ counter: 'sku' })).toThrow(/different columns/)
  expect(() => batcherOf({ key: 'sku' })).toThrow(TypeError)
  expect(() => batcherOf({ maxBatch: 0 })).toThrow(RangeError)
  expect(() => batcherOf({ table: 'stock' })).toThrow(/table\(\)/)
  expect(() => batcherOf({ maxbatch: 5 })).toThrow(/unknown option maxbatch/)
})

test('a key that names several rows of a view is told to the callers, and ends nothing else', async () => {
  await pool.query(`CREATE TABLE several (sku text, units int NOT NULL);
    CREATE VIEW loose AS SELECT * FROM several;
    INSERT INTO loose VALUES ('twice', 9), ('twice', 9), ('once', 9)`)
  const loose = {
    table: table<{ sku: string; units: number }>('loose'),
    key: ['sku'],
    counter: 'units',
  } as const
  await using batcher = hotRowBatcher(pool, loose)
  const cause = expect.objectContaining({
    message: expect.stringContaining('must be a unique index on exactly'),
  })
  const unknown = { code: 'QUORATE_WRITE_UNKNOWN', cause }
  // The plain statement for one row that has enough, the one that folds for one that has not.
  await expect(batcher.decrementIf({ sku: 'twice' })).rejects.toMatchObject(unknown)
  await expect(batcher.decrementIf({ sku: 'twice' }, 100)).rejects.toMatchObject(unknown)
  await expect(batcher.decrementIf({ sku: 'once' })).resolves.toEqual({ left: 8 })
})
