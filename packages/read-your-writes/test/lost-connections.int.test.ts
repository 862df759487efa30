import { createChaos } from '@quorate/chaos'
import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

const put = (id: string, n: number) => (tx: Queryable) =>
  tx.query('INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n', [id, n])
const get =
  (id: string) =>
  async (q: Queryable): Promise<number | undefined> => {
    const { rows } = await q.query<{ n: number }>('SELECT n FROM note WHERE id = $1', [id])
    return rows[0]?.n
  }

/** Ends a connection from the server's side, by another one. */
async function terminate(pid: number, port: number): Promise<void> {
  const killer = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
  await killer.connect()
  await killer.query('SELECT pg_terminate_backend($1, 5000)', [pid])
  await killer.end()
}

/** Not `once()`: it would listen to errors. */
function endOf(client: pg.PoolClient): Promise<void> {
  return new Promise((resolve) => client.once('end', () => resolve()))
}

interface Where {
  readonly pid: number
  readonly port: number
}
const WHERE = `SELECT pg_backend_pid() AS pid, current_setting('port')::int AS port`

/** A read whose first connection dies after its last query: what the router still has to say meets nobody. */
function dying(): (q: Queryable) => Promise<number> {
  let calls = 0
  return async (q) => {
    const { pid, port } = (await q.query<Where>(WHERE)).rows[0] as unknown as Where
    if (++calls === 1) await terminate(pid, port)
    return calls
  }
}

describe('a connection that is lost while the router says something of its own there', () => {
  test('on a replica: the read runs elsewhere', async () => {
    await using router = await bench.router({ waitMs: 0 })
    const { db, lastRead } = router
    expect(await db.read(dying(), { level: 'monotonic', session: db.session() })).toBe(2)
    expect(await db.read(dying(), { level: 'eventual', transaction: 'repeatable read' })).toBe(2)
    expect(lastRead()).toMatchObject({ level: 'eventual' })
  })

  test('on the primary: the read says that it was lost, and whether it can have written', async () => {
    await using router = await bench.router({ waitMs: 0, count: 0 })
    const { db } = router
    const gone = { code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE', statusCode: 503 }
    const monotonic = db.read(dying(), { level: 'monotonic', session: db.session() })
    await expect(monotonic).rejects.toMatchObject({ ...gone, outcome: 'unknown' })
    const snapshot = db.read(dying(), { level: 'strong', transaction: 'repeatable read' })
    await expect(snapshot).rejects.toMatchObject({ ...gone, outcome: 'not-applied' })
    expect(await db.read(async () => 'there', { level: 'strong' })).toBe('there')
  })
})

describe('on connections of one’s own', () => {
  /** A router over a primary alone, whose pool's clients can be found by their backends. */
  async function alone(): Promise<{
    readonly db: ReadYourWrites
    readonly clientOf: (pid: number) => pg.PoolClient
    readonly port: number
    [Symbol.asyncDispose](): Promise<void>
  }> {
    const cluster = await localCluster({ postgres: { main: {} } })
    const { url, port } = cluster.postgres.main.primary
    const pool = new pg.Pool({ connectionString: url, max: 3 })
    const clients = new Set<pg.PoolClient>()
    pool.on('connect', (client) => clients.add(client))
    await pool.query('CREATE TABLE note (id text PRIMARY KEY, n int NOT NULL)')
    const db = readYourWrites({ primary: pool, replicas: [], secret: SECRET })
    await db.ready()
    return {
      db,
      port,
      clientOf: (pid) =>
        [...clients].find((client) => (client as { processID?: number }).processID === pid) as pg.PoolClient,
      [Symbol.asyncDispose]: async () => {
        await db.stop()
        await pool.end()
        await cluster[Symbol.asyncDispose]()
      },
    }
  }

  test('COMMIT on one that is known to be gone is not sent: nothing was written, and the error says so', async () => {
    await using server = await alone()
    const { db, port, clientOf } = server
    const lost = db.write(async (tx) => {
      await put('gone', 1)(tx)
      const { pid } = (await tx.query<Where>(WHERE)).rows[0] as unknown as Where
      const ended = endOf(clientOf(pid))
      await terminate(pid, port)
      await ended
    })
    await expect(lost).rejects.toMatchObject({
      code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE',
      outcome: 'not-applied',
    })
    const lease = await db.lease()
    const { pid } = (await lease.query(WHERE)).rows[0] as unknown as Where
    const ended = endOf(clientOf(pid))
    await terminate(pid, port)
    await ended
    await expect(lease.execute(`INSERT INTO note VALUES ('gone', 2)`)).rejects.toMatchObject({
      code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE',
      outcome: 'not-applied',
    })
    lease.release()
    expect(await db.read(get('gone'), { level: 'strong' })).toBeUndefined()
  })

  test('one that breaks while it rests in the pool does not end the process, though nobody listens to the pool', async () => {
    await using server = await alone()
    const { db, port, clientOf } = server
    const { pid } = (await db.read((q) => q.query<Where>(WHERE), { level: 'strong' })).rows[0] as Where
    const ended = endOf(clientOf(pid))
    await terminate(pid, port)
    await ended
    expect(await db.read(async () => 'alive', { level: 'strong' })).toBe('alive')
  })

  test('a transaction that a read leaves open is not for the next who gets the connection', async () => {
    await using server = await alone()
    const { db, port } = server
    const statuses = async (): Promise<unknown> => {
      const other = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' })
      await other.connect()
      const { rows } = await other.query(`SELECT count(*)::int AS open FROM pg_stat_activity
        WHERE state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()`)
      await other.end()
      return rows
    }
    await db.read(
      async (q) => {
        await q.query('BEGIN')
        expect(await statuses()).toEqual([{ open: 1 }])
      },
      { level: 'strong' },
    )
    await expect.poll(statuses).toEqual([{ open: 0 }])
  })

  test('an error of a deferred trigger is told as it is: nothing was written', async () => {
    await using server = await alone()
    const { db } = server
    await db.write((tx) =>
      tx.query(`CREATE FUNCTION divide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 / 0; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER divide AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION divide()`),
    )
    await expect(db.write(put('divided', 1))).rejects.toMatchObject({ code: '22012' })
  })
})

test('a CTE that writes in a read on the primary moves the token', async () => {
  await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
  const { db, lastRead } = router
  for (const replica of bench.replicas) await replica.pauseReplay()
  const session = db.session()
  await db.write(put('cte', 1), { session })
  const before = session.token
  await db.read(
    (q) => q.query(`WITH w AS (UPDATE note SET n = 2 WHERE id = 'cte' RETURNING n) SELECT n FROM w`),
    { session },
  )
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
  expect(session.token).not.toBe(before)
  const known = db.session({ token: before as string })
  known.merge(session.token as string)
  expect(known.changed).toBe(true)
  for (const replica of bench.replicas) await replica.resumeReplay()
})

test('a statement with too many values is a mistake in the statement, and no lost connection', async () => {
  await using router = await bench.router({ waitMs: 0 })
  const { db, sent } = router
  const wrong = (q: Queryable): Promise<unknown> => q.query('SELECT $1::text AS wrong', ['one', 'too many'])
  const told = { code: '08P01', routine: 'exec_bind_message' }
  await expect(db.read(wrong, { session: db.session() })).rejects.toMatchObject(told)
  await expect(db.read(wrong, { level: 'strong' })).rejects.toMatchObject(told)
  await expect(db.write(wrong)).rejects.toMatchObject(told)
  await expect(db.execute('SELECT $1::text', ['one', 'too many'])).rejects.toMatchObject(told)
  const asked = [...sent.r1, ...sent.r2, ...sent.primary].filter((text) => text.includes('AS wrong'))
  expect(asked).toHaveLength(3) // each once: a replica that answers is not asked again elsewhere
})

test('a process that is busy for longer than the deadline of probes takes nobody for dead', async () => {
  const [replica] = bench.replicas
  const pool = new pg.Pool({ host: '127.0.0.1', port: replica?.port, user: 'postgres', database: 'postgres' })
  const busyAfter = 6
  let asked = 0
  const done = Promise.withResolvers<void>()
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...input: unknown[]) => unknown
    client.query = ((...input: unknown[]) => {
      const answer = query(...input)
      if (String(input[0]).includes('pg_stat_get_wal_receiver')) {
        if (asked++ === busyAfter) done.resolve()
        else setImmediate(busy, 250)
      }
      return answer
    }) as typeof client.query
  })
  const statuses: string[] = []
  await using db = readYourWrites({
    primary: bench.admin,
    replicas: [{ id: 'r1', pool }],
    secret: SECRET,
    probeDeadlineMs: 100,
    probeIntervalMs: 10,
    onEvent: (event) => void (event.type === 'replica' && statuses.push(event.status)),
  })
  await db.ready()
  await done.promise
  expect(statuses).toEqual(['healthy'])
  expect(pool.totalCount).toBe(1)
  await db.stop()
  await pool.end()
})

test('a replica that always answers late is ejected though it is never silent, and comes back when it is prompt', async () => {
  await using chaos = createChaos({ seed: 1 })
  const target = { port: bench.replicas[0]?.port ?? 0 }
  const wire = await chaos.link({ from: 'app', to: 'replica', target })
  const pool = new pg.Pool({ host: '127.0.0.1', port: wire.port, user: 'postgres', database: 'postgres' })
  const events: ReadYourWritesEvent[] = []
  const lastRead = (): unknown => events.findLast(({ type }) => type === 'read')
  const wake: (() => void)[] = []
  await using db = readYourWrites({
    primary: bench.admin,
    replicas: [{ id: 'r1', pool }],
    secret: SECRET,
    probeDeadlineMs: 300,
    probeIntervalMs: 20,
    onEvent: (event) => {
      events.push(event)
      for (const one of wake.splice(0)) one()
    },
  })
  const becomes = async (status: string): Promise<void> => {
    while (db.replicas[0]?.status !== status) await new Promise<void>((resolve) => wake.push(resolve))
  }
  await becomes('healthy')
  await wire.latency({ ms: 400, direction: 'from' })
  await becomes('slow')
  await db.read((q) => q.query('SELECT 1'), { level: 'eventual' })
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'no-replica' })
  await wire.heal()
  await becomes('healthy')
  await db.read((q) => q.query('SELECT 1'), { level: 'eventual' })
  expect(lastRead()).toMatchObject({ target: 'r1' })
  await db.stop()
  await pool.end()
})

/** Keeps the event loop for so long, as a large JSON does. */
function busy(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}
