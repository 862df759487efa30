import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readYourWrites, type Queryable } from '@quorate/read-your-writes'
import { SECRET, startBench, type Bench } from './setup.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(() => bench.link.heal())

const put = (id: string, n: number) => (tx: Queryable) =>
  tx.query('INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n', [id, n])
const get =
  (id: string) =>
  async (q: Queryable): Promise<number | undefined> => {
    const { rows } = await q.query<{ n: number }>('SELECT n FROM note WHERE id = $1', [id])
    return rows[0]?.n
  }
const gone = { code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE', statusCode: 503, headers: { 'Retry-After': '1' } }
const quick = { waitMs: 0, probeIntervalMs: 50, probeDeadlineMs: 200, deadlineMs: 1_000 }

test('a primary that swallows everything hangs nobody: neither who connects, nor who runs there', async () => {
  await using router = await bench.router(quick)
  const { db, lastRead } = router
  await db.write(put('kept', 1))
  for (const replica of bench.replicas) await replica.caughtUp()
  let mayGoOn: () => void = () => {}
  const cut = new Promise<void>((resolve) => (mayGoOn = resolve))
  const started = new Promise<void>((resolve) => {
    void db
      .write(async (tx) => {
        await put('running', 1)(tx)
        resolve()
        await cut
        await put('running', 2)(tx)
      })
      .catch(() => {})
  })
  await started
  let readStarted: () => void = () => {}
  const reading = new Promise<void>((resolve) => (readStarted = resolve))
  const running = db.write(async (tx) => {
    readStarted()
    await cut
    await put('hanging', 1)(tx)
  })
  const strong = db.read(
    async (q) => {
      await cut
      return get('kept')(q)
    },
    { level: 'strong' },
  )
  const outcomes = Promise.allSettled([running, strong])
  await reading
  await bench.link.partition({ mode: 'drop' })
  mayGoOn()
  const [write, read] = await outcomes
  expect(write).toMatchObject({ status: 'rejected', reason: { ...gone, outcome: 'not-applied' } })
  expect(read).toMatchObject({ status: 'rejected', reason: gone })
  await expect(db.write(put('connecting', 1))).rejects.toMatchObject({ ...gone, outcome: 'not-applied' })
  // Those who may read elsewhere do, although their session would rather have the primary.
  expect(await db.read(get('kept'), { session: db.session() })).toBe(1)
  expect(lastRead().target).not.toBe('primary')
  await bench.link.heal()
  await router.until(() => db.primary.reachable === true)
  await db.write(put('back', 1))
  for (const id of ['running', 'hanging', 'connecting']) {
    expect([id, await db.read(get(id), { level: 'strong' })]).toEqual([id, undefined])
  }
})

test('with the primary’s process killed, sessions with a token read on where their writes are, and nothing goes back', async () => {
  await using own = await startBench()
  await using router = await own.router({ ...quick, waitMs: 2_000, maxLagMs: 20_000 })
  const { db, lastRead, until } = router
  const session = db.session()
  await db.write(put('before', 1), { session })
  await db.read(get('before'), { session, level: 'monotonic' })
  for (const replica of own.replicas) await replica.caughtUp()
  // Served by a replica, so one is known to have all that the token asks for.
  do await db.read(get('before'), { session })
  while (lastRead().target === 'primary')
  await own.cluster.primary.kill()
  await until(() => db.replicas.every(({ status }) => status === 'disconnected'))
  for (const level of ['read-your-writes', 'eventual'] as const) {
    expect([level, await db.read(get('before'), { session, level })]).toEqual([level, 1])
    expect(lastRead().target).not.toBe('primary')
  }
  // A replica that has moved on since it was last heard to receive shows what nobody could hold later reads to.
  const failed = (error: { code?: string }): string | undefined => error.code
  for (const level of ['monotonic', 'causal'] as const) {
    const seen = await db.read(get('before'), { session, level }).catch(failed)
    expect([1, gone.code]).toContain(seen)
  }
  // Who has written what no replica has for certain is told so, instead of being shown less.
  await expect(db.read(get('before'), { session, level: 'strong' })).rejects.toMatchObject(gone)
  await expect(db.write(put('after', 1), { session })).rejects.toMatchObject(gone)
  await own.cluster.primary.restart()
  await until(() => db.replicas.some(({ status }) => status === 'healthy'))
  await until(() => db.primary.reachable === true)
  await db.write(put('after', 1), { session })
  expect(await db.read(get('after'), { session })).toBe(1)
})

test('COMMIT that is not answered in time is unknown, and says so', async () => {
  await using router = await bench.router({ ...quick, deadlineMs: 60_000, commitDeadlineMs: 500 })
  const { db } = router
  const lost = db.write(async (tx) => {
    await put('commit', 1)(tx)
    await bench.link.partition({ mode: 'drop', direction: 'from' })
  })
  await expect(lost).rejects.toMatchObject({ code: 'QUORATE_RYW_COMMIT_UNKNOWN', outcome: 'unknown' })
  await bench.link.heal()
  await router.until(() => db.primary.reachable === true)
  expect(await db.read(get('commit'), { level: 'strong' })).toBe(1)
})

test('a connection that breaks before COMMIT says that nothing was written', async () => {
  await using router = await bench.router(quick)
  const { db } = router
  const broken = db.write(async (tx) => {
    await put('broken', 1)(tx)
    await bench.link.resetConnections()
    await put('broken', 2)(tx)
  })
  await expect(broken).rejects.toMatchObject({ ...gone, outcome: 'not-applied' })
  expect(await db.read(get('broken'), { level: 'strong' })).toBeUndefined()
})

test('connections that were cut while they rested: each write says that nothing was written, or is done', async () => {
  await using router = await bench.router(quick)
  const { db } = router
  for (let round = 0; round < 10; round++) {
    const [first, second] = [db.write(put('rested', round)), db.write(put('other', round))]
    await Promise.all([first, second])
    await bench.link.resetConnections()
    const outcomes = await Promise.allSettled([db.write(put('rested', round)), db.write(put('other', round))])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject(
        outcome.status === 'fulfilled' ? {} : { reason: { ...gone, outcome: 'not-applied' } },
      )
    }
  }
})

test('a pool with no connection to spare is an error after the deadline, and the connection comes back', async () => {
  await using server = await localCluster({ postgres: { main: {} } })
  const pool = new pg.Pool({ connectionString: server.postgres.main.primary.url, max: 2 })
  const db = readYourWrites({ primary: pool, replicas: [], secret: SECRET, ...quick })
  await db.ready()
  let finish: () => void = () => {}
  const held = db.write(() => new Promise<void>((resolve) => (finish = resolve)))
  await expect(db.write((tx) => tx.query('SELECT 1'))).rejects.toMatchObject({
    ...gone,
    message: expect.stringMatching(
      /no connection came free within 1000 ms; the server answers, so make its pool/,
    ) as string,
  })
  finish()
  await held
  for (let round = 0; round < 5; round++) await db.write((tx) => tx.query('SELECT 1'))
  expect(pool.totalCount).toBeLessThanOrEqual(2)
  await db.stop()
  await pool.end()
})

test('a replica whose pool is exhausted does not hold up reads for ever: they run elsewhere', async () => {
  await using router = await bench.router({ ...quick, count: 1, deadlineMs: 300 })
  const { db, lastRead } = router
  const [pool] = router.pools.replicas as [pg.Pool]
  // Made here, however long that takes: a read that made one would have to do so within its deadline.
  const held = await Promise.all(Array.from({ length: 9 }, () => pool.connect()))
  held.pop()?.release()
  await db.read(get('x'), { level: 'eventual' })
  expect(lastRead().target).toBe('r1')
  held.push(await pool.connect())
  await db.read(get('x'), { level: 'eventual' })
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'replica-failed' })
  for (const one of held) one.release()
})

test('remoteApply: with a synchronous standby a read there sees the write with no token; with none it is refused', async () => {
  await using main = await localCluster({ postgres: { main: { replicas: 1, synchronous: true } } })
  const { primary, replicas } = main.postgres.main
  const pools = [primary, ...replicas].map(({ url }) => new pg.Pool({ connectionString: url }))
  const [first, standby] = pools as [pg.Pool, pg.Pool]
  await first.query('CREATE TABLE note (id text PRIMARY KEY, n int NOT NULL)')
  await replicas[0]?.applyDelay(50)
  const db = readYourWrites({ primary: first, replicas: [{ id: 'r1', pool: standby }], secret: SECRET })
  await db.ready()
  for (let n = 0; n < 10; n++) {
    await db.write(put(`applied-${n}`, n), { remoteApply: true })
    expect(await db.read(get(`applied-${n}`), { level: 'eventual' })).toBe(n)
  }
  await db.stop()
  await Promise.all(pools.map((pool) => pool.end()))

  await using router = await bench.router(quick)
  const refused = router.db.write(put('nobody', 1), { remoteApply: true })
  await expect(refused).rejects.toMatchObject({
    code: 'QUORATE_RYW_NO_SYNCHRONOUS_STANDBY',
    outcome: 'not-applied',
  })
  expect(await router.db.read(get('nobody'), { level: 'strong' })).toBeUndefined()
})
