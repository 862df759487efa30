// What tables do by themselves, beside a write: defaults, triggers, policies, types that round, NULL, partitions, views.
import { Kysely, PostgresDialect, type Generated } from 'kysely'
import { expect, test } from 'vitest'
import { RowExistsError, StaleVersionError, WriteRefusedError, WriteUnknownError } from '../src/index.ts'
import { optimisticRepository as kyselyRepository } from '../src/kysely/index.ts'
import { byTime, byValues, byXmin, optimisticRepository, type PgRepository, table } from '../src/pg/index.ts'
import { connect } from './connect.ts'

const { pool } = await connect(20)

interface Counted {
  id: string
  units: number
  version: number
}
const counted = async (name: string, sql = ''): Promise<PgRepository<Counted, 'id', 'version'>> => {
  await pool.query(`CREATE TABLE ${name} (id text PRIMARY KEY, units int, version int NOT NULL);
    INSERT INTO ${name} VALUES ('a', 5, 1), ('b', 5, 1);${sql}`)
  return optimisticRepository(pool, { table: table<Counted>(name), key: ['id'], version: 'version' })
}
const rowsOf = async (name: string): Promise<unknown[]> =>
  (await pool.query(`SELECT * FROM ${name} ORDER BY id`)).rows

test('byTime refuses a column in which two writes could look alike, before it writes', async () => {
  await pool.query('CREATE DOMAIN moment AS timestamptz(1); CREATE DOMAIN fine_moment AS timestamptz')
  interface Dated {
    id: string
    n: number
    at: Date
  }
  const types = { 'timestamptz(0)': false, 'timestamp(2)': false, date: false, moment: false }
  const good = { 'timestamptz(3)': true, timestamp: true, fine_moment: true }
  for (const [index, [type, fits]] of Object.entries({ ...types, ...good }).entries()) {
    const name = `dated_${index}`
    await pool.query(`CREATE TABLE ${name} (id text PRIMARY KEY, n int NOT NULL DEFAULT 0, at ${type} NOT NULL DEFAULT now());
      INSERT INTO ${name} (id) VALUES ('a')`)
    const db = new Kysely<Record<string, Dated>>({ dialect: new PostgresDialect({ pool }) })
    for (const dated of [
      optimisticRepository(pool, { table: table<Dated>(name), key: ['id'], version: byTime('at') }),
      kyselyRepository(db, { table: name, key: ['id'], version: byTime('at') }),
    ]) {
      const row = await dated.get({ id: 'a' })
      if (row === undefined) throw new Error('The row is there')
      const results = await Promise.allSettled([1, 2, 3, 4].map((n) => dated.update(row, { n })))
      const winners = results.filter(({ status }) => status === 'fulfilled')
      const losers = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
      expect([type, winners.length]).toEqual([type, fits ? 1 : 0])
      expect(losers.every((error) => error instanceof (fits ? StaleVersionError : TypeError))).toBe(true)
      expect(fits || String(losers[0]).includes('holds no milliseconds')).toBe(true)
    }
  }
  const missing = optimisticRepository(pool, {
    table: table<Dated & { gone: Date }>('dated_0'),
    key: ['id'],
    version: byTime('gone'),
  })
  await expect(missing.update({ id: 'a', gone: new Date() }, { n: 1 })).rejects.toMatchObject({
    code: '42703',
  })
})

test('nothing is added to, or taken from, a counter that is NULL, and nothing else is moved for it', async () => {
  await pool.query(`CREATE TABLE pair (id text PRIMARY KEY, a int, b int, version int NOT NULL);
    INSERT INTO pair VALUES ('x', 5, NULL, 1), ('y', 5, 0, 1)`)
  const pairs = optimisticRepository(pool, {
    table: table<{ id: string; a: number; b: number; version: number }>('pair'),
    key: ['id'],
    version: 'version',
  })
  const x = { id: 'x' }
  expect(await pairs.adjustIf(x, { a: -2, b: 2 })).toBeUndefined()
  expect(await pairs.incrementIf(x, { b: 2 })).toBeUndefined()
  expect(await pairs.adjustIf(x, { b: -2 }, { min: { b: -Infinity } })).toBeUndefined()
  expect(await pairs.decrementIf(x, { b: 0 })).toBeUndefined()
  const both = [
    { key: { id: 'y' }, by: { a: -2, b: 2 } },
    { key: x, by: { a: -2, b: 2 } },
  ]
  expect(await pairs.adjustAllIf(both)).toMatchObject({
    granted: false,
    short: [{ key: x, row: { b: null } }],
  })
  expect(await rowsOf('pair')).toEqual([
    { id: 'x', a: 5, b: null, version: 1 },
    { id: 'y', a: 5, b: 0, version: 1 },
  ])
  // A column that another item adjusts may be NULL here.
  const [first] = both
  if (first === undefined) throw new Error('There are two')
  expect(await pairs.adjustAllIf([first, { key: x, by: { a: -1 } }])).toMatchObject({ granted: true })
})

const KEEP_B = `CREATE FUNCTION keep_b() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN IF OLD.id = ''b'' THEN RETURN NULL; END IF; RETURN COALESCE(NEW, OLD); END'`
const keepB = (name: string): string =>
  `CREATE TRIGGER keep_b BEFORE UPDATE OR DELETE ON ${name} FOR EACH ROW EXECUTE FUNCTION keep_b()`

test('if a trigger keeps one of several rows as it was, none is changed', async () => {
  const rows = await counted('partly', `${KEEP_B};${keepB('partly')}`)
  const failure = rows.decrementAllIf(['a', 'b'].map((id) => ({ key: { id }, by: { units: 1 } })))
  await expect(failure).rejects.toMatchObject({ code: 'QUORATE_WRITE_REFUSED', outcome: 'not-applied' })
  expect(await rowsOf('partly')).toEqual([
    { id: 'a', units: 5, version: 1 },
    { id: 'b', units: 5, version: 1 },
  ])
})

test('a write that a trigger skips is not called stale, and mutate() does not try it again', async () => {
  const rows = await counted('kept_b', keepB('kept_b'))
  const b = { id: 'b', version: 1 }
  await expect(rows.update(b, { units: 4 })).rejects.toThrow(WriteRefusedError)
  await expect(rows.delete(b)).rejects.toThrow(WriteRefusedError)
  let calls = 0
  await expect(rows.mutate(b, () => ({ units: calls++ }))).rejects.toThrow(WriteRefusedError)
  expect(calls).toBe(1)
  await expect(rows.update({ id: 'b', version: 7 }, { units: 4 })).rejects.toMatchObject({ actual: 1 })
  await pool.query(`CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER no_more BEFORE INSERT ON kept_b FOR EACH ROW EXECUTE FUNCTION no_more()`)
  await expect(rows.insert({ id: 'c', units: 1 })).rejects.toThrow(WriteRefusedError)
  // The conflict is found behind the trigger, so here too it is not known what would have been.
  await expect(rows.insert({ id: 'b', units: 1 })).rejects.toThrow(RowExistsError)
})

test('a trigger that raises the version its own way is followed', async () => {
  const rows = await counted(
    'jumps',
    `CREATE FUNCTION jump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.version := OLD.version + 10; RETURN NEW; END';
     CREATE TRIGGER jump BEFORE UPDATE ON jumps FOR EACH ROW EXECUTE FUNCTION jump()`,
  )
  const first = await rows.update({ id: 'a', version: 1 }, { units: 4 })
  expect(first).toEqual({ id: 'a', units: 4, version: 11 })
  expect(await rows.update(first, { units: 3 })).toMatchObject({ version: 21 })
  await expect(rows.update(first, { units: 2 })).rejects.toMatchObject({ expected: 11, actual: 21 })
})

test('row-level security: a row that may be read and not written is refused, one that may not be read is gone', async () => {
  await counted(
    'policed',
    `ALTER TABLE policed ENABLE ROW LEVEL SECURITY; CREATE ROLE clerk; GRANT ALL ON policed TO clerk;
     CREATE POLICY reads ON policed FOR SELECT USING (true); CREATE POLICY writes ON policed FOR UPDATE USING (id = 'a')`,
  )
  const client = await pool.connect()
  try {
    await client.query('BEGIN; SET LOCAL ROLE clerk')
    const rows = optimisticRepository(pool, {
      table: table<Counted>('policed'),
      key: ['id'],
      version: 'version',
    }).withTransaction(client)
    expect(await rows.update({ id: 'a', version: 1 }, { units: 4 })).toMatchObject({ version: 2 })
    await expect(rows.update({ id: 'b', version: 1 }, { units: 4 })).rejects.toThrow(WriteRefusedError)
    await expect(rows.validate({ id: 'b', version: 1 })).rejects.toThrow(WriteRefusedError)
    expect(await rows.decrementIf({ id: 'b' }, { units: 1 })).toBeUndefined()
    await client.query('ROLLBACK; BEGIN; DROP POLICY reads ON policed; SET LOCAL ROLE clerk')
    await expect(rows.update({ id: 'b', version: 1 }, { units: 4 })).rejects.toMatchObject({
      code: 'QUORATE_ROW_GONE',
    })
  } finally {
    await client.query('ROLLBACK; DROP OWNED BY clerk; DROP ROLE clerk')
    client.release()
  }
})

test('insert() leaves the key to the database, and update(row, {}) does not touch it', async () => {
  interface Numbered {
    id: number
    text: string
  }
  await pool.query(`CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL DEFAULT '',
    shout text GENERATED ALWAYS AS (upper(text)) STORED)`)
  const db = new Kysely<{ numbered: { id: Generated<number>; text: Generated<string> } }>({
    dialect: new PostgresDialect({ pool }),
  })
  const at = { table: table<Numbered>('numbered'), key: ['id'] } as const
  const inserted: number[] = []
  for (const numbered of [
    optimisticRepository(pool, { ...at, version: byXmin }),
    optimisticRepository(pool, { ...at, version: byValues }) as never,
    kyselyRepository(db, { table: 'numbered', key: ['id'], version: byXmin }) as never,
    kyselyRepository(db, { table: 'numbered', key: ['id'], version: byValues }) as never,
  ]) {
    const row = await numbered.insert({ text: 'x' })
    const blank = await numbered.insert({})
    inserted.push(row.id, blank.id)
    expect(row).toMatchObject({ text: 'x', shout: 'X' })
    const raised = await numbered.update(row, {})
    expect(raised).toMatchObject({ id: row.id, text: 'x' })
    expect(await numbered.update(raised, { text: 'y' })).toMatchObject({ text: 'y', shout: 'Y' })
  }
  expect(inserted).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  await pool.query('ALTER TABLE numbered ALTER id RESTART WITH 1') // a sequence that lags behind, as after a restore
  const behind = optimisticRepository(pool, { ...at, version: byXmin }).insert({ text: 'z' })
  await expect(behind).rejects.toMatchObject({
    code: 'QUORATE_ROW_EXISTS',
    message: expect.stringContaining('insert a row of numbered: the row exists'),
  })
})

test('a key that its column rounds, cuts or pads is taken by what it becomes', async () => {
  await pool.query(`CREATE DOMAIN weight AS numeric(6,2);
    CREATE TABLE rounded (w weight, at timestamptz(0), pad char(3), code varchar(2), v int NOT NULL, PRIMARY KEY (w, at, pad, code))`)
  interface Rounded {
    w: number | string
    at: Date | string
    pad: string
    code: string
    v: number
  }
  const rows = optimisticRepository(pool, {
    table: table<Rounded>('rounded'),
    key: ['w', 'at', 'pad', 'code'],
    version: 'v',
  })
  const given = { w: 1.005, at: '2026-01-01T00:00:00.6Z', pad: 'x', code: 'ab  ' }
  const row = await rows.insert(given)
  expect(row).toMatchObject({ w: '1.01', at: new Date('2026-01-01T00:00:01Z'), pad: 'x  ', code: 'ab' })
  expect(await rows.get(given)).toBeUndefined()
  await expect(rows.insert(given)).rejects.toMatchObject({ code: 'QUORATE_ROW_EXISTS', key: given })
  expect(await rows.getOrInsert(given)).toEqual({ inserted: false, row })
  // What a trigger makes of it, nobody knows: that is told as a write that was kept from being made.
  await pool.query(`CREATE FUNCTION same_code() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.code := ''ab''; RETURN NEW; END';
    CREATE TRIGGER same_code BEFORE INSERT ON rounded FOR EACH ROW EXECUTE FUNCTION same_code()`)
  await expect(rows.insert({ ...given, code: 'cd' })).rejects.toMatchObject({ code: 'QUORATE_WRITE_REFUSED' })
  await expect(rows.getOrInsert({ ...given, code: 'cd' })).rejects.toMatchObject({
    code: 'QUORATE_WRITE_REFUSED',
  })
})

let fleeting = 0
test.each([
  ['nothing that could skip it', '', 12, 13],
  [
    'a trigger after it',
    'CREATE TRIGGER t AFTER INSERT ON NAME FOR EACH ROW EXECUTE FUNCTION as_it_is()',
    12,
    13,
  ],
  [
    'a trigger that may',
    'CREATE TRIGGER t BEFORE INSERT ON NAME FOR EACH ROW EXECUTE FUNCTION as_it_is()',
    12,
    2,
  ],
  ['a policy that may hide it', 'ALTER TABLE NAME ENABLE ROW LEVEL SECURITY', 12, 2],
  ['nothing, and rows without end', '', 1_000, 20],
])(
  'an insert whose row is in the way and gone again is no skipped one: on the table is %s',
  async (_, guard, timesGone, expectedWrites) => {
    const name = `fleeting_${++fleeting}`
    await pool.query(`CREATE TABLE ${name} (id int PRIMARY KEY, v int NOT NULL);
      CREATE OR REPLACE FUNCTION as_it_is() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      ${guard.replace('NAME', name)}`)
    let writes = 0
    const db = {
      // Others make the row just before each write, and delete it just after that.
      query: async (text: string, values: unknown[]) => {
        if (!text.startsWith('INSERT')) return pool.query(text, values)
        const isThere = writes++ < timesGone
        if (isThere) await pool.query(`INSERT INTO ${name} VALUES (1, 7)`)
        const answer = await pool.query(text, values)
        if (isThere) await pool.query(`DELETE FROM ${name}`)
        return answer
      },
    }
    const rows = optimisticRepository(db, {
      table: table<{ id: number; v: number }>(name),
      key: ['id'],
      version: 'v',
    })
    const made = await rows.getOrInsert({ id: 1 }).catch(({ code }: { code: string }) => code)
    const row = { id: 1, v: 1 }
    expect(made).toEqual(expectedWrites > timesGone ? { inserted: true, row } : 'QUORATE_WRITE_REFUSED')
    expect(writes).toBe(expectedWrites)
  },
)

test('keys of bytes are found by decrementAllIf() too', async () => {
  await pool.query('CREATE TABLE bytes (id bytea PRIMARY KEY, units int NOT NULL, version int NOT NULL)')
  const bytes = optimisticRepository(pool, {
    table: table<{ id: Buffer; units: number; version: number }>('bytes'),
    key: ['id'],
    version: 'version',
  })
  const ids = [Buffer.from([0, 1, 0x5c, 255]), Buffer.from([])]
  for (const id of ids) await bytes.insert({ id, units: 5 })
  const items = ids.map((id) => ({ key: { id }, by: { units: 2 } }))
  expect(await bytes.decrementAllIf(items)).toMatchObject({
    granted: true,
    rows: [{ units: 3 }, { units: 3 }],
  })
  const slice = new Uint8Array([9, 0, 1, 0x5c, 255]).subarray(1) as Buffer
  const twice = [{ key: { id: slice }, by: { units: 1 } }, ...items.slice(0, 1)]
  expect(await bytes.decrementAllIf(twice)).toMatchObject({ granted: true, rows: [{ units: 0 }] })
})

test('keys that JSON has no numbers for are found by decrementAllIf() too', async () => {
  await pool.query('CREATE TABLE gauge (at float8 PRIMARY KEY, units int NOT NULL, version int NOT NULL)')
  await pool.query("INSERT INTO gauge VALUES ('NaN', 1, 1), ('Infinity', 1, 1), (0.1, 1, 1), (12, 1, 1)")
  const gauges = optimisticRepository(pool, {
    table: table<{ at: number; units: number; version: number }>('gauge'),
    key: ['at'],
    version: 'version',
  })
  const items = [NaN, Infinity, 0.1, 12].map((at) => ({ key: { at }, by: { units: 1 } }))
  expect(await gauges.decrementAllIf(items)).toMatchObject({ granted: true })
  await expect(pool.query('SELECT sum(units)::int AS left FROM gauge')).resolves.toMatchObject({
    rows: [{ left: 0 }],
  })
})

test('keys with a day, a time and a time without a zone are found by decrementAllIf() as by decrementIf()', async () => {
  await pool.query(`CREATE TABLE night (day date, at timestamptz, local timestamp, rooms int NOT NULL, version int NOT NULL,
    PRIMARY KEY (day, at, local));
    INSERT INTO night SELECT d::date, d + interval '90 min', d::timestamp + interval '3 h', 5, 1
      FROM generate_series('2026-03-28'::timestamptz, '2026-04-01', '1 day') AS d`)
  interface Night {
    day: Date
    at: Date
    local: Date
    rooms: number
    version: number
  }
  const nights = optimisticRepository(pool, {
    table: table<Night>('night'),
    key: ['day', 'at', 'local'],
    version: 'version',
  })
  const { rows } = await pool.query<Night>('SELECT * FROM night ORDER BY day')
  const items = rows.map(({ day, at, local }) => ({ key: { day, at, local }, by: { rooms: 1 } }))
  for (const { key, by } of items)
    expect(await nights.decrementIf(key, by)).toMatchObject({ ...key, rooms: 4 })
  const all = await nights.decrementAllIf(items)
  expect(all).toMatchObject({ granted: true, rows: items.map(({ key }) => ({ ...key, rooms: 3 })) })
})

test('amounts and versions beyond 2^53 are exact', async () => {
  await pool.query('CREATE TABLE wide (id text PRIMARY KEY, units bigint NOT NULL, version bigint NOT NULL)')
  const wide = optimisticRepository(pool, {
    table: table<{ id: string; units: bigint; version: string }>('wide'),
    key: ['id'],
    version: 'version',
  })
  const units = 9_007_199_254_740_993n
  const row = await wide.insert({ id: 'a', units, version: '9007199254740993' })
  expect(await wide.decrementIf(row, { units: units + 1n })).toBeUndefined()
  const items = [{ key: { id: 'a' }, by: { units: units - 1n } }]
  expect(await wide.decrementAllIf([...items, ...items])).toMatchObject({ granted: false })
  const one = await wide.decrementIf(row, { units: units - 1n }, { min: { units: 1n } })
  expect(one).toMatchObject({ units: '1', version: '9007199254740994' })
  await expect(wide.update(row, {})).rejects.toMatchObject({
    expected: '9007199254740993',
    actual: '9007199254740994',
  })
})

test('partitions: a row is followed from one to another, and its version with it', async () => {
  await pool.query(`CREATE TABLE region (id text NOT NULL, place text NOT NULL, units int NOT NULL, version int NOT NULL,
      PRIMARY KEY (id, place)) PARTITION BY LIST (place);
    CREATE TABLE region_us PARTITION OF region FOR VALUES IN ('us'); CREATE TABLE region_eu PARTITION OF region FOR VALUES IN ('eu');
    INSERT INTO region VALUES ('a', 'us', 5, 1)`)
  const regions = optimisticRepository(pool, {
    table: table<{ id: string; place: string; units: number; version: number }>('region'),
    key: ['id'],
    version: 'version',
  })
  const row = await regions.get({ id: 'a' })
  if (row === undefined) throw new Error('The row is there')
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => regions.update(row, { place: 'eu', units: index })),
  )
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  // Postgres itself refuses to follow a row out of its partition (40001), which mutate() repeats.
  await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      regions.mutate({ id: 'a' }, ({ units, place }) => ({
        units: units + 1,
        place: index % 2 === 0 ? (place === 'eu' ? 'us' : 'eu') : place,
      })),
    ),
  )
  const winner = results.findIndex(({ status }) => status === 'fulfilled')
  expect(await regions.get({ id: 'a' })).toMatchObject({ units: winner + 12, version: 14 })
})

test('a view that Postgres can update is a table like others', async () => {
  await counted('behind_view', 'CREATE VIEW seen AS SELECT * FROM behind_view WHERE units > 0')
  const seen = optimisticRepository(pool, { table: table<Counted>('seen'), key: ['id'], version: 'version' })
  const row = await seen.update({ id: 'a', version: 1 }, { units: 4 })
  await expect(seen.update({ id: 'a', version: 1 }, { units: 3 })).rejects.toThrow(StaleVersionError)
  expect(
    await seen.decrementAllIf(['a', 'b'].map((id) => ({ key: { id }, by: { units: 1 } }))),
  ).toMatchObject({
    granted: true,
  })
  expect(await seen.insert({ id: 'c', units: 1 })).toMatchObject({ version: 1 })
  expect(await seen.delete({ ...row, version: 3 })).toBe(true)
})

test('byValues tells which columns have changed, and puts no value into its message', async () => {
  await pool.query(`CREATE TABLE person (id text PRIMARY KEY, name text, secret text)`)
  const people = optimisticRepository(pool, {
    table: table<{ id: string; name: string; secret: string }>('person'),
    key: ['id'],
    version: byValues,
  })
  const row = await people.insert({ id: 'a', name: 'Ann', secret: 'hunter2' })
  await people.update(row, { name: 'Anna' })
  const failure = await people.update(row, { secret: 'x' }).catch((error: unknown) => error)
  expect(failure).toMatchObject({
    expected: '{"name":"Ann"}',
    actual: '{"name":"Anna"}',
    versionKind: 'values',
  })
  expect(String(failure)).not.toMatch(/Ann|hunter2/)
})

test('a row whose version is NULL is told from one that does not carry it', async () => {
  await pool.query(`CREATE TABLE late (id text PRIMARY KEY, version int); INSERT INTO late VALUES ('a')`)
  const late = optimisticRepository(pool, {
    table: table<{ id: string; version: number }>('late'),
    key: ['id'],
    version: 'version',
  })
  await expect(late.mutate({ id: 'a' }, () => ({}))).rejects.toThrow(/version is null.*NOT NULL/)
})

test('a server that ends the session during the write leaves the outcome unknown; a timeout does not', async () => {
  const rows = await counted(
    'slow',
    `CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
     CREATE TRIGGER nap BEFORE UPDATE ON slow FOR EACH ROW EXECUTE FUNCTION nap()`,
  )
  const killed = rows.update({ id: 'a', version: 1 }, { units: 4 }).catch((error: unknown) => error)
  const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'UPDATE "slow"%' AND wait_event = 'PgSleep'`
  while ((await pool.query(kill)).rowCount === 0);
  const failure = await killed
  expect(failure).toBeInstanceOf(WriteUnknownError)
  expect(failure).toMatchObject({ outcome: 'unknown', cause: { code: '57P01' } })

  const client = await pool.connect()
  try {
    await client.query("SET statement_timeout = '30ms'")
    const timed = optimisticRepository(client, {
      table: table<Counted>('slow'),
      key: ['id'],
      version: 'version',
    })
    await expect(timed.update({ id: 'a', version: 1 }, { units: 4 })).rejects.toMatchObject({ code: '57014' })
  } finally {
    client.release(true)
  }
  expect(await rows.get({ id: 'a' })).toMatchObject({ units: 5, version: 1 })
})
