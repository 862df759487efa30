import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { expect, test } from 'vitest'
import { hotRowBatcher } from './batcher/index.ts'
import { optimisticRepository as overKysely } from './kysely/index.ts'
import { optimisticRepository, type PgQueryable, table } from './pg/index.ts'
import { reservations } from './reservations/index.ts'
import { withRowLock } from './row-lock/index.ts'
import { stripedCounters } from './stripes/index.ts'

// What plain JavaScript, a cast or a forgotten await brings: each is refused by name, before anything is sent.
interface Stock {
  sku: string
  available: number
  version: number
}

const stored = { sku: 'mug', available: 3, version: 1 }
const sent: string[] = []
const client: PgQueryable = {
  query: async (text) => {
    if (!text.startsWith('SELECT')) sent.push(text)
    return { rows: text.includes('quorate.inside') ? [{ inside: null }] : [stored] }
  },
}
const stock = optimisticRepository(client, { table: table<Stock>('stock'), key: ['sku'], version: 'version' })
const key = { sku: 'mug' }
const row = { ...key, version: 1 }
const as = <T>(value: unknown): T => value as T

const expectRefused = async (call: () => Promise<unknown>, message: RegExp): Promise<void> => {
  const error: unknown = await call().catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(TypeError)
  expect((error as Error).message).toMatch(message)
}

test('a row that was not found, or not awaited, is no row', async () => {
  for (const nothing of [undefined, null]) {
    const message = new RegExp(
      `a row of stock: .*\\{ sku: … \\}, got ${nothing}; did get\\(\\) find no row\\?$`,
    )
    await expectRefused(() => stock.update(as(nothing), { available: 1 }), message)
    await expectRefused(() => stock.delete(as(nothing)), message)
    await expectRefused(() => stock.get(as(nothing)), message)
    await expectRefused(() => stock.decrementIf(as(nothing), { available: 1 }), message)
  }
  await expectRefused(
    () => stock.update(as(stock.get(key)), { available: 1 }),
    /got a promise; await it first$/,
  )
  await expectRefused(() => stock.get(as('mug')), /\{ sku: … \}, got 'mug'$/)
  expect(sent).toEqual([])
})

test('a key column may be called then', async () => {
  const odd = optimisticRepository(client, {
    table: table<{ then: string; version: number }>('odd'),
    key: ['then'],
    version: 'version',
  })
  // oxlint-disable-next-line unicorn/no-thenable -- that is what is asked here
  await expect(odd.get({ then: 'a' })).resolves.toBe(stored)
})

test.each([[undefined], [null], [2], [true], ['available'], [['available']]])(
  '%j are no changes',
  async (wrong) => {
    await expectRefused(
      () => stock.update(row, as(wrong)),
      /changes must be an object such as \{ available: 3 \}, got/,
    )
    await expectRefused(() => stock.insert(as(wrong)), /values must be an object/)
    await expectRefused(() => stock.decrementIf(key, as(wrong)), /amounts must be an object/)
    expect(sent).toEqual([])
  },
)

test('mutate() refuses a function that returns no changes', async () => {
  await expectRefused(
    () =>
      stock.mutate(
        key,
        as(({ available }: Stock) => available - 1),
      ),
    /changes must be an object.*got 2$/,
  )
  await expectRefused(
    () =>
      stock.mutate(
        key,
        as(() => null),
      ),
    /changes must be an object.*got null$/,
  )
  await expectRefused(
    () =>
      stock.mutate(
        key,
        as(() => true),
      ),
    /changes must be an object.*got true$/,
  )
  await expectRefused(() => stock.mutate(key, as({ available: 1 })), /must be given a function .*got object$/)
  await expectRefused(
    () =>
      stock.mutate(
        key,
        as((whole: Stock) => whole),
      ),
    /must not contain sku, .*only the columns that change$/,
  )
  expect(sent).toEqual([])
})

test('a bound without its column would be lifted, so it is refused', async () => {
  await expectRefused(
    () => stock.decrementIf(key, { available: 1 }, as({ min: 1 })),
    /min must be bounds by column.*got 1$/,
  )
  await expectRefused(
    () => stock.incrementIf(key, { available: 1 }, as({ max: [9] })),
    /max must be .*got an array$/,
  )
  expect(sent).toEqual([])
})

test('decrementAllIf() wants a list', async () => {
  await expectRefused(
    () => stock.decrementAllIf(as({ key, by: { available: 1 } })),
    /items must be an array of \{ key, by \}, got object$/,
  )
  await expectRefused(
    () => stock.decrementAllIf([as(key)]),
    /it must be an object with \{ sku: … \}, got undefined/,
  )
  expect(sent).toEqual([])
})

test('withTransaction() refuses what is in no transaction', () => {
  const pool = { ...client, totalCount: 3 }
  const holds = reservations(pool, { table: table<Stock>('stock'), key: ['sku'], counter: 'available' })
  const message = /must be given its client, got a pool/
  expect(() => stock.withTransaction(pool)).toThrow(message)
  expect(() => holds.withTransaction(pool)).toThrow(message)
  expect(() => stripedCounters(pool).withTransaction(pool)).toThrow(message)
  expect(() => stock.withTransaction(as(undefined))).toThrow(/pg\.Client, with query\(\), got undefined/)

  const db = new Kysely<{ stock: Stock }>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (any) => new PostgresIntrospector(any),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })
  const typed = overKysely(db, { table: 'stock', key: ['sku'], version: 'version' })
  expect(() => typed.withTransaction(as(db))).toThrow(/got a Kysely outside of any/)
  expect(() => typed.withTransaction(as(pool))).toThrow(/must be a Kysely, got object/)
})

test('what needs a pool refuses a client', async () => {
  const options = { table: table<Stock>('stock'), key: ['sku'] as const, counter: 'available' as const }
  const single = { ...client, connect: async () => client, escapeIdentifier: (name: string) => name }
  const lock = (pool: unknown) => (): Promise<unknown> =>
    withRowLock(as(pool), { table: options.table, key }, () => 1)
  for (const [pool, got] of [
    [undefined, 'undefined'],
    [single, 'a client'],
  ] as const) {
    const message = new RegExp(`pool must be a pg\\.Pool, got ${got}$`)
    expect(() => hotRowBatcher(as(pool), options)).toThrow(message)
    await expectRefused(lock(pool), message)
  }
  expect(sent).toEqual([])
})
