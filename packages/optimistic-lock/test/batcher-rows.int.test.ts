// What names a row, what a row counts, and who else has it: in a batch as alone.
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { hotRowBatcher, type HotRowBatcher } from '../src/batcher/index.ts'
import { table } from '../src/pg/index.ts'
import { connect } from './connect.ts'

// Where local time is not that of Postgres' own texts.
const zone = process.env['TZ']
process.env['TZ'] = 'America/New_York'
afterAll(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

const { pool } = await connect(12)
const MAX = Number.MAX_SAFE_INTEGER
const at = (ms: number): Date => new Date(Date.UTC(2026, 2, 8, 6, 30) + ms)

interface Row {
  id: unknown
  units: number
}
let made = 0
async function tableOf(id: string, units = 'bigint'): Promise<string> {
  const name = `row_${++made}`
  await pool.query(`CREATE TABLE ${name} (id ${id} PRIMARY KEY, units ${units})`)
  return name
}
const batcherOf = (name: string, options: object = {}, on = pool): HotRowBatcher<Pick<Row, 'id'>> =>
  hotRowBatcher(on, { table: table<Row>(name), key: ['id'], counter: 'units', ...options })

/** Keys of rows that are there, and of some that are not. */
const KEYS: readonly (readonly [type: string, there: readonly unknown[], absent: readonly unknown[]])[] = [
  ['timestamp', [at(0), at(1), at(999)], [at(2), '2026-03-08 06:30:00']],
  ['timestamptz', [at(0), at(1), '2026-03-08 07:00:00Z'], [at(2)]],
  ['date', ['2026-03-08', new Date(2026, 2, 9)], [new Date(2026, 2, 10)]],
  ['bytea', [Buffer.from([0xff]), Buffer.from([0xfe]), new Uint8Array([0, 1])], [Buffer.from([0xfd])]],
  ['numeric', [Number.NaN, Number.POSITIVE_INFINITY, 10n ** 30n, 1.5], [0, '1.6']],
  ['numeric(6,2)', [1, '2.50'], ['1.004', 2.499]],
  ['varchar(3)', ['abc', 'a'], ['abc   ', 'abcd', 'a ']],
  ['char(3)', ['abc', 'a'], ['abcd', 'b']],
  ['float8', [0.1, Number.NaN, 1e300], [0.2]],
  ['bigint', [2n ** 60n, 2n ** 60n + 1n], [2n ** 60n + 2n]],
  ['boolean', [true], [false]],
  ['text', ['a', 'A', 'a ', '', '{a,b}', 'null', `q'"\\`], ['b', 'NULL']],
  ['jsonb', ['{"a": 1}', '5'], ['{"a": 2}']],
  ['uuid', ['a1b2c3d4-0000-4000-8000-00000000abcd'], ['b1b2c3d4-0000-4000-8000-00000000abcd']],
]

test.each(KEYS)(
  'a row whose key is of type %s is the same in a batch as alone',
  async (type, there, absent) => {
    const name = await tableOf(type)
    for (const [index, id] of there.entries()) {
      await pool.query(`INSERT INTO ${name} VALUES ($1, $2)`, [id, 10 * index + 10])
    }
    await using batcher = batcherOf(name)
    const ask = (id: unknown) => batcher.decrementIf({ id }, 2)
    const left = there.map((_, index) => ({ left: 10 * index + 8 }))
    expect(await Promise.all([...absent, ...there].map(ask))).toEqual([
      ...absent.map(() => undefined),
      ...left,
    ])
    for (const [index, id] of there.entries()) expect(await ask(id)).toEqual({ left: 10 * index + 6 })
    for (const id of absent) expect(await ask(id)).toBe(undefined)
    const { rows } = await pool.query<{ units: string }>(`SELECT units FROM ${name} ORDER BY units`)
    expect(rows.map(({ units }) => Number(units))).toEqual(there.map((_, index) => 10 * index + 6))
  },
)

test('a key that no text can stand for is refused before anything is queued', async () => {
  await using batcher = batcherOf(await tableOf('text'))
  const lists = [[{ a: 1 }], ['a', [Symbol('a')]], [new Date(Number.NaN)]]
  for (const id of [{ a: 1 }, new Date(Number.NaN), Symbol('a'), undefined, null, ...lists]) {
    await expect(batcher.decrementIf({ id })).rejects.toThrow(
      /key column id must have a value that is a string/,
    )
  }
})

test('a key that its caller changes meanwhile is the one it was', async () => {
  const name = await tableOf('timestamptz')
  await pool.query(`INSERT INTO ${name} VALUES ($1, 5)`, [at(0)])
  await using batcher = batcherOf(name)
  const id = at(0)
  const grant = batcher.decrementIf({ id })
  id.setTime(0)
  expect(await grant).toEqual({ left: 4 })
  const lists = await tableOf('timestamptz[]')
  await pool.query(`INSERT INTO ${lists} VALUES (ARRAY[$1::timestamptz, NULL], 5)`, [at(0)])
  await using ofLists = batcherOf(lists)
  const list = [at(0), null]
  const grants = [ofLists.decrementIf({ id: list }), ofLists.decrementIf({ id: [...list] })]
  list[0]?.setTime(0)
  list.pop()
  expect(await Promise.all(grants)).toEqual([{ left: 4 }, { left: 3 }])
  const bytes = await tableOf('bytea')
  await pool.query(`INSERT INTO ${bytes} VALUES ('\\x01', 5)`)
  await using ofBytes = batcherOf(bytes)
  const buffer = Buffer.from([1])
  const ofBuffer = ofBytes.decrementIf({ id: buffer })
  buffer[0] = 2
  expect(await ofBuffer).toEqual({ left: 4 })
})

test('the parts of a composite key do not run into each other', async () => {
  const name = `row_${++made}`
  await pool.query(`CREATE TABLE ${name} (a text, b text, units int, PRIMARY KEY (a, b))`)
  await pool.query(`INSERT INTO ${name} VALUES ('x', 'y:z', 5), ('x:y', 'z', 7)`)
  await using batcher = hotRowBatcher(pool, {
    table: table<{ a: string; b: string; units: number }>(name),
    key: ['a', 'b'],
    counter: 'units',
  })
  const keys = [
    { a: 'x', b: 'y:z' },
    { a: 'x:y', b: 'z' },
  ]
  expect(await Promise.all(keys.map((each) => batcher.decrementIf(each)))).toEqual([{ left: 4 }, { left: 6 }])
})

test.each(['bigint', 'numeric'])(
  '%s counters are exact up to 2^53 - 1, and what goes beyond fails alone',
  async (type) => {
    const name = await tableOf('text', type)
    await pool.query(`INSERT INTO ${name} VALUES ('a', -100), ('b', ${MAX - 3}), ('c', 5)`)
    await using batcher = batcherOf(name)
    const up = (id: string, amount: number) =>
      batcher.increment({ id }, amount).then(
        (grant) => grant?.left,
        (error) => error.constructor,
      )
    // Sums beyond 2^53, one row at a time and together.
    expect(await Promise.all([up('a', MAX), up('a', 2)])).toEqual([MAX - 100, MAX - 98])
    expect(await Promise.all([up('b', 4), up('b', 3), up('b', 1), up('c', 1)])).toEqual([
      RangeError,
      MAX,
      RangeError,
      6,
    ])
    expect(await up('b', 1)).toBe(RangeError)
    expect(await Promise.all([up('a', 100), up('a', 98)])).toEqual([RangeError, MAX])
    const { rows } = await pool.query<{ units: string }>(`SELECT units::text FROM ${name} ORDER BY id`)
    expect(rows.map(({ units }) => units)).toEqual([String(MAX), String(MAX), '6'])
  },
)

test('a counter that is NULL is told apart from a row that is not there', async () => {
  const name = await tableOf('text')
  await pool.query(`INSERT INTO ${name} VALUES ('null', NULL), ('five', 5)`)
  await using batcher = batcherOf(name)
  for (const ids of [['null'], ['five', 'null', 'gone']]) {
    const answers = await Promise.allSettled(ids.map((id) => batcher.increment({ id })))
    const told = answers.map((answer) =>
      answer.status === 'fulfilled' ? answer.value : answer.reason.message,
    )
    const expected: Record<string, unknown> = {
      null: expect.stringContaining('its counter is NULL'),
      five: { left: 6 },
      gone: undefined,
    }
    expect(told).toEqual(ids.map((id) => expected[id]))
  }
})

test('a trigger or a policy that refuses one row fails its request alone, with any code it likes', async () => {
  const seller = `seller_${process.pid}` // roles are everybody's
  const name = await tableOf('text')
  await pool.query(`INSERT INTO ${name} VALUES ('a', 50), ('b', 50), ('guarded', 50), ('broken', 50), ('policy', 50);
    CREATE FUNCTION guard_${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.id = 'guarded' AND NEW.units < 45 THEN RAISE EXCEPTION 'no' USING ERRCODE = 'SHOP1'; END IF;
      IF NEW.id = 'broken' THEN PERFORM FROM no_such_table; END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER guard BEFORE UPDATE ON ${name} FOR EACH ROW EXECUTE FUNCTION guard_${name}();
    DROP ROLE IF EXISTS ${seller};
    CREATE ROLE ${seller};
    GRANT ALL ON ${name} TO ${seller};
    ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY seller ON ${name} USING (true) WITH CHECK (id <> 'policy')`)
  const sellers = new pg.Pool({ ...pool.options, options: `-c role=${seller}` })
  try {
    await using batcher = batcherOf(name, {}, sellers)
    const asked = ['a', 'guarded', 'broken', 'guarded', 'policy', 'b', 'a']
    const amounts = [1, 2, 1, 10, 1, 1, 1]
    const answers = await Promise.allSettled(
      asked.map((id, index) => batcher.decrementIf({ id }, amounts[index])),
    )
    expect(
      answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.code)),
    ).toEqual([{ left: 49 }, { left: 48 }, '42P01', 'SHOP1', '42501', { left: 49 }, { left: 48 }])
  } finally {
    await sellers.end()
    await pool.query(`DROP OWNED BY ${seller}; DROP ROLE ${seller}`)
  }
})

test('a missing table or right fails all, and is not asked for each of them', async () => {
  const events: string[] = []
  await using batcher = batcherOf('no_such', { onEvent: ({ type }: { type: string }) => events.push(type) })
  const answers = await Promise.allSettled(['a', 'b', 'c'].map((id) => batcher.decrementIf({ id })))
  expect(answers.map((answer) => answer.status === 'rejected' && answer.reason.code)).toEqual(
    Array(3).fill('42P01'),
  )
  expect(events).toEqual(['batch-failed'])
})

test('a trigger that writes another number than it is told does not turn a grant into a refusal', async () => {
  const name = await tableOf('text')
  await pool.query(`INSERT INTO ${name} VALUES ('capped', 90);
    CREATE FUNCTION cap_${name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.units := LEAST(NEW.units, 100); RETURN NEW; END';
    CREATE TRIGGER cap BEFORE UPDATE ON ${name} FOR EACH ROW EXECUTE FUNCTION cap_${name}()`)
  await using batcher = batcherOf(name)
  const answers = await Promise.all([
    batcher.decrementIf({ id: 'capped' }, 85),
    batcher.increment({ id: 'capped' }, 500),
  ])
  // Both were applied, though what each left is not known any more.
  expect(answers.map((answer) => answer !== undefined)).toEqual([true, true])
})

test('a row that somebody else has holds up the others for one statement at most', async () => {
  const name = await tableOf('text')
  await pool.query(`INSERT INTO ${name} VALUES ('a', 5), ('b', 5), ('locked', 5)`)
  const impatient = new pg.Pool({ ...pool.options, options: '-c lock_timeout=30' })
  const blocker = await pool.connect()
  try {
    await using batcher = batcherOf(name, {}, impatient)
    await blocker.query('BEGIN')
    await blocker.query(`SELECT FROM ${name} WHERE id = 'locked' FOR UPDATE`)
    const locked = batcher.decrementIf({ id: 'locked' })
    const others = ['a', 'b'].map((id) => batcher.decrementIf({ id }, 1, { deadlineMs: 5_000 }))
    expect(await Promise.all(others)).toEqual([{ left: 4 }, { left: 4 }])
    await blocker.query('ROLLBACK')
    expect(await locked).toEqual({ left: 4 })
  } finally {
    await blocker.query('ROLLBACK')
    blocker.release()
    await impatient.end()
  }
})

test.each(['repeatable read', 'serializable'])(
  '%s: what could not be serialized is repeated',
  async (level) => {
    const name = await tableOf('text')
    await pool.query(`INSERT INTO ${name} VALUES ('a', 150), ('b', 150)`)
    const strict = new pg.Pool({
      ...pool.options,
      max: 6,
      options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
    })
    try {
      const batchers = [1, 2, 3].map(() => batcherOf(name, { maxBatch: 20 }, strict))
      const answers = await Promise.all(
        batchers.flatMap((batcher) =>
          Array.from({ length: 120 }, (_, index) => batcher.decrementIf({ id: index % 2 ? 'a' : 'b' })),
        ),
      )
      expect(answers.filter((grant) => grant !== undefined)).toHaveLength(300)
      const { rows } = await pool.query<{ units: string }>(`SELECT units FROM ${name}`)
      expect(rows).toEqual([{ units: '0' }, { units: '0' }])
      for (const batcher of batchers) await batcher.stop()
    } finally {
      await strict.end()
    }
  },
)
