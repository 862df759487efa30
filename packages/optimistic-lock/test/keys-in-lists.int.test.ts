// A key in a list names the row that it names alone, whatever the type of its column: arrays, domains, collations.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hotRowBatcher } from '../src/batcher/index.ts'
import { optimisticRepository as overKysely } from '../src/kysely/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { connect } from './connect.ts'

const { pool, db } = await connect(6)

interface Keyed {
  readonly k: unknown
  readonly units: number
  readonly version: number
}
const keyedBy = async (name: string, type: string, more = '') => {
  await pool.query(
    `${more}; CREATE TABLE ${name} (k ${type} PRIMARY KEY, units int NOT NULL, version int NOT NULL)`,
  )
  return optimisticRepository(pool, { table: table<Keyed>(name), key: ['k'], version: 'version' })
}
const batcherOf = (name: string) =>
  hotRowBatcher(pool, { table: table<Keyed>(name), key: ['k'], counter: 'units' })

const U = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'] as const

test.each([
  ['ints', 'int[]', [[1, 2], [3], [], [2, 1]], [[1, 2, 3], [1]]],
  ['texts', 'text[]', [['a', 'b'], ['a,b'], ['{}', '"', '\\'], [''], ['NULL']], [['b', 'a'], ['a']]],
  ['uuids', 'uuid[]', [[U[0]], [U[0], U[1]]], [[U[1]]]],
  [
    'nested',
    'int[]',
    [
      [
        [1, 2],
        [3, 4],
      ],
      [1, 2, 3, 4],
    ],
    [[[1, 2]]],
  ],
  ['tags', 'tag_list', [['a', 'b'], []], [['a']]],
])('keys that are arrays are found in a list as alone: %s', async (name, type, keys, missing) => {
  const domain = type === 'tag_list' ? 'CREATE DOMAIN tag_list AS text[] CHECK (cardinality(value) < 5)' : ''
  const rows = await keyedBy(name, type, domain)
  const stored = []
  for (const k of keys) stored.push(await rows.insert({ k, units: 5 }))
  for (const k of missing) expect(await rows.get({ k })).toBeUndefined()
  const wanted = [...missing, ...keys]
  expect(await rows.getMany(wanted.map((k) => ({ k })))).toEqual([...missing.map(() => undefined), ...stored])

  const all = keys.map((k) => ({ key: { k }, by: { units: 2 } }))
  const taken = await rows.decrementAllIf([...all, all[0] as (typeof all)[0]])
  expect(taken).toMatchObject({ granted: true })
  expect((await rows.getMany(stored)).map((row) => row?.units)).toEqual(
    keys.map((_, index) => (index === 0 ? 1 : 3)),
  )
  expect(await rows.decrementAllIf(wanted.map((k) => ({ key: { k }, by: { units: 1 } })))).toMatchObject({
    granted: false,
    short: missing.map((k) => ({ key: { k }, row: undefined })),
  })

  const batcher = batcherOf(name)
  const grants = await Promise.all(wanted.map((k) => batcher.decrementIf({ k })))
  expect(grants).toEqual([
    ...missing.map(() => undefined),
    ...keys.map((_, index) => ({ left: index === 0 ? 0 : 2 })),
  ])
  await batcher.stop()
})

test('an array may come as the text that a driver without a parser for it gives', async () => {
  const rows = await keyedBy('moods', 'feeling[]', "CREATE TYPE feeling AS ENUM ('fine', 'so so')")
  const one = await rows.insert({ k: ['fine', 'so so'], units: 5 })
  const two = await rows.insert({ k: '{fine}', units: 5 })
  expect(one.k).toBe('{fine,"so so"}') // pg knows no enum
  const spellings = [one, { k: ['fine'] }, { k: '[7:8]={fine,so so}' }, { k: ' { fine , so so } ' }]
  const found = await rows.getMany(spellings)
  expect(found).toEqual([one, two, undefined, one])
  for (const [index, key] of spellings.entries()) expect(await rows.getMany([key])).toEqual([found[index]])
  const batcher = batcherOf('moods')
  const keys = [one, two, { k: '{ fine, "so so" }' }, { k: ['fine'] }]
  const lefts = (await Promise.all(keys.map(({ k }) => batcher.decrementIf({ k })))).map(
    (grant) => grant?.left,
  )
  expect(lefts.toSorted((a = 0, b = 0) => a - b)).toEqual([3, 3, 4, 4])
  await batcher.stop()
})

test('thousands of keys that are arrays are one statement', async () => {
  const rows = await keyedBy('thousands', 'int[]')
  await pool.query('INSERT INTO thousands SELECT ARRAY[n, n], n, 1 FROM generate_series(0, 9999, 2) AS n')
  const keys = Array.from({ length: 10_000 }, (_, n) => ({ k: [n, n] }))
  const found = await rows.getMany(keys)
  expect(found.map((row) => row?.units)).toEqual(keys.map((_, n) => (n % 2 === 0 ? n : undefined)))
})

test('of keys that are arrays, a statement names as many as it has parameters for', async () => {
  const columns = Array.from({ length: 31 }, (_, index) => `c${index}`)
  await pool.query(`CREATE TABLE broad (${columns.map((name) => `${name} int[]`).join(', ')}, units int NOT NULL,
    version int NOT NULL, PRIMARY KEY (${columns.join(', ')}))`)
  interface Broad {
    readonly c0: unknown // and so on
    readonly units: number
    readonly version: number
  }
  const rows = optimisticRepository(pool, {
    table: table<Broad>('broad'),
    key: columns as ['c0'],
    version: 'version',
  })
  const keyOf = (n: number): Pick<Broad, 'c0'> =>
    Object.fromEntries(columns.map((name) => [name, [n]])) as { c0: unknown }
  const row = await rows.insert({ ...keyOf(1_999), units: 5 })
  const keys = Array.from({ length: 2_115 }, (_, n) => keyOf(n))
  await expect(rows.getMany(keys)).rejects.toThrow(
    /^Cannot name 2115 rows of broad in one statement: 65565 values .* at most 2114 rows/,
  )
  const found = await rows.getMany(keys.slice(1))
  expect(found.map((one) => one?.units).indexOf(row.units)).toBe(1_998)
})

test('a key of a domain is neither rounded nor cut nor checked, in a list as alone', async () => {
  await pool.query(`CREATE DOMAIN price AS numeric(6,2) CHECK (value > 0); CREATE DOMAIN net_price AS price NOT NULL;
    CREATE DOMAIN short AS varchar(3); CREATE DOMAIN second AS timestamp(0);
    CREATE TABLE priced (p net_price, s short, t second, units int NOT NULL, version int NOT NULL, PRIMARY KEY (p, s, t));
    INSERT INTO priced VALUES (1.01, 'abc', '2026-01-01 00:00:01', 5, 1)`)
  interface Priced {
    readonly p: number | string
    readonly s: string
    readonly t: string
    readonly units: number
    readonly version: number
  }
  const options = { table: table<Priced>('priced'), key: ['p', 's', 't'] } as const
  const rows = optimisticRepository(pool, { ...options, version: 'version' })
  const right = { p: '1.010', s: 'abc', t: '2026-01-01 00:00:01' }
  const wrong = [
    { ...right, p: 1.005 },
    { ...right, s: 'abcd' },
    { ...right, t: '2026-01-01 00:00:00.7' },
    { ...right, p: -1 },
  ]
  for (const key of wrong) expect(await rows.get(key)).toBeUndefined()
  expect(await rows.getMany([...wrong, right])).toEqual([
    ...wrong.map(() => undefined),
    expect.objectContaining({ p: '1.01' }),
  ])
  const items = [...wrong, right].map((key) => ({ key, by: { units: 1 } }))
  expect(await rows.decrementAllIf(items)).toMatchObject({
    granted: false,
    short: wrong.map((key) => ({ key })),
  })
  await using batcher = hotRowBatcher(pool, { ...options, counter: 'units' })
  const grants = await Promise.all([...wrong, right, right].map((key) => batcher.decrementIf(key)))
  expect(grants).toEqual([...wrong.map(() => undefined), { left: 4 }, { left: 3 }])
})

test('any keys, of any kinds at once: a list answers as one call for each', async () => {
  await pool.query(`CREATE DOMAIN fine AS numeric(4,1); CREATE TABLE mixed (a text[], n fine, t text, j jsonb,
    units int NOT NULL, version int NOT NULL, PRIMARY KEY (a, n, t, j))`)
  interface Mixed extends Omit<Keyed, 'k'> {
    readonly a: string[]
    readonly n: number | string
    readonly t: string
    readonly j: object | string
  }
  const rows = optimisticRepository(pool, {
    table: table<Mixed>('mixed'),
    key: ['a', 'n', 't', 'j'],
    version: 'version',
  })
  const word = fc.constantFrom('', 'a', '{a}', '[', '"', '\\', 'NULL', ' ')
  const key = fc.record({
    a: fc.array(word, { maxLength: 2 }),
    n: fc.constantFrom(1, 1.04, '1.10', 1.1),
    t: word,
    j: fc.constantFrom({}, { a: 1 }, '{"a": 1}', '7'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(key, { minLength: 1, maxLength: 12 }), fc.nat(11), async (keys, stored) => {
      await pool.query('DELETE FROM mixed')
      for (const one of keys.slice(0, stored)) {
        await rows.insert({ ...one, units: 1 }).catch((error: { code?: unknown }) => {
          if (error.code !== 'QUORATE_ROW_EXISTS') throw error
        })
      }
      const alone = []
      for (const one of keys) alone.push(await rows.get(one))
      expect(await rows.getMany(keys)).toEqual(alone)
    }),
    { numRuns: 30 },
  )
})

test('over Kysely, and in a column that knows no capitals', async () => {
  await pool.query(`CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE hot_list (item_ids text[] COLLATE blind PRIMARY KEY, units int NOT NULL, version int NOT NULL);
    INSERT INTO hot_list VALUES ('{a,b}', 5, 1), ('{c}', 5, 1)`)
  type Lists = Record<'hotList', { itemIds: string[]; units: number; version: number }>
  const lists = overKysely(db.withTables<Lists>(), { table: 'hotList', key: ['itemIds'], version: 'version' })
  const both = [['A', 'b'], ['c'], ['a', 'B']].map((itemIds) => ({ itemIds }))
  expect((await lists.getMany(both)).map((row) => row?.itemIds)).toEqual([['a', 'b'], ['c'], ['a', 'b']])
  expect(await lists.decrementAllIf(both.map((key) => ({ key, by: { units: 2 } })))).toMatchObject({
    granted: true,
    rows: [{ units: 1 }, { units: 3 }],
  })
})
