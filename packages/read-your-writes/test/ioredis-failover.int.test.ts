import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startRedisBench, type RedisBench } from './ioredis-setup.ts'

const put = (key: string, n: number) => (redis: Redis) => redis.set(key, n)
const get =
  (key: string) =>
  async (redis: Redis): Promise<number> =>
    Number(await redis.get(key))

/** Leads the clients of the primary to whoever that is now. */
async function follow(bench: RedisBench): Promise<void> {
  await bench.link.retarget({ port: bench.cluster.primary.port })
  await bench.link.resetConnections()
}

test('a failover without a loss: tokens of the old history stay good, also on replicas', async () => {
  await using bench = await startRedisBench()
  await using router = await bench.router({ waitMs: 2_000, maxLagMs: 60_000 })
  const { db, lastRead, until, events } = router
  const session = db.session()
  await db.write(put('kept', 1), { session, waitReplicas: 2, waitDeadlineMs: 10_000 })
  await bench.cluster.promote(0)
  await follow(bench)
  await until(() => events.some(({ type }) => type === 'history'))
  expect(events.find(({ type }) => type === 'history')).toMatchObject({ end: expect.anything() })
  // r1 is the new primary, r2 follows it.
  await until(() => db.replicas.some(({ status }) => status === 'promoted'))
  await until(() => db.replicas[1]?.status === 'healthy')
  const token = session.token ?? ''
  for (let n = 0; n < 20; n++) {
    const handed = db.session({ token })
    expect(await db.read(get('kept'), { session: handed })).toBe(1)
    expect(lastRead()).toMatchObject({ target: 'r2', reason: undefined })
    expect(handed.changed).toBe(false)
  }
  await db.write(put('new', 1), { session })
  expect(await db.read(get('new'), { session })).toBe(1)
})

test('a failover that loses a write: its token means the primary, until a new one replaces it', async () => {
  await using bench = await startRedisBench()
  await using router = await bench.router({ waitMs: 2_000, maxLagMs: 60_000 })
  const { db, lastRead, until, events } = router
  const keeper = db.session()
  await db.write(put('kept', 1), { session: keeper, waitReplicas: 2, waitDeadlineMs: 10_000 })
  // The last write reaches nobody; the new primary's offset will pass its own all the same.
  for (const name of ['replica-1', 'replica-2'] as const)
    await bench.cluster.link('primary', name).partition()
  const loser = db.session()
  await db.write(put('lost', 1), { session: loser })
  await bench.cluster.promote(0)
  await follow(bench)
  await until(() => events.some(({ type }) => type === 'history'))
  for (let n = 0; n < 100; n++) await bench.admin.set('filler', n)

  const lostToken = loser.token
  expect(await db.read(get('lost'), { session: loser })).toBe(0)
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'old-timeline' })
  expect(loser.token).not.toBe(lostToken)
  await until(() => db.replicas[1]?.status === 'healthy')
  expect(await db.read(get('kept'), { session: keeper })).toBe(1)
  expect(lastRead().target).toBe('r2')
  await db.write(put('lost', 2), { session: loser })
  expect(await db.read(get('lost'), { session: loser })).toBe(2)
  expect(lastRead().target).toBe('r2')
})

test('while nobody leads the clients to the new primary, its replica serves tokens of the old history', async () => {
  await using bench = await startRedisBench()
  await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000, deadlineMs: 500 })
  const { db, lastRead, until } = router
  const session = db.session()
  await db.write(put('orphan', 1), { session, waitReplicas: 2, waitDeadlineMs: 10_000 })
  await bench.cluster.promote(0, { rejoin: false })
  await until(() => db.replicas.some(({ status }) => status === 'promoted'))
  expect(await db.read(get('orphan'), { session })).toBe(1)
  expect(lastRead().target).toBe('r2')
  await expect(db.write(put('orphan', 2), { session })).rejects.toMatchObject({
    code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE',
    outcome: 'not-applied',
  })
})

test('two failovers in a row: a token from before both means the primary, never an error', async () => {
  await using bench = await startRedisBench()
  await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
  const { db, lastRead, until, events } = router
  const session = db.session()
  await db.write(put('old', 1), { session, waitReplicas: 2, waitDeadlineMs: 10_000 })
  const token = session.token ?? ''
  for (const count of [1, 2]) {
    await bench.cluster.promote(0)
    await follow(bench)
    await until(() => events.filter(({ type }) => type === 'history').length >= count)
  }
  const handed = db.session({ token })
  expect(await db.read(get('old'), { session: handed })).toBe(1)
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'old-timeline' })
  expect(handed.changed).toBe(true)
})
