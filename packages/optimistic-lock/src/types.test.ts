import {
  DummyDriver,
  type ColumnType,
  type Generated,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type Transaction,
} from 'kysely'
import { expectTypeOf, test } from 'vitest'
import { optimisticRepository } from './kysely/index.ts'
import { optimisticRepository as pgRepository, type PgQueryable, table } from './pg/index.ts'

interface Database {
  stock: {
    sku: string
    warehouse: string
    available: number
    reserved: ColumnType<string, number | string, number | string>
    note: string | null
    created_at: Generated<Date>
    version: Generated<number>
  }
  customer: { id: number; name: string }
}

const db = new Kysely<Database>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (any) => new PostgresIntrospector(any),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
})

// The bodies below are only compiled: DummyDriver answers every query with no rows.
test('Kysely: table, key, version, rows and changes come from the schema', () => {
  const stock = optimisticRepository(db, { table: 'stock', key: ['sku', 'warehouse'], version: 'version' })
  const key = { sku: 'mug', warehouse: 'us' }

  expectTypeOf<(typeof stock)['get']>()
    .parameter(0)
    .toEqualTypeOf<{ readonly sku: string; readonly warehouse: string }>()
  expectTypeOf<(typeof stock)['get']>().returns.resolves.toEqualTypeOf<
    | {
        sku: string
        warehouse: string
        available: number
        reserved: string
        note: string | null
        created_at: Date
        version: number
      }
    | undefined
  >()
  expectTypeOf<(typeof stock)['update']>().parameter(0).toEqualTypeOf<{
    readonly sku: string
    readonly warehouse: string
    readonly version: number
  }>()
  expectTypeOf<(typeof stock)['update']>().parameter(1).toEqualTypeOf<{
    readonly available?: number | undefined
    readonly reserved?: number | string | undefined
    readonly note?: string | null | undefined
    readonly created_at?: Date | undefined
    readonly sku?: undefined
    readonly warehouse?: undefined
    readonly version?: undefined
  }>()
  expectTypeOf<(typeof stock)['withTransaction']>().parameter(0).toEqualTypeOf<Transaction<Database>>()
  expectTypeOf<(typeof stock)['decrementIf']>().parameter(1).toEqualTypeOf<{
    readonly available?: number | bigint | undefined
    readonly reserved?: number | bigint | undefined
  }>()

  const refused = async (transaction: Transaction<Database>): Promise<void> => {
    // @ts-expect-error no such column
    await stock.update({ ...key, version: 1 }, { availabel: 1 })
    // @ts-expect-error wrong type
    await stock.update({ ...key, version: 1 }, { available: 'one' })
    // @ts-expect-error the version is the repository's to raise
    await stock.update({ ...key, version: 1 }, { version: 2 })
    // @ts-expect-error a key cannot be changed
    await stock.update({ ...key, version: 1 }, { sku: 'cup' })
    // @ts-expect-error a row without its version
    await stock.update(key, { available: 1 })
    // @ts-expect-error half a key
    await stock.get({ sku: 'mug' })
    // @ts-expect-error not a number column
    await stock.decrementIf(key, { note: 1 })
    // @ts-expect-error not a column to compare with
    await stock.incrementIf(key, { available: 1 }, { max: { available: 'note' } })
    // @ts-expect-error a wrong type in an insert
    await stock.insert({ ...key, available: 'many', reserved: 0, note: null })
    // @ts-expect-error a missing column in an insert
    await stock.insert({ ...key, available: 1, note: null })
    // @ts-expect-error the closure returns an unknown column
    await stock.mutate(key, () => ({ availabel: 1 }))
    // @ts-expect-error a row spread into the changes brings its key and its version
    await stock.mutate(key, (row) => ({ ...row, available: row.available - 1 }))
    // @ts-expect-error the row itself is no changes
    await stock.mutate(key, (row) => row)
    // @ts-expect-error no transaction
    stock.withTransaction(db)
    // @ts-expect-error no retry inside a transaction
    await stock.withTransaction(transaction).mutate(key, () => ({}))
    optimisticRepository(transaction, { table: 'stock', key: ['sku', 'warehouse'], version: 'version' })
    await stock.insert({ ...key, available: 1, reserved: 0, note: null })
    await stock.incrementIf(key, { available: 1 }, { max: { available: 'reserved' } })
  }
  // @ts-expect-error no such table
  optimisticRepository(db, { table: 'stok', key: ['sku'], version: 'version' })
  // @ts-expect-error no such key column
  optimisticRepository(db, { table: 'stock', key: ['id'], version: 'version' })
  // @ts-expect-error no such version column
  optimisticRepository(db, { table: 'customer', key: ['id'], version: 'version' })
  // @ts-expect-error a date is not a version here
  optimisticRepository(db, { table: 'stock', key: ['sku'], version: 'created_at' })
  expectTypeOf(refused).toBeFunction()
})

test('pg: everything comes from the row type of the table', () => {
  interface Stock {
    sku: string
    available: number
    note: string | null
    version: string
  }
  const client: PgQueryable = { query: async () => ({ rows: [] }) }
  const stock = pgRepository(client, { table: table<Stock>('stock'), key: ['sku'], version: 'version' })
  expectTypeOf<(typeof stock)['get']>().returns.resolves.toEqualTypeOf<Stock | undefined>()
  expectTypeOf<(typeof stock)['update']>().parameter(1).toEqualTypeOf<{
    readonly sku?: undefined
    readonly available?: number | undefined
    readonly note?: string | null | undefined
    readonly version?: undefined
  }>()
  const refused = async (): Promise<void> => {
    // @ts-expect-error no such column
    await stock.update({ sku: 'mug', version: '1' }, { availabel: 1 })
    // @ts-expect-error wrong type
    await stock.update({ sku: 'mug', version: '1' }, { available: 'one' })
    // @ts-expect-error a row spread into the changes brings its key and its version
    await stock.mutate({ sku: 'mug' }, (row) => ({ ...row, available: row.available - 1 }))
    // @ts-expect-error not a number column
    await stock.decrementIf({ sku: 'mug' }, { note: 1 })
    await stock.insert({ available: 1 }) // the key may have a default
    // @ts-expect-error no such column in an insert
    await stock.insert({ availabel: 1 })
    // @ts-expect-error no such key column
    pgRepository(client, { table: table<Stock>('stock'), key: ['id'], version: 'version' })
  }
  expectTypeOf(refused).toBeFunction()
})
