import { testDatabase } from '@quorate/local-cluster/vitest'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endOfLastRecord, parseLsn } from '../src/lsn.ts'
import { commit, positionSeenOnPrimary, readFacts, type ConnectionFacts } from '../src/postgres/sql.ts'

const database = await testDatabase()
const primary = new pg.Client({ connectionString: database.url })
const other = new pg.Client({ connectionString: database.url })
const replica = new pg.Client({ connectionString: database.replicaUrls[0] })
// The router's port is a pool's client; here the connection is ours.
const asPoolClient = (client: pg.Client) => Object.assign(client, { release: () => {} })
let facts: ConnectionFacts

beforeAll(async () => {
  await Promise.all([primary, other, replica].map((client) => client.connect()))
  await primary.query('CREATE TABLE t (n int)')
  facts = await readFacts(asPoolClient(primary))
})
afterAll(() => Promise.all([primary, other, replica].map((client) => client.end())))

const lsnOf = async (client: pg.Client, expression: string): Promise<bigint> =>
  parseLsn(((await client.query(`SELECT ${expression}::text AS lsn`)).rows[0] as { lsn: string }).lsn)

async function replayed(lsn: bigint): Promise<void> {
  while ((await lsnOf(replica, 'pg_last_wal_replay_lsn()')) < lsn) continue
}

test('the position of a commit is never before its commit record, whatever others write meanwhile', async () => {
  const enough = new AbortController()
  const noise = (async () => {
    while (!enough.signal.aborted) await other.query('INSERT INTO t SELECT generate_series(1, 20)')
  })()
  for (let n = 1_000; n < 1_200; n++) {
    await primary.query('BEGIN')
    await primary.query('INSERT INTO t VALUES ($1)', [n])
    const position = await commit(asPoolClient(primary), facts)
    await replayed(position?.lsn ?? 0n)
    const { rowCount } = await replica.query('SELECT 1 FROM t WHERE n = $1', [n])
    expect(rowCount).toBe(1)
  }
  enough.abort()
  await noise
})

test('the position after an asynchronous commit is at or after its record; the flush position may be before', async () => {
  await primary.query('SET synchronous_commit = off')
  let early = 0
  for (let n = 2_000; n < 2_050; n++) {
    await primary.query('BEGIN')
    await primary.query('INSERT INTO t VALUES ($1)', [n])
    const before = await lsnOf(primary, 'pg_current_wal_insert_lsn()')
    const position = await commit(asPoolClient(primary), facts)
    if ((await lsnOf(primary, 'pg_current_wal_flush_lsn()')) < before) early++
    expect(position?.lsn).toBeGreaterThan(before)
  }
  expect(early).toBeGreaterThan(0)
  await primary.query('RESET synchronous_commit')
  await primary.query('INSERT INTO t VALUES (0)')
})

test('an insert position behind a page header is one that replicas never reach; the end of the last record is', async () => {
  const { pageBytes } = facts.layout
  const emit = (bytes: number): Promise<unknown> =>
    primary.query(`SELECT pg_logical_emit_message(false, 'x', repeat('y', $1))`, [bytes])
  const insertLsn = (): Promise<bigint> => lsnOf(primary, 'pg_current_wal_insert_lsn()')
  // Messages are padded to 8 bytes: find out what one costs beside its text, then fill the page exactly.
  let inserted = 0n
  let attempts = 0
  do {
    expect(attempts++).toBeLessThan(500)
    const from = await insertLsn()
    await emit(800)
    const to = await insertLsn()
    const overhead = to - from - 800n
    const left = pageBytes - (to % pageBytes)
    // A message that ran over the end of a page has paid for its header, and is no measure.
    if (from / pageBytes !== to / pageBytes || left <= overhead + 300n) continue
    await emit(Number(left - overhead))
    inserted = await insertLsn()
  } while (inserted % pageBytes !== 24n)
  const end = endOfLastRecord(inserted, facts.layout)
  expect(inserted - end).toBe(24n)
  const seen = await positionSeenOnPrimary(asPoolClient(primary), facts)
  expect(seen.lsn).toBe(end)
  await replayed(end)
  expect(await lsnOf(replica, 'pg_last_wal_replay_lsn()')).toBe(end)
})

test('an account without rights reads what the router needs of the primary', async () => {
  const role = `ryw_${database.name}`
  await primary.query(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON t TO ${role}`)
  const url = new URL(database.url)
  url.username = role
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  expect((await readFacts(asPoolClient(client))).cluster).toBe(facts.cluster)
  expect((await positionSeenOnPrimary(asPoolClient(client), facts)).timeline).toBeGreaterThan(0)
  await client.end()
  await primary.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
})
