import pg from 'pg'
import { expect, test } from 'vitest'
import type { Queryable } from '@quorate/read-your-writes'
import { startBench } from './setup.ts'

const put = (id: string, n: number) => (tx: Queryable) =>
  tx.query('INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n', [id, n])
const get =
  (id: string) =>
  async (q: Queryable): Promise<number | undefined> => {
    const { rows } = await q.query<{ n: number }>('SELECT n FROM note WHERE id = $1', [id])
    return rows[0]?.n
  }

test('after a failover a token of the old timeline means the primary, until a new one replaces it', async () => {
  await using bench = await startBench()
  await using router = await bench.router({ waitMs: 2_000, maxLagMs: 60_000 })
  const { db, lastRead, until, events } = router
  const session = db.session()
  await db.write(put('kept', 1), { session })
  for (const replica of bench.replicas) await replica.caughtUp()

  // The last write reaches nobody: the new primary's log will pass its position all the same.
  for (const replica of ['replica-1', 'replica-2'] as const)
    await bench.cluster.link('primary', replica).partition()
  const loser = db.session()
  await db.write(put('lost', 1), { session: loser })
  await bench.cluster.primary.kill()
  await bench.cluster.promote(0)
  await bench.link.retarget({ port: bench.cluster.primary.port })
  await bench.link.resetConnections()
  await until(() => events.some((event) => event.type === 'timeline'))

  for (const one of [session, loser]) {
    const oldToken = one.token
    await db.read(get('kept'), { session: one })
    expect(lastRead()).toMatchObject({ target: 'primary', reason: 'old-timeline' })
    expect(one.token).not.toBe(oldToken)
  }
  // The node that was promoted is no replica any more; the other one serves the new token.
  await until(() => db.replicas.some(({ status }) => status === 'promoted'))
  await until(() => db.replicas.some(({ status }) => status === 'healthy'))
  expect(await db.read(get('kept'), { session })).toBe(1)
  expect(lastRead().target).toBe('r2')
  expect(await db.read(get('lost'), { session: loser })).toBeUndefined()
  await db.write(put('new', 1), { session })
  expect(await db.read(get('new'), { session })).toBe(1)
  expect(lastRead().target).toBe('r2')
})

test('a primary pool that leads to a replica is told apart from a primary', async () => {
  await using bench = await startBench()
  await using router = await bench.router()
  const { db } = router
  await db.read(get('x'), { level: 'strong' })
  await bench.link.retarget({ port: bench.replicas[0]?.port as number })
  await bench.link.resetConnections()
  // Connections that break while nobody uses them leave the pool by themselves, at their own time.
  const failures = new Set<unknown>()
  while (!failures.has('QUORATE_RYW_NOT_PRIMARY')) {
    await db.read(get('x'), { level: 'strong' }).catch((error: { code?: string }) => failures.add(error.code))
  }
  await expect(db.write(put('x', 1))).rejects.toMatchObject({
    code: 'QUORATE_RYW_NOT_PRIMARY',
    outcome: 'not-applied',
  })
})

test('a monotonic read on a replica that was promoted a moment ago takes the new timeline into the token', async () => {
  await using bench = await startBench()
  // Nobody notices the promotion.
  await using router = await bench.router({ count: 1, probeIntervalMs: 600_000, waitMs: 0 })
  const { db, lastRead } = router
  const session = db.session()
  const options = { session, level: 'monotonic' } as const
  await db.read(get('promoted'), options)
  expect(lastRead().target).toBe('r1')
  const before = session.token as string
  await bench.cluster.primary.kill()
  await bench.cluster.promote(0)
  const promoted = new pg.Client({
    host: '127.0.0.1',
    port: bench.cluster.primary.port,
    user: 'postgres',
    database: 'postgres',
  })
  await promoted.connect()
  await promoted.query(`INSERT INTO note VALUES ('promoted', 1)`)
  await promoted.end()
  expect(await db.read(get('promoted'), options)).toBe(1)
  expect(lastRead().target).toBe('r1')
  // With a position of the old timeline a replica that still follows the old primary could serve next.
  const next = db.session({ token: before })
  next.merge(session.token as string)
  expect(next.changed).toBe(true)
})
