// Databases whose default is not READ COMMITTED: there Postgres tells a writer that came second by an error of its own.
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { StaleVersionError } from '../src/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { reservations, reservationsMigration } from '../src/reservations/index.ts'
import { stripedCounters, stripesMigration } from '../src/stripes/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool: usual } = await connect(4)
await usual.query(`${stripesMigration()}${reservationsMigration()}`)
const at = { table: table<Stock>('stock'), key: ['sku', 'warehouse'] } as const

for (const level of ['repeatable read', 'serializable']) {
  const pool = new pg.Pool({
    connectionString: usual.options.connectionString,
    options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
    max: 16,
  })
  pool.on('error', () => {}) // the database goes with the test file
  afterAll(() => pool.end())
  const stock = optimisticRepository(pool, { ...at, version: 'version' })
  const item = async (name: string, available: number): Promise<Stock> => {
    const row = await stock.insert({ sku: `${name} ${level}`, warehouse: 1, available })
    expect((await pool.query('SHOW transaction_isolation')).rows).toEqual([{ transaction_isolation: level }])
    return row
  }

  test(`${level}: of 16 updates from one version one wins, and the others are stale`, async () => {
    const row = await item('update', 5)
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) => stock.update(row, { reserved: index })),
    )
    const losers = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(losers).toHaveLength(15)
    expect(losers.filter((error) => !(error instanceof StaleVersionError))).toEqual([])
    const changes = Array.from({ length: 16 }, () =>
      stock.mutate(row, ({ available }) => ({ available: available + 1 })),
    )
    await Promise.all(changes)
    expect(await stock.get(row)).toMatchObject({ available: 21, version: 18 })
  })

  test(`${level}: 32 callers and 20 units: exactly 20 grants, by every way to take them`, async () => {
    const key = await item('units', 20)
    const other = await item('other', 20)
    const granted = async (take: () => Promise<boolean>): Promise<number> => {
      const answers = await Promise.all(Array.from({ length: 32 }, take))
      return answers.filter(Boolean).length
    }
    expect(await granted(async () => (await stock.decrementIf(key, { available: 1 })) !== undefined)).toBe(20)
    await stock.incrementIf(key, { available: 20 })
    const both = [key, other].map((each) => ({ key: each, by: { available: 1 } }))
    expect(await granted(async () => (await stock.decrementAllIf(both)).granted)).toBe(20)
    const counters = stripedCounters(pool, { stripes: 3 })
    await counters.create(level, 20)
    expect(await granted(() => counters.decrementIf(level))).toBe(20)
    await stock.incrementIf(key, { available: 20 })
    const holds = reservations(pool, { ...at, counter: 'available', version: 'version' })
    let id = 0
    expect(await granted(async () => (await holds.hold(`${level} ${id++}`, key, 1)) !== undefined)).toBe(20)
    expect(await stock.get(key)).toMatchObject({ available: 0 })
  })

  test(`${level}: in the caller's transaction the error is his, and nothing is repeated`, async () => {
    const row = await item('transaction', 5)
    const client = await pool.connect()
    try {
      let updates = 0
      const query = (text: string, values: unknown[]): Promise<{ rows: unknown[] }> => {
        if (text.startsWith('UPDATE')) updates++
        return client.query(text, values)
      }
      const getTransactionStatus = (): string | null => client.getTransactionStatus()
      for (const inside of [
        stock.withTransaction({ query }),
        // Not told, and finds it out by the client's status, or by asking the server.
        optimisticRepository({ query, getTransactionStatus } as { query: typeof query }, {
          ...at,
          version: 'version',
        }),
        optimisticRepository({ query }, { ...at, version: 'version' }),
      ]) {
        updates = 0
        await client.query('BEGIN')
        const seen = await inside.get(row)
        await stock.mutate(row, () => ({}))
        await expect(inside.update(seen ?? row, { available: 1 })).rejects.toMatchObject({ code: '40001' })
        expect(updates).toBe(1)
        await client.query('ROLLBACK')
      }
    } finally {
      client.release()
    }
    expect(await stock.get(row)).toMatchObject({ available: 5, version: 4 })
  })
}

test('a statement that Postgres ends for a deadlock is sent again, and takes its units', async () => {
  const stock = optimisticRepository(usual, { ...at, version: 'version' })
  const [a, b] = [
    await stock.insert({ sku: 'deadlock a', warehouse: 1, available: 5 }),
    await stock.insert({ sku: 'deadlock b', warehouse: 1, available: 5 }),
  ]
  const client = await usual.connect()
  try {
    await client.query("SET deadlock_timeout = '1h'") // so that the other is the one that is ended
    await client.query('BEGIN')
    await client.query("UPDATE stock SET reserved = 1 WHERE sku = 'deadlock b'")
    const taking = stock.decrementAllIf([a, b].map((key) => ({ key, by: { available: 1 } })))
    const waiting =
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while ((await usual.query(waiting)).rowCount === 0);
    await client.query("UPDATE stock SET reserved = 1 WHERE sku = 'deadlock a'") // returns once the other was ended
    await client.query('COMMIT')
    expect(await taking).toMatchObject({ granted: true, rows: [{ available: 4 }, { available: 4 }] })
  } finally {
    client.release(true)
  }
})
