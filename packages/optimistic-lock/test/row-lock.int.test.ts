import { expect, test } from 'vitest'
import { RowGoneError, WriteUnknownError } from '../src/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { type PgPoolClient, RowLockedError, withRowLock } from '../src/row-lock/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool } = await connect(20)
const stock = optimisticRepository(pool, {
  table: table<Stock>('stock'),
  key: ['sku', 'warehouse'],
  version: 'version',
})
const fresh = async (
  sku: string,
  available = 5,
): Promise<{ table: typeof stockTable; key: { sku: string; warehouse: number } }> => {
  await stock.insert({ sku, warehouse: 1, available })
  return { table: stockTable, key: { sku, warehouse: 1 } }
}
const stockTable = table<Stock>('stock')
const TAKE = 'UPDATE stock SET available = $1 WHERE sku = $2 AND warehouse = $3'

test('64 callers that read, think and write under the lock lose nothing', async () => {
  const target = await fresh('hot', 47)
  const grants = await Promise.all(
    Array.from({ length: 64 }, () =>
      withRowLock(pool, target, async ({ row, client }) => {
        if (row.available === 0) return false
        await client.query(TAKE, [row.available - 1, row.sku, row.warehouse])
        return true
      }),
    ),
  )
  expect(grants.filter(Boolean)).toHaveLength(47)
  expect(await stock.get(target.key)).toMatchObject({ available: 0 })
})

test('nowait refuses, skip goes on without, wait gives up after lockTimeoutMs', async () => {
  const target = await fresh('taken')
  const calls: string[] = []
  await withRowLock(pool, target, async () => {
    await expect(
      withRowLock(pool, target, () => calls.push('nowait'), { wait: 'nowait' }),
    ).rejects.toMatchObject({
      code: 'QUORATE_ROW_LOCKED',
      outcome: 'not-applied',
      waitedMs: 0,
    })
    expect(await withRowLock(pool, target, () => calls.push('skip'), { wait: 'skip' })).toBeUndefined()
    await expect(withRowLock(pool, target, () => calls.push('wait'), { lockTimeoutMs: 20 })).rejects.toThrow(
      RowLockedError,
    )
  })
  expect(calls).toEqual([])
  expect(await withRowLock(pool, target, ({ row }) => row.available, { wait: 'skip' })).toBe(5)
})

test('the wait for a row has its limit also where the lock is not taken last, as behind a barrier', async () => {
  const target = await fresh('barred')
  await pool.query('CREATE VIEW barred WITH (security_barrier) AS SELECT * FROM stock')
  const behind = { table: table<Stock>('barred'), key: target.key }
  await withRowLock(pool, target, async () => {
    const options = { lockTimeoutMs: 20, holdTimeoutMs: 3_600_000, signal: AbortSignal.timeout(30_000) }
    await expect(withRowLock(pool, behind, () => 1, options)).rejects.toThrow(RowLockedError)
  })
  expect(await withRowLock(pool, behind, ({ row }) => row.available)).toBe(5)
})

test('what the function throws rolls back, and the connection can be used again', async () => {
  const target = await fresh('thrown')
  const reason = new Error('payment declined')
  await expect(
    withRowLock(pool, target, async ({ client }) => {
      await client.query(TAKE, [0, 'thrown', 1])
      throw reason
    }),
  ).rejects.toBe(reason)
  expect(await stock.get(target.key)).toMatchObject({ available: 5 })
})

test('an error of a statement that the function swallowed is not reported as a success', async () => {
  const target = await fresh('swallowed')
  const failure = withRowLock(pool, target, async ({ client }) => {
    await client.query(TAKE, [4, 'swallowed', 1])
    await client.query('SELECT 1 / 0', []).catch(() => {})
  })
  await expect(failure).rejects.toMatchObject({ code: 'QUORATE_ROLLED_BACK', outcome: 'not-applied' })
  expect(await stock.get(target.key)).toMatchObject({ available: 5 })
})

test('a transaction that the function ends itself is no success: the lock was lost with it', async () => {
  const target = await fresh('ended')
  const key = ['ended', 1]
  for (const end of [
    ['COMMIT'],
    ['ROLLBACK'],
    ['COMMIT', 'BEGIN'],
    ['ROLLBACK AND CHAIN'],
    ['SELECT 1; COMMIT'],
  ]) {
    const ended = withRowLock(pool, target, async ({ client }) => {
      for (const text of end) await client.query(text)
      // Somebody else has it meanwhile, which the lock is there to prevent.
      await pool.query('UPDATE stock SET reserved = reserved + 1 WHERE sku = $1 AND warehouse = $2', key)
      await client.query(TAKE, [4, ...key])
    })
    await expect(ended, end.join()).rejects.toMatchObject({
      code: 'QUORATE_ROW_LOCK_LOST',
      outcome: 'unknown',
      table: 'stock',
    })
  }
  expect(await stock.get(target.key)).toMatchObject({ reserved: 5 })
  const reason = new Error('after the end')
  const failed = withRowLock(pool, target, async ({ client }) => {
    await client.query(TAKE, [3, ...key])
    await client.query('COMMIT')
    throw reason
  })
  await expect(failed).rejects.toMatchObject({ code: 'QUORATE_ROW_LOCK_LOST', cause: reason })
  expect(await withRowLock(pool, target, ({ row }) => row.available)).toBe(3)
})

test('a transaction within savepoints, or whose settings are reset, is still that of the lock', async () => {
  const target = await fresh('nested')
  await withRowLock(pool, target, async ({ client }) => {
    await client.query('SAVEPOINT a; UPDATE stock SET available = 1; ROLLBACK TO SAVEPOINT a; RESET ALL')
    await client.query(TAKE, [4, 'nested', 1])
  })
  expect(await stock.get(target.key)).toMatchObject({ available: 4 })
})

test('a key that several rows have is refused, and none of them is written', async () => {
  await fresh('several')
  await stock.insert({ sku: 'several', warehouse: 2, available: 5 })
  let calls = 0
  const locked = withRowLock(pool, { table: stockTable, key: { sku: 'several' } }, () => calls++)
  await expect(locked).rejects.toMatchObject({
    code: 'QUORATE_KEY_NOT_UNIQUE',
    outcome: 'not-applied',
    key: ['sku'],
  })
  expect(calls).toBe(0)
})

test('a row that is not there is gone, also for those who skip', async () => {
  const target = { table: stockTable, key: { sku: 'none', warehouse: 1 } }
  await expect(withRowLock(pool, target, () => 1)).rejects.toThrow(RowGoneError)
  await expect(withRowLock(pool, target, () => 1, { wait: 'skip' })).rejects.toThrow(RowGoneError)
})

test('a holder that takes too long is ended by the server, and its lock with it', async () => {
  const target = await fresh('stuck')
  const stuck = withRowLock(pool, target, ({ client }) => client.query('SELECT pg_sleep(30)', []), {
    holdTimeoutMs: 50,
    lockTimeoutMs: 50,
  })
  await expect(stuck).rejects.toMatchObject({
    code: 'QUORATE_ROW_HOLD_TIMEOUT',
    outcome: 'not-applied',
    limitMs: 100,
    cause: { code: '25P04' },
  })
  expect(await withRowLock(pool, target, ({ row }) => row.available)).toBe(5)
})

test('so is one that only waits for something else; what it throws itself is its error', async () => {
  const target = await fresh('waiting')
  const reason = new Error('payment declined')
  const brief = { holdTimeoutMs: 50, lockTimeoutMs: 50 }
  const beyond = async ({ client }: { client: PgPoolClient }): Promise<void> => {
    await client.query(TAKE, [4, 'waiting', 1])
    await new Promise<unknown>((resolve) => client.on?.('error', resolve))
  }
  const held = { code: 'QUORATE_ROW_HOLD_TIMEOUT', outcome: 'not-applied', cause: { code: '25P04' } }
  await expect(withRowLock(pool, target, beyond, brief)).rejects.toMatchObject(held)
  const asked = async (locked: { client: PgPoolClient }): Promise<void> => {
    await beyond(locked)
    await locked.client.query('SELECT 1')
  }
  await expect(withRowLock(pool, target, asked, brief)).rejects.toMatchObject(held)
  const declined = async (locked: { client: PgPoolClient }): Promise<void> => {
    await beyond(locked)
    throw reason
  }
  await expect(withRowLock(pool, target, declined, brief)).rejects.toBe(reason)
  const elsewhere = Object.assign(new Error('of another connection'), { code: '25P04' })
  await expect(withRowLock(pool, target, () => Promise.reject(elsewhere))).rejects.toBe(elsewhere)
  expect(await withRowLock(pool, target, ({ row }) => row.available)).toBe(5)
})

test('a signal ends the wait for the row, and leaves no lock behind', async () => {
  const target = await fresh('signal')
  const stop = new AbortController()
  const reason = new Error('shutting down')
  await withRowLock(pool, target, async () => {
    const waiting = withRowLock(pool, target, () => 1, { signal: stop.signal }).catch((error) => error)
    const found =
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while ((await pool.query(found)).rowCount === 0);
    stop.abort(reason)
    expect(await waiting).toBe(reason)
  })
  expect(await withRowLock(pool, target, ({ row }) => row.available)).toBe(5)
  await expect(withRowLock(pool, target, () => 1, { signal: stop.signal })).rejects.toBe(reason)
})

test('a connection that is lost before the commit is sent has rolled back, and the error does not say unknown', async () => {
  const target = await fresh('dies')
  const failure = await withRowLock(pool, target, async ({ client }) => {
    await client.query(TAKE, [1, 'dies', 1])
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid', [])
    const ended = new Promise<unknown>((resolve) => client.on?.('error', resolve))
    await pool.query('SELECT pg_terminate_backend($1)', [(rows[0] as { pid: number }).pid])
    await ended
  }).catch((error: unknown) => error)
  expect(failure).not.toBeInstanceOf(WriteUnknownError)
  expect(String(failure)).toMatch(/not queryable/)
  expect(await stock.get(target.key)).toMatchObject({ available: 5 })
})

test('a deferred constraint that fails at the commit passes through, and the connection can be used again', async () => {
  await pool.query(`CREATE TABLE box (id int PRIMARY KEY, n int NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO box VALUES (1, 1), (2, 2)`)
  const target = { table: table<{ id: number; n: number }>('box'), key: { id: 1 } }
  const failure = withRowLock(pool, target, ({ client }) =>
    client.query('UPDATE box SET n = 2 WHERE id = 1', []),
  )
  await expect(failure).rejects.toMatchObject({ code: '23505' })
  expect(await withRowLock(pool, target, ({ row }) => row.n)).toBe(1)
})

test('wrong arguments are refused', async () => {
  const target = await fresh('arguments')
  await expect(withRowLock(pool, target, () => 1, { wait: 'maybe' as 'wait' })).rejects.toThrow(
    /'nowait' or 'skip'/,
  )
  await expect(withRowLock(pool, target, () => 1, { lockTimeoutMs: 0 })).rejects.toThrow(RangeError)
  await expect(withRowLock(pool, target, () => 1, { timeout: 5 } as object)).rejects.toThrow(
    /unknown option timeout/,
  )
  await expect(withRowLock(pool, { table: stockTable, key: {} as { sku: string } }, () => 1)).rejects.toThrow(
    /at least one/,
  )
})
