import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  readYourWrites,
  type Queryable,
  type ReadYourWrites,
  type ReadYourWritesEvent,
} from '@quorate/read-your-writes'
import { SECRET, startBench, type Bench } from './setup.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())

/** Longer than two probes may take. */
const SLOW = 'SELECT pg_sleep(1.5), inet_server_port() AS port'
const PROBE_OF = { replica: '%pg_stat_get_wal_receiver%', primary: '%CASE WHEN pg_is_in_recovery%' }

/** A router with two connections to each server, of which the probes keep one. */
async function smallRouter(): Promise<{
  db: ReadYourWrites
  events: ReadYourWritesEvent[]
  [Symbol.asyncDispose](): Promise<void>
}> {
  const events: ReadYourWritesEvent[] = []
  const wake: (() => void)[] = []
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
    probeDeadlineMs: 500,
    onEvent: (event) => {
      events.push(event)
      for (const one of wake.splice(0)) one()
    },
  })
  await db.ready()
  while (db.replicas[0]?.status !== 'healthy' || db.primary.reachable !== true) {
    await new Promise<void>((resolve) => wake.push(resolve))
  }
  events.length = 0
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
  expect(rows).toContainEqual({ done: true }) // more if one was late just then
  await admin.end()
}

test('servers whose pools are full stay in, though their probes have no connection: nobody has heard bad of them', async () => {
  await using router = await smallRouter()
  const { db, events } = router
  /** What is said of servers until the first of them has a connection for its probes again. */
  let said: unknown[] | undefined
  const slow = async (queryable: Queryable): Promise<unknown> => {
    const { rows } = await queryable.query(SLOW)
    said ??= events.filter(({ type }) => type === 'replica' || type === 'primary')
    return rows[0]?.['port']
  }
  const replicaPort = bench.replicas[0]?.port ?? 0
  const primaryPort = bench.cluster.primary.port
  // Two each: the second takes the place of the probe, as soon as that has lost it.
  const reads = [1, 2].map(() => db.read(slow, { level: 'eventual' }))
  const writes = [1, 2].map(() => db.write(slow))
  await endProbes(replicaPort, PROBE_OF.replica)
  await endProbes(primaryPort, PROBE_OF.primary)
  expect(await Promise.all(reads)).toEqual([replicaPort, replicaPort])
  expect(await Promise.all(writes)).toEqual([primaryPort, primaryPort])
  expect(said).toEqual([])
})

test('reads go past replicas whose pools are full, of a burst as well, and wait where all are; the primary is left alone', async () => {
  const patient = { deadlineMs: 600_000, probeDeadlineMs: 60_000, maxLagMs: 60_000 }
  await using router = await bench.router(patient)
  const { db, lastRead, events, until } = router
  await until(() => db.replicas.every(({ status }) => status === 'healthy'))
  const reading = { level: 'eventual', session: db.session({ key: 'ann' }) } as const
  await db.read((q) => q.query('SELECT 1'), reading)
  const own = lastRead().target
  /** Each holds a connection, of the nine that the probes leave. */
  const ends: (() => void)[] = []
  const hold = (): Promise<void> => db.read(() => new Promise<void>((resolve) => ends.push(resolve)), reading)
  const burst = Array.from({ length: 12 }, hold)
  await expect.poll(() => ends.length).toBe(12)
  const rest = Array.from({ length: 6 }, hold)
  await expect.poll(() => ends.length).toBe(18)
  events.length = 0
  const waiting = db.read(async () => 'done', reading)
  for (const end of ends) end()
  expect(await waiting).toBe('done')
  await Promise.all([...burst, ...rest])
  const targets = events.map((event) => (event.type === 'read' ? event.target : 'other')).toSorted()
  expect(targets).toEqual([...Array<string>(9).fill('r1'), ...Array<string>(9).fill('r2'), own].toSorted())
})
