import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { expect, test } from 'vitest'
import { optimisticRepository as overKysely } from './kysely/index.ts'
import { optimisticRepository as overPg, table } from './pg/index.ts'

interface Stock {
  sku: string
  available: number
  version: number
}

// From JavaScript, or through a cast: options the types refuse.
const pg = (options: object): unknown =>
  overPg<Stock, 'sku', 'version'>({ query: async () => ({ rows: [] }) }, options as never)
const db = new Kysely<{ stock: Stock }>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (any) => new PostgresIntrospector(any),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})
const kysely = (options: object): unknown =>
  overKysely<{ stock: Stock }, 'stock', 'sku', 'version'>(db, options as never)

const adapters = [
  { adapter: 'pg', make: pg, good: { table: table<Stock>('stock'), key: ['sku'], version: 'version' } },
  { adapter: 'kysely', make: kysely, good: { table: 'stock', key: ['sku'], version: 'version' } },
]

test.each(adapters)('optimisticRepository() over $adapter says which option is wrong', ({ make, good }) => {
  expect(() => make(good)).not.toThrow()
  const refused = (change: object, message: RegExp): void => {
    const call = (): unknown => make({ ...good, ...change })
    expect(call).toThrow(TypeError)
    expect(call).toThrow(message)
  }
  refused({ version: undefined }, /version must name .*got undefined/)
  refused({ key: 'sku' }, /key must be an array of column names.*\['id'\], got 'sku'/)
  refused({ key: [7] }, /key must be an array of column names/)
  refused({ key: undefined }, /key must be an array of column names.*got undefined/)
  refused({ table: undefined }, /table must be .*got undefined/)
  refused({ keys: ['sku'] }, /unknown option keys; known are table, key, version, onEvent, clock, random/)
  expect(() => make(undefined as never)).toThrow(TypeError)
})

test('calls refuse a misspelt option, by name, before anything is sent', async () => {
  let sent = 0
  const stock = overPg<Stock, 'sku', 'version'>(
    { query: async () => ({ rows: [{ sku: 'a', available: sent++, version: 1 }] }) },
    { table: table<Stock>('stock'), key: ['sku'], version: 'version' },
  )
  const row = { sku: 'a', version: 1 }
  const wrong = { singal: undefined } as object
  const calls = {
    get: () => stock.get(row, wrong),
    insert: () => stock.insert({ ...row, available: 1 }, wrong),
    update: () => stock.update(row, { available: 1 }, wrong),
    delete: () => stock.delete(row, wrong),
    mutate: () => stock.mutate(row, () => ({ available: 1 }), wrong),
    decrementIf: () => stock.decrementIf(row, { available: 1 }, wrong),
    incrementIf: () => stock.incrementIf(row, { available: 1 }, wrong),
    adjustIf: () => stock.adjustIf(row, { available: 1 }, wrong),
    decrementAllIf: () => stock.decrementAllIf([{ key: row, by: { available: 1 } }], wrong),
    adjustAllIf: () => stock.adjustAllIf([{ key: row, by: { available: 1 } }], wrong),
  }
  for (const [method, call] of Object.entries(calls)) {
    const calling = call()
    await expect(calling).rejects.toThrow(TypeError)
    await expect(calling).rejects.toThrow(
      new RegExp(`^Cannot ${method}: unknown option singal; known are signal`),
    )
  }
  expect(sent).toBe(0)
  await expect(stock.get(row, { signal: undefined })).resolves.toMatchObject(row)
})

test('mutate() names the options it has', async () => {
  const stock = overPg<Stock, 'sku', 'version'>(
    { query: async () => ({ rows: [] }) },
    { table: table<Stock>('stock'), key: ['sku'], version: 'version' },
  )
  await expect(stock.mutate({ sku: 'a' }, () => ({}), { retries: 3 } as object)).rejects.toThrow(
    /unknown option retries; known are signal, deadlineMs, maxAttempts, baseMs, maxMs$/,
  )
})

test('optimisticRepository() over pg says to write table() around a name', () => {
  const call = (): unknown => pg({ table: 'st', key: ['sku'], version: 'version' })
  expect(call).toThrow(TypeError)
  expect(call).toThrow(/table<Row>\('st'\)/)
})

test('optimisticRepository() over kysely wants the name of a table', () => {
  const call = (): unknown => kysely({ table: table<Stock>('stock'), key: ['sku'], version: 'version' })
  expect(call).toThrow(/table must be the name of a table/)
})
