import { testDatabase } from '@quorate/local-cluster/vitest'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createLocks, StaleTokenError, type Fence } from '../src/index.ts'
import { postgresGuard, postgresLockStore } from '../src/postgres/index.ts'
import { lockStoreContract } from '../src/testing/index.ts'

const database = await testDatabase()
const pools = [0, 1].map(() => {
  const pool = new pg.Pool({ connectionString: database.url, max: 6 })
  pool.on('error', () => {}) // a connection that dies while idle is the next query's problem
  return pool
}) as [pg.Pool, pg.Pool]
const [poolA, poolB] = pools
const storeA = postgresLockStore(poolA)
const storeB = postgresLockStore(poolB)
const guard = postgresGuard()

// Two processes that start at once.
await Promise.all([storeA.migrate(), storeB.migrate(), guard.migrate(poolA), guard.migrate(poolB)])
await poolA.query('CREATE TABLE payout (id text PRIMARY KEY, paid_by text NOT NULL)')

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()))
  await database[Symbol.asyncDispose]()
})

for (const { title, run } of lockStoreContract({ stores: () => [storeA, storeB], fifo: false })) {
  test(`postgres: ${title}`, async () => {
    await expect(run()).resolves.toBeUndefined()
  })
}

test('migrate() twice changes nothing', async () => {
  const tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'quorate'"
  const before = await poolA.query(tables)
  await storeA.migrate()
  await guard.migrate(poolA)
  expect((await poolA.query(tables)).rows).toEqual(before.rows)
  expect(before.rows).toHaveLength(2)
})

/** One guarded write in a transaction of its own. */
async function pay(lock: Fence, id: string, by: string): Promise<void> {
  const tx = await poolA.connect()
  try {
    await tx.query('BEGIN')
    await guard.run(tx, lock, () => tx.query('INSERT INTO payout (id, paid_by) VALUES ($1, $2)', [id, by]))
    await tx.query('COMMIT')
  } catch (error) {
    await tx.query('ROLLBACK')
    throw error
  } finally {
    tx.release()
  }
}

async function paidBy(id: string): Promise<string | undefined> {
  const { rows } = await poolA.query<{ paid_by: string }>('SELECT paid_by FROM payout WHERE id = $1', [id])
  return rows[0]?.paid_by
}

test('the guarded write of an earlier holder is refused after the first write of a later one', async () => {
  await pay({ key: 'job', token: 10 }, 'a', 'first')
  await pay({ key: 'job', token: 10 }, 'b', 'first again')
  await pay({ key: 'job', token: 20 }, 'c', 'second')
  const failure = await pay({ key: 'job', token: 10 }, 'd', 'first too late').catch((error) => error)
  expect(failure).toBeInstanceOf(StaleTokenError)
  expect(failure).toMatchObject({ resource: 'job', token: 10, highest: 20, outcome: 'not-applied' })
  expect(await paidBy('d')).toBeUndefined()
})

test('advance() shuts the earlier holder out before the later one writes', async () => {
  await guard.advance(poolA, { key: 'advanced', token: 2 })
  await expect(pay({ key: 'advanced', token: 1 }, 'e', 'too late')).rejects.toThrow(StaleTokenError)
  await expect(guard.advance(poolA, { key: 'advanced', token: 1 })).rejects.toThrow(StaleTokenError)
})

test('a later holder waits for the earlier one whose check has passed, so writes keep their order', async () => {
  const early = await poolA.connect()
  await early.query('BEGIN')
  await guard.check(early, { key: 'order', token: 1 })
  let done = false
  const late = pay({ key: 'order', token: 2 }, 'order', 'second').then(() => {
    done = true
  })
  const waiting =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
  while ((await poolB.query(waiting)).rowCount === 0);
  expect(done).toBe(false)
  await early.query("INSERT INTO payout VALUES ('early', 'first')")
  await early.query('COMMIT')
  early.release()
  await late
  expect([await paidBy('early'), await paidBy('order')]).toEqual(['first', 'second'])
})

test('a rolled-back check leaves no mark', async () => {
  const tx = await poolA.connect()
  await tx.query('BEGIN')
  await guard.check(tx, { key: 'rolled back', token: 9 })
  await tx.query('ROLLBACK')
  tx.release()
  await pay({ key: 'rolled back', token: 8 }, 'f', 'still the latest')
  expect(await paidBy('f')).toBe('still the latest')
})

test('the guard takes a Kysely transaction, and refuses Kysely outside of one', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  const db = new Kysely<{ payout: { id: string; paid_by: string } }>({
    dialect: new PostgresDialect({ pool }),
  })
  const payThrough = (token: number): Promise<unknown> =>
    db.transaction().execute((trx) =>
      guard.run(trx, { key: 'kysely', token }, () =>
        trx
          .insertInto('payout')
          .values({ id: `kysely ${token}`, paid_by: 'kysely' })
          .execute(),
      ),
    )
  await payThrough(5)
  await guard.advance(db, { key: 'kysely', token: 6 })
  await expect(payThrough(5)).rejects.toMatchObject({ highest: 6 })
  await expect(guard.check(db, { key: 'kysely', token: 7 })).rejects.toThrow(/outside a transaction/)
  expect(await paidBy('kysely 5')).toBe('kysely')
  await db.destroy()
})

test('check() outside a transaction is an argument error: it would guard nothing', async () => {
  await expect(guard.check(poolA, { key: 'k', token: 1 })).rejects.toThrow(TypeError)
  const client = await poolA.connect()
  try {
    await expect(guard.check(client, { key: 'k', token: 1 })).rejects.toThrow(/outside a transaction/)
  } finally {
    client.release()
  }
})

test('tokens survive the loss of the lock row, and a clock that went back', async () => {
  const locks = createLocks({ store: storeA })
  const before = await locks.withLock('row', { ttlMs: 5_000 }, (lock) => lock.token)
  await poolA.query("DELETE FROM quorate.lock WHERE key = 'row'")
  const after = await locks.withLock('row', { ttlMs: 5_000 }, (lock) => lock.token)
  expect(after).toBeGreaterThan(before)
  // As if the last token had been minted by a server whose clock was a day ahead.
  await poolA.query("UPDATE quorate.lock SET token = token + 86400000000 WHERE key = 'row'")
  const ahead = await locks.withLock('row', { ttlMs: 5_000 }, (lock) => lock.token)
  expect(ahead).toBe(after + 86_400_000_001)
})
