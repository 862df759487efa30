// How the transaction of a row lock ends: check and commit in one text where the connection takes several statements, in
// two where it does not. The answers are the same.
import type pg from 'pg'
import { expect, test } from 'vitest'
import { WriteUnknownError } from '../src/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { type PgPool, RowLockedError, withRowLock } from '../src/row-lock/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool } = await connect(4)
const stockTable = table<Stock>('stock')
const stock = optimisticRepository(pool, {
  table: stockTable,
  key: ['sku', 'warehouse'],
  version: 'version',
})
const TAKE = 'UPDATE stock SET available = $1 WHERE sku = $2 AND warehouse = 1'

interface Target {
  readonly table: typeof stockTable
  readonly key: { readonly sku: string; readonly warehouse: number }
}

async function fresh(sku: string): Promise<Target> {
  await stock.insert({ sku, warehouse: 1, available: 5 })
  return { table: stockTable, key: { sku, warehouse: 1 } }
}

type Send = (client: pg.PoolClient, text: string, values?: unknown[]) => Promise<pg.QueryResult>

/** The pool, with connections that send in a way of their own. */
function through(send: Send): PgPool {
  return {
    connect: async () => {
      const client = await pool.connect()
      return {
        query: (text, values) => send(client, text, values),
        release: (destroy) => client.release(destroy),
        on: client.on.bind(client),
        removeListener: client.removeListener.bind(client),
      }
    },
  }
}

const plain: Send = (client, text, values) => client.query(text, values)

/** As a driver of prepared statements sends: each text is one statement. */
const prepared: Send = (client, text, values = []) =>
  client.query({ text, values, queryMode: 'extended' } as pg.QueryConfig)

const drivers = [
  { driver: 'of texts', send: plain },
  { driver: 'of prepared statements', send: prepared },
]

test('a driver of prepared statements refuses a text of two', async () => {
  const client = await through(prepared).connect()
  await expect(client.query('SELECT 1; COMMIT')).rejects.toMatchObject({ code: '42601' })
  client.release()
})

test.for(drivers)('by a driver $driver: commits, and tells what did not', async ({ driver, send }) => {
  const target = await fresh(driver)
  const lent = through(send)
  const take = (left: number): Promise<Stock | undefined> =>
    withRowLock(lent, target, async ({ row, client }) => {
      await client.query(TAKE, [left, driver])
      return row
    })
  expect(await take(4)).toEqual({ ...target.key, available: 5, reserved: 0, version: 1 })
  expect(await take(3)).toMatchObject({ available: 4 })
  const ended = withRowLock(lent, target, async ({ client }) => {
    await client.query('COMMIT')
    await client.query(TAKE, [2, driver])
  })
  await expect(ended).rejects.toMatchObject({ code: 'QUORATE_ROW_LOCK_LOST', outcome: 'unknown' })
  const swallowed = withRowLock(lent, target, async ({ client }) => {
    await client.query(TAKE, [1, driver])
    await client.query('SELECT 1 / 0').catch(() => {})
  })
  await expect(swallowed).rejects.toMatchObject({ code: 'QUORATE_ROLLED_BACK', outcome: 'not-applied' })
  await withRowLock(lent, target, async () => {
    await expect(withRowLock(lent, target, () => 1, { lockTimeoutMs: 20 })).rejects.toThrow(RowLockedError)
    expect(await withRowLock(lent, target, () => 1, { wait: 'skip' })).toBeUndefined()
  })
  expect(await stock.get(target.key)).toMatchObject({ available: 2 })
})

test.for(drivers)('by a driver $driver: what is refused at the commit is the error', async (by) => {
  const name = by.driver.replaceAll(' ', '_')
  await pool.query(`CREATE TABLE ${name} (id int PRIMARY KEY, n int UNIQUE DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO ${name} VALUES (1, 1), (2, 2)`)
  const target = { table: table<{ id: number; n: number }>(name), key: { id: 1 } }
  const lent = through(by.send)
  const failure = withRowLock(lent, target, ({ client }) =>
    client.query(`UPDATE ${name} SET n = 2 WHERE id = 1`),
  )
  await expect(failure).rejects.toMatchObject({ code: '23505' })
  expect(await withRowLock(lent, target, ({ row }) => row.n)).toBe(1)
})

test.for(drivers)('by a driver $driver: a commit whose answer is lost is unknown', async (by) => {
  const target = await fresh(`lost ${by.driver}`)
  const lost = new Error('connection terminated')
  const broken = through(async (client, text, values) => {
    const answer = await by.send(client, text, values)
    if (text.endsWith('COMMIT')) throw lost
    return answer
  })
  const failure = await withRowLock(broken, target, ({ client }) =>
    client.query(TAKE, [1, target.key.sku]),
  ).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(WriteUnknownError)
  expect(failure).toMatchObject({ cause: lost })
  expect(await stock.get(target.key)).toMatchObject({ available: 1 })
})

/** What is sent, without what is selected. */
function noting(send: Send): { sent: string[]; lent: PgPool } {
  const sent: string[] = []
  const lent = through((client, text, values) => {
    sent.push(text.replace(/SELECT [^;]+/, 'SELECT'))
    return send(client, text, values)
  })
  return { sent, lent }
}

test('limits go with the BEGIN and the check with the COMMIT: three messages', async () => {
  const target = await fresh('messages')
  const { sent, lent } = noting(plain)
  await withRowLock(lent, target, () => 1)
  await withRowLock(lent, target, () => 1)
  const each = ['BEGIN; SELECT', 'SELECT', 'SELECT; COMMIT']
  expect(sent).toEqual([...each, ...each])
})

test('by a driver of prepared statements they go alone, and only the first transaction of a pool tries', async () => {
  const target = await fresh('more messages')
  const { sent, lent } = noting(prepared)
  await withRowLock(lent, target, () => 1)
  await withRowLock(lent, target, () => 1)
  const each = ['BEGIN', 'SELECT', 'SELECT', 'SELECT', 'COMMIT']
  expect(sent).toEqual(['BEGIN; SELECT', ...each, ...each])
})

test('a connection that dies at the first transaction is the error, and the next one tries anew', async () => {
  const target = await fresh('first')
  const lost = new Error('connection terminated')
  const failures = [lost, new Error('not queryable'), new Error('not queryable')]
  const { sent, lent } = noting((client, ...query) => {
    const failure = failures.shift()
    return failure === undefined ? client.query(...query) : Promise.reject(failure)
  })
  await expect(withRowLock(lent, target, () => 1)).rejects.toBe(lost)
  expect(sent.splice(0)).toEqual(['BEGIN; SELECT', 'BEGIN', 'ROLLBACK'])
  expect(await withRowLock(lent, target, ({ row }) => row.available)).toBe(5)
  expect(sent[0]).toBe('BEGIN; SELECT')
})

test('between a check and a COMMIT of their own the transaction may be ended by what nobody waited for', async () => {
  const target = await fresh('behind')
  const clients = new Set<pg.PoolClient>()
  const lent = through((client, text, values) => {
    clients.add(client)
    return prepared(client, text, values)
  })
  const ended = withRowLock(lent, target, async ({ client }) => {
    await client.query(TAKE, [4, 'behind'])
    void client.query('SELECT 1').then(() => client.query('ROLLBACK')) // behind the check, and before the COMMIT
  })
  await expect(ended).rejects.toMatchObject({ code: 'QUORATE_ROW_LOCK_LOST', outcome: 'unknown' })
  expect(await stock.get(target.key)).toMatchObject({ available: 5 })
  expect(Array.from(clients, (client) => client.listenerCount('notice'))).toEqual([0])
})

test('where they are one message it cannot be, and the success is one', async () => {
  const target = await fresh('not between')
  await withRowLock(pool, target, () => 1)
  const rollbacks: Promise<unknown>[] = []
  await withRowLock(pool, target, async ({ client }) => {
    await client.query(TAKE, [4, 'not between'])
    rollbacks.push(client.query('SELECT 1').then(() => client.query('ROLLBACK')))
  })
  await Promise.all(rollbacks)
  expect(await stock.get(target.key)).toMatchObject({ available: 4 })
})

test('a statement that was not awaited and fails just before the COMMIT is no success', async () => {
  const target = await fresh('late')
  const late = through(async (client, text, values) => {
    if (text === 'COMMIT') await client.query('SELECT 1 / 0').catch(() => {})
    return prepared(client, text, values)
  })
  const failure = withRowLock(late, target, ({ client }) => client.query(TAKE, [1, 'late']))
  await expect(failure).rejects.toMatchObject({ code: 'QUORATE_ROLLED_BACK', outcome: 'not-applied' })
  expect(await stock.get(target.key)).toMatchObject({ available: 5 })
})

test('a connection that is lost at a check of its own has rolled back', async () => {
  const target = await fresh('check')
  const lost = new Error('connection terminated')
  let selects = 0
  const broken = through((client, text, values) =>
    text.startsWith('SELECT') && ++selects === 3 ? Promise.reject(lost) : prepared(client, text, values),
  )
  const failure = withRowLock(broken, target, ({ client }) => client.query(TAKE, [1, 'check']))
  await expect(failure).rejects.toBe(lost)
  expect(await withRowLock(pool, target, ({ row }) => row.available)).toBe(5)
})
