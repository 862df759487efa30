import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { expect, test } from 'vitest'
import { readYourWrites, type Queryable } from '@quorate/read-your-writes'
import { parseLsn } from '../src/lsn.ts'
import { SECRET } from './setup.ts'

const WRITE = `INSERT INTO note VALUES ('x', $1) ON CONFLICT (id) DO UPDATE SET n = $1`
const put = (n: number) => (tx: Queryable) => tx.query(WRITE, [n])
const get = async (q: Queryable): Promise<number> =>
  (await q.query<{ n: number }>(`SELECT n FROM note WHERE id = 'x'`)).rows[0]?.n ?? -1

test('a position that is compared in the statement of the read comes too late: the snapshot came first', async () => {
  await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
  const { primary, replicas } = cluster.postgres.main
  const pools = [primary, ...replicas].map(({ url }) => new pg.Pool({ connectionString: url }))
  const [first, replica] = pools as [pg.Pool, pg.Pool]
  await first.query('CREATE TABLE note (id text PRIMARY KEY, n int NOT NULL)')
  await using db = readYourWrites({
    primary: first,
    replicas: [{ id: 'r1', pool: replica }],
    secret: SECRET,
    waitMs: 0,
    maxLagMs: 60_000,
  })
  await db.ready()
  const session = db.session()
  await db.write(put(1), { session })
  await replicas[0]?.caughtUp()
  await replicas[0]?.pauseReplay()
  await db.write(put(2), { session })
  const { rows } = await first.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn')

  // The statement has its snapshot and stands still while the replica moves on.
  const holder = await replica.connect()
  await holder.query('SELECT pg_advisory_lock(1)')
  const SAME = `SELECT n, pg_advisory_lock_shared(1), pg_last_wal_replay_lsn() >= $1::pg_lsn AS fresh FROM note`
  const same = replica.query<{ n: number; fresh: boolean }>(SAME, [rows[0]?.lsn])
  const WAITS = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'advisory'`
  while ((await holder.query(WAITS)).rowCount === 0) continue
  const routed = await db.read(get, { session })
  await replicas[0]?.resumeReplay()
  await replicas[0]?.caughtUp()
  await holder.query('SELECT pg_advisory_unlock(1)')
  holder.release()

  expect((await same).rows[0]).toMatchObject({ n: 1, fresh: true })
  expect(routed).toBe(2)
  await db.stop()
  await Promise.all(pools.map((pool) => pool.end()))
})

test('a position read before COMMIT is short of the commit record', async () => {
  await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
  const { primary, replicas } = cluster.postgres.main
  const [client, reader] = [primary, replicas[0] as typeof primary].map(
    ({ url }) => new pg.Client({ connectionString: url }),
  ) as [pg.Client, pg.Client]
  await Promise.all([client.connect(), reader.connect()])
  const at = async (from: pg.Client, expression: string): Promise<bigint> =>
    parseLsn((await from.query<{ at: string }>(`SELECT ${expression}::text AS at`)).rows[0]?.at ?? '')
  await client.query('CREATE TABLE note (id text PRIMARY KEY, n int NOT NULL)')
  await replicas[0]?.caughtUp()
  await client.query('BEGIN')
  await client.query(WRITE, [1])
  const before = await at(client, 'pg_current_wal_insert_lsn()')
  // What is written so far reaches the replica, and covers that position; the row is not there.
  await client.query(`SELECT pg_logical_emit_message(false, 'x', 'flushed at once', true)`)
  while ((await at(reader, 'pg_last_wal_replay_lsn()')) < before) continue
  expect((await reader.query(`SELECT 1 FROM note WHERE id = 'x'`)).rowCount).toBe(0)
  await client.query('COMMIT')
  const after = await at(client, 'pg_current_wal_flush_lsn()')
  expect(after).toBeGreaterThan(before)
  while ((await at(reader, 'pg_last_wal_replay_lsn()')) < after) continue
  expect((await reader.query(`SELECT 1 FROM note WHERE id = 'x'`)).rowCount).toBe(1)
  await Promise.all([client.end(), reader.end()])
})

test('by the servers’ own count, reads cost their own query and nothing else', async () => {
  const settings = { shared_preload_libraries: 'pg_stat_statements' }
  await using cluster = await localCluster({ postgres: { main: { replicas: 1, settings } } })
  const { primary, replicas } = cluster.postgres.main
  const pools = [primary, ...replicas].map(({ url }) => new pg.Pool({ connectionString: url }))
  const [first, replica] = pools as [pg.Pool, pg.Pool]
  await first.query(
    'CREATE EXTENSION pg_stat_statements; CREATE TABLE note (id text PRIMARY KEY, n int NOT NULL)',
  )
  await replicas[0]?.caughtUp()
  await using db = readYourWrites({
    primary: first,
    replicas: [{ id: 'r1', pool: replica }],
    secret: SECRET,
    waitMs: 5_000,
    maxLagMs: 60_000,
  })
  await db.ready()
  const session = db.session({ key: 'ann' })
  await db.write(put(1), { session })
  await db.read(get, { session })
  for (const pool of pools) await pool.query('SELECT pg_stat_statements_reset()')
  for (let read = 0; read < 1_000; read++) await db.read(get, { session })
  const counted = async (pool: pg.Pool): Promise<[string, number][]> => {
    const { rows } = await pool.query<{ query: string; calls: number }>(
      'SELECT query, calls::int FROM pg_stat_statements',
    )
    const probes = /pg_stat_get_wal_receiver|pg_walfile_name|pg_control_system|pg_stat_statements/
    return rows.filter(({ query }) => !probes.test(query)).map(({ query, calls }) => [query, calls])
  }
  expect(await counted(replica)).toEqual([['SELECT n FROM note WHERE id = $1', 1_000]])
  expect(await counted(first)).toEqual([])
  await db.stop()
  await Promise.all(pools.map((pool) => pool.end()))
})
