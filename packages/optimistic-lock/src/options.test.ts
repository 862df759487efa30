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
  refused({ keys: ['sku'] }, /no option keys; known: table, key, version, onEvent, clock, random/)
  expect(() => make(undefined as never)).toThrow(TypeError)
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
