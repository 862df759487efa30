import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readYourWrites, type ReadYourWrites, type ReadYourWritesEvent } from '@quorate/read-your-writes'
import { SECRET, startBench, type Bench } from './setup.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())

/** Longer than three probes may take. */
const SLOW = 'SELECT pg_sleep(1), inet_server_port() AS port'
const PROBE_OF = { replica: '%pg_stat_get_wal_receiver%', primary: '%CASE WHEN pg_is_in_recovery%' }

/** A router with two connections to each server, of which the probes keep one. */
async function smallRouter(): Promise<{
  db: ReadYourWrites
  events: ReadYourWritesEvent[]
  [Symbol.asyncDispose](): Promise<void>
}> {
  const events: ReadYourWritesEvent[] = []
  const [replicaServer] = bench.replicas
  if (replicaServer === undefined) throw new Error('the bench has no replica')
  const user = { host: '127.0.0.1', user: 'postgres', database: 'postgres', max: 2 }
  const primary = new pg.Pool({ ...user, port: bench.link.port })
  const replica = new pg.Pool({ ...user, port: replicaServer.port })
  const db = readYourWrites({
    primary,
    replicas: [{ id: 'r1', pool: replica }],
    secret: SECRET,
    probeIntervalMs: 50,
    probeDeadlineMs: 50,
    onEvent: (event) => events.push(event),
  })
  await db.ready()
  return {
    db,
    events,
    [Symbol.asyncDispose]: async () => {
      await db.stop()
      await Promise.all([primary.end(), replica.end()])
    },
  }
}

/** Ends the connection of the probes, as an idle timeout of the server or of a proxy would. */
async function endProbes(port: number, like: string): Promise<void> {
  const admin = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await admin.connect()
  const { rows } = await admin.query(
    'SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE query LIKE $1 AND pid <> pg_backend_pid()',
    [like],
  )
  expect(rows).toEqual([{ done: true }])
  await admin.end()
}

test('a replica whose pool is full stays in, though its probe has no connection: nobody has heard bad of it', async () => {
  await using router = await smallRouter()
  const { db, events } = router
  const port = bench.replicas[0]?.port ?? 0
  const first = db.read((q) => q.query(SLOW), { level: 'eventual' })
  const second = db.read((q) => q.query(SLOW), { level: 'eventual' })
  await endProbes(port, PROBE_OF.replica)
  const answers = await Promise.all([first, second])
  expect(answers.map(({ rows }) => rows[0]?.['port'])).toEqual([port, port])
  expect(
    events.filter(({ type }) => type === 'replica').map((event) => 'status' in event && event.status),
  ).toEqual(['healthy'])
})

test('a primary whose pool is full counts as reachable, though its probe has no connection', async () => {
  await using router = await smallRouter()
  const { db, events } = router
  const port = bench.cluster.primary.port
  const first = db.write((tx) => tx.query(SLOW))
  const second = db.write((tx) => tx.query(SLOW))
  await endProbes(port, PROBE_OF.primary)
  const answers = await Promise.all([first, second])
  expect(answers.map(({ rows }) => rows[0]?.['port'])).toEqual([port, port])
  expect(events.filter(({ type }) => type === 'primary')).toEqual([
    { type: 'primary', reachable: true, cause: undefined },
  ])
})
