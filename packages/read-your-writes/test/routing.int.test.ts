import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  CommitUnknownError,
  PrimaryBusyError,
  TransactionAbortedError,
  type Queryable,
} from '@quorate/read-your-writes'
import { startBench, type Bench } from './setup.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(async () => {
  await bench.link.heal()
  for (const replica of bench.replicas) {
    if (replica.state === 'paused') await replica.resume()
    await replica.applyDelay(0)
    await replica.resumeReplay()
    await replica.caughtUp()
  }
})

const PUT = 'INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n'
const put = (id: string, n: number) => (tx: Queryable) => tx.query(PUT, [id, n])
const get =
  (id: string) =>
  async (q: Queryable): Promise<number | undefined> => {
    const { rows } = await q.query<{ n: number }>('SELECT n FROM note WHERE id = $1', [id])
    return rows[0]?.n
  }

test('read() after write() sees the write, on replicas as well, 500 times out of 500', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, events } = router
  const session = db.session()
  for (let n = 0; n < 500; n++) {
    await db.write(put('loop', n), { session })
    expect(await db.read(get('loop'), { session })).toBe(n)
  }
  const reads = events.filter(({ type }) => type === 'read')
  const onReplicas = reads.filter((event) => event.type === 'read' && event.target !== 'primary')
  expect(onReplicas.length).toBeGreaterThan(400)
})

test('the same reads with no session requirement are stale: the test above can fail', async () => {
  await using router = await bench.router()
  const { db } = router
  for (const replica of bench.replicas) await replica.pauseReplay()
  await db.write(put('control', 1))
  expect(await db.read(get('control'), { level: 'eventual' })).toBeUndefined()
})

test('a read costs one query on a replica and none on the primary; a write three messages', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, sent } = router
  const session = db.session({ key: 'ann' })
  await db.write(put('count', 1), { session })
  const before = sent.primary.length
  sent.r1.length = 0
  sent.r2.length = 0
  for (let n = 0; n < 50; n++) await db.read(get('count'), { session })
  expect(sent.primary.length - before).toBe(0)
  // Each connection introduces itself once.
  const asked = [...sent.r1, ...sent.r2]
  expect(asked.filter((text) => text.includes('pg_control_system')).length).toBeLessThanOrEqual(2)
  expect(asked.filter((text) => !text.includes('pg_control_system'))).toHaveLength(50)
  await db.write(put('count', 2), { session })
  const messages = sent.primary.slice(before)
  expect(messages).toHaveLength(3)
  expect(messages[0]).toBe('BEGIN')
  expect(messages[2]).toContain('COMMIT')
})

test('execute() is two messages, and its write is in the token, also if it does not wait for the disk', async () => {
  await using router = await bench.router({ waitMs: 2_000, maxLagMs: 60_000 })
  const { db, sent, events } = router
  const session = db.session()
  await db.execute(PUT, ['execute', -1], { session })
  const before = sent.primary.length
  await db.execute(PUT, ['execute', 0], { session })
  expect(sent.primary.slice(before)).toEqual([PUT, expect.stringContaining('pg_current_wal_flush_lsn')])
  for (let n = 1; n < 50; n++) {
    const { rowCount } = await db.execute(PUT, ['execute', n], { session })
    expect([rowCount, await db.read(get('execute'), { session })]).toEqual([1, n])
  }
  await db.execute(`SELECT set_config('synchronous_commit', 'off', false)`)
  for (let n = 50; n < 80; n++) {
    await db.execute(PUT, ['execute', n], { session })
    expect(await db.read(get('execute'), { session })).toBe(n)
  }
  expect(events.some((event) => event.type === 'read' && event.target !== 'primary')).toBe(true)
  const failing = db.execute('INSERT INTO note VALUES ($1, $2)', ['execute', 1], { session })
  await expect(failing).rejects.toMatchObject({ code: '23505' })
  await expect(db.execute(PUT, ['x', 1], { sesion: session } as never)).rejects.toThrow(
    /unknown option sesion/,
  )
})

test('while both replicas stand still, the writer reads from the primary and others from replicas', async () => {
  await using router = await bench.router()
  const { db, lastRead } = router
  for (const replica of bench.replicas) await replica.pauseReplay()
  const writer = db.session()
  await db.write(put('still', 7), { session: writer })
  expect(await db.read(get('still'), { session: writer })).toBe(7)
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
  expect(await db.read(get('still'), { session: db.session() })).toBeUndefined()
  expect(lastRead().target).not.toBe('primary')
})

test('with one replica behind, all reads of the writer go to the other, whatever the affinity', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, events } = router
  await bench.replicas[0]?.pauseReplay()
  for (let user = 0; user < 20; user++) {
    const session = db.session({ key: `user-${user}` })
    await db.write(put(`one-${user}`, user), { session })
    expect(await db.read(get(`one-${user}`), { session })).toBe(user)
  }
  expect(new Set(events.flatMap((event) => (event.type === 'read' ? [event.target] : [])))).toEqual(
    new Set(['r2']),
  )
})

test('a read waits for a replica that will be there in time', async () => {
  await using router = await bench.router({ waitMs: 5_000, maxLagMs: 60_000 })
  const { db, lastRead } = router
  for (const replica of bench.replicas) await replica.applyDelay(30)
  const session = db.session()
  await db.write(put('wait', 1), { session })
  expect(await db.read(get('wait'), { session })).toBe(1)
  expect(lastRead()).toMatchObject({ reason: undefined })
  expect(lastRead().waitedMs).toBeGreaterThan(5)
})

test('a token carries the write to another process', async () => {
  await using here = await bench.router()
  await using there = await bench.router()
  for (const replica of bench.replicas) await replica.pauseReplay()
  const mine = here.db.session()
  await here.db.write(put('carried', 5), { session: mine })
  const theirs = there.db.session({ token: mine.token as string })
  expect(await there.db.read(get('carried'), { session: theirs })).toBe(5)
})

test('level monotonic never goes back, on whichever replica; level eventual does', async () => {
  await using router = await bench.router({ waitMs: 0 })
  const { db } = router
  await db.write(put('mono', 0))
  await bench.replicas[0]?.caughtUp()
  await bench.replicas[1]?.caughtUp()
  await bench.replicas[1]?.pauseReplay()
  const seen = { monotonic: [] as number[], eventual: [] as number[] }
  const session = db.session()
  for (let n = 1; n <= 60; n++) {
    await db.write(put('mono', n))
    for (const level of ['monotonic', 'eventual'] as const) {
      seen[level].push((await db.read(get('mono'), { level, session })) ?? -1)
    }
  }
  const goesBack = (values: number[]): boolean => values.some((value, at) => value < (values[at - 1] ?? 0))
  expect(goesBack(seen.monotonic)).toBe(false)
  expect(goesBack(seen.eventual)).toBe(true)
})

test('level strong and reads without a session go to the primary', async () => {
  await using router = await bench.router()
  const { db, lastRead } = router
  await db.read(get('x'), { level: 'strong', session: db.session() })
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'strong' })
  await db.read(get('x'))
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'no-session' })
})

test('run() hands the session to reads and writes inside', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db } = router
  const session = db.session()
  await db.run(session, async () => {
    expect(db.current()).toBe(session)
    await db.write(put('als', 3))
    expect(await db.read(get('als'))).toBe(3)
  })
  expect(session.changed).toBe(true)
  expect(db.current()).toBeUndefined()
})

test('a read that writes is run again on the primary, and its write is in the token', async () => {
  await using router = await bench.router()
  const { db, lastRead, sent } = router
  const session = db.session()
  const sql = `WITH new AS (INSERT INTO note VALUES ('cte', 1) RETURNING n) SELECT n FROM new`
  await db.read((q) => q.query(sql), { session })
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'wrote' })
  for (const replica of bench.replicas) await replica.caughtUp()
  for (const statement of [
    'SELECT n FROM note FOR UPDATE',
    "SELECT nextval('some_sequence')",
    'CREATE TEMP TABLE t (x int)',
    'SELECT of_ones_own()', // which no text tells
  ]) {
    await bench.admin.query(`CREATE SEQUENCE IF NOT EXISTS some_sequence;
      CREATE OR REPLACE FUNCTION of_ones_own() RETURNS void LANGUAGE sql AS
        $$ INSERT INTO note VALUES ('own', 1) ON CONFLICT DO NOTHING $$`)
    for (const replica of bench.replicas) await replica.caughtUp()
    const fresh = db.session()
    await db.read((q) => q.query(statement), { session: fresh, level: 'eventual' })
    expect(fresh.changed).toBe(true)
    expect(lastRead()).toMatchObject({ target: 'primary', reason: 'wrote' })
    // One replica has refused it, and no other was asked.
    expect([...sent.r1, ...sent.r2].filter((text) => text === statement)).toHaveLength(1)
  }
  expect(session.changed).toBe(true)
})

test('an asynchronous commit is seen by its writer', async () => {
  await using router = await bench.router({ waitMs: 2_000, maxLagMs: 60_000 })
  const { db, events } = router
  const session = db.session()
  for (let n = 0; n < 30; n++) {
    const work = async (tx: Queryable): Promise<void> => {
      await tx.query('SET LOCAL synchronous_commit = off')
      await put('async', n)(tx)
    }
    await db.write(work, { session })
    expect(await db.read(get('async'), { session })).toBe(n)
  }
  expect(events.some((event) => event.type === 'read' && event.target !== 'primary')).toBe(true)
})

test('a tampered token means the primary, and is replaced there', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, lastRead, events } = router
  const session = db.session({ token: 'A'.repeat(54) })
  await db.read(get('x'), { session })
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'token-rejected' })
  expect(events).toContainEqual(expect.objectContaining({ type: 'token-rejected' }))
  expect(session.changed).toBe(true)
  await db.read(get('x'), { session })
  expect(lastRead().target).not.toBe('primary')
})

test('write() tells a swallowed failure, a failed commit and an unknown commit apart', async () => {
  await using router = await bench.router()
  const { db } = router
  await bench.admin.query(`CREATE TABLE slow (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END';
    CREATE TABLE dawdling (id int);
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON dawdling DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()`)
  const swallow = db.write(async (tx) => {
    await put('swallowed', 1)(tx)
    await tx.query('SELECT 1/0').catch(() => {})
  })
  await expect(swallow).rejects.toBeInstanceOf(TransactionAbortedError)
  const twice = db.write((tx) => tx.query('INSERT INTO slow VALUES (1), (1)'))
  await expect(twice).rejects.toMatchObject({ code: '23505' })
  const lost = db.write((tx) => tx.query('INSERT INTO dawdling VALUES (1)'))
  const isCommitting = async (): Promise<boolean> => {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'`
    return (await bench.admin.query(sql)).rowCount === 1
  }
  while (!(await isCommitting())) continue
  await bench.link.resetConnections()
  await expect(lost).rejects.toBeInstanceOf(CommitUnknownError)
  await expect(lost).rejects.toMatchObject({ outcome: 'unknown' })
  await bench.admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'`,
  )
  expect(await db.read(get('swallowed'))).toBeUndefined()
})

test('an error in the callback rolls back and comes out as it is', async () => {
  await using router = await bench.router()
  const { db } = router
  const error = new Error('mine')
  const failing = db.write(async (tx) => {
    await put('rolled back', 1)(tx)
    throw error
  })
  await expect(failing).rejects.toBe(error)
  expect(await db.read(get('rolled back'))).toBeUndefined()
})

test('maxPrimaryReads refuses what is beyond it, with an error that says nothing was done', async () => {
  await using router = await bench.router({ maxPrimaryReads: 1, waitMs: 0 })
  const { db } = router
  let finish: (() => void) | undefined
  const held = new Promise<void>((resolve) => (finish = resolve))
  let started: (() => void) | undefined
  const running = new Promise<void>((resolve) => (started = resolve))
  const first = db.read(async () => {
    started?.()
    await held
  })
  await running
  const second = db.read(get('x'))
  await expect(second).rejects.toBeInstanceOf(PrimaryBusyError)
  await expect(second).rejects.toMatchObject({ outcome: 'not-applied', maxPrimaryReads: 1 })
  finish?.()
  await first
  await db.read(get('x'))
})

test('a read that is aborted rejects with the reason, and the pool lives on', async () => {
  await using router = await bench.router()
  const { db } = router
  const abort = new AbortController()
  const slow = db.read(
    async (q) => {
      const query = q.query('SELECT pg_sleep(30)')
      abort.abort('enough')
      await query
    },
    { signal: abort.signal, level: 'eventual' },
  )
  await expect(slow).rejects.toBe('enough')
  await db.read(get('x'), { level: 'eventual' })
})

describe('servers that fail', () => {
  test('a frozen replica does not hold up reads: they run elsewhere, also those already under way', async () => {
    await using router = await bench.router({ probeDeadlineMs: 100 })
    const { db, events, until, lastRead } = router
    await bench.replicas[0]?.pause()
    const reads = Array.from({ length: 20 }, (_, user) =>
      db.read(get('x'), { session: db.session({ key: `user-${user}` }) }),
    )
    await Promise.all(reads)
    expect(events).toContainEqual(expect.objectContaining({ type: 'replica', id: 'r1', status: 'down' }))
    await db.read(get('x'), { session: db.session() })
    expect(lastRead().target).toBe('r2')
    await bench.replicas[0]?.resume()
    await until(() => db.replicas[0]?.status === 'healthy')
  })

  test('a replica that falls behind is ejected and comes back only when it is well again', async () => {
    await using router = await bench.router({ maxLagMs: 300 })
    const { db, events, until } = router
    await bench.replicas[0]?.pauseReplay()
    await db.write(put('eject', 1))
    await until(() => db.replicas[0]?.status === 'lagging')
    expect(await db.read(get('eject'), { level: 'eventual' })).toBe(1)
    await bench.replicas[0]?.resumeReplay()
    await until(() => db.replicas[0]?.status === 'healthy')
    const alert = events.find((event) => event.type === 'replica' && event.status === 'lagging')
    expect(alert).toMatchObject({ id: 'r1', was: 'healthy' })
  })

  test('a replica that has lost its primary counts as lagging although it has replayed all it got', async () => {
    await using router = await bench.router({ maxLagMs: 300 })
    const { db, until } = router
    const wire = bench.cluster.link('primary', 'replica-1')
    await wire.partition()
    await db.write(put('cut', 1))
    await until(() => ['lagging', 'disconnected'].includes(db.replicas[0]?.status ?? ''))
    expect(await db.read(get('cut'), { level: 'eventual' })).toBe(1)
    await wire.heal()
    await until(() => db.replicas[0]?.status === 'healthy')
  })

  test('a restarted replica is not trusted with what was known of the one before', async () => {
    await using router = await bench.router({ count: 1, probeIntervalMs: 600_000 })
    const { db, lastRead } = router
    const session = db.session({ key: 'u' })
    await db.read(get('x'), { session })
    expect(lastRead().target).toBe('r1')
    await bench.replicas[0]?.kill()
    await bench.replicas[0]?.restart()
    await db.read(get('x'), { session })
    await db.read(get('x'), { session })
    expect(lastRead()).toMatchObject({ target: 'primary', reason: 'replica-failed' })
  })

  test('with the primary gone, replicas still serve what they have', async () => {
    await using router = await bench.router({ waitMs: 0 })
    const { db, lastRead, until } = router
    await db.write(put('alive', 4))
    for (const replica of bench.replicas) await replica.caughtUp()
    await bench.link.partition({ mode: 'refuse' })
    await until(() => router.events.some((event) => event.type === 'primary' && !event.reachable))
    expect(await db.read(get('alive'), { session: db.session() })).toBe(4)
    expect(lastRead().target).not.toBe('primary')
    await expect(db.write(put('alive', 5))).rejects.toMatchObject({
      code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE',
      outcome: 'not-applied',
      statusCode: 503,
      cause: { code: 'ECONNREFUSED' },
    })
  })
})
