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
const get = async (q: Queryable): Promise<number | undefined> => {
  const { rows } = await q.query<{ n: number }>(`SELECT n FROM note WHERE id = 'stopped'`)
  return rows[0]?.n
}
const quick = { waitMs: 0, probeIntervalMs: 50, probeDeadlineMs: 200, deadlineMs: 500 }

/** Work that says when it runs, and goes on when it is told to. */
function held<T>(work: (q: Queryable) => Promise<T>): {
  readonly started: Promise<void>
  readonly goOn: () => void
  readonly work: (q: Queryable) => Promise<T>
} {
  const started = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  return {
    started: started.promise,
    goOn: told.resolve,
    work: async (q) => {
      await q.query('SELECT 1')
      started.resolve()
      await told.promise
      return work(q)
    },
  }
}

test('what is under way at stop() ends well, and nothing new begins', async () => {
  await using router = await bench.router(quick)
  const { db } = router
  const [write, read] = [held(put('stopped', 1)), held(get)]
  const outcomes = Promise.all([db.write(write.work), db.read(read.work, { level: 'eventual' })])
  await Promise.all([write.started, read.started])
  await db.stop()
  await expect(db.read(get)).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
  write.goOn()
  read.goOn()
  await outcomes
  expect((await bench.admin.query(`SELECT n FROM note WHERE id = 'stopped'`)).rows).toEqual([{ n: 1 }])
})

test('what is under way at stop() does not hang on servers that have gone', async () => {
  await using router = await bench.router({ ...quick, count: 1 })
  const { db } = router
  const [replica] = bench.replicas
  const [write, read] = [held(put('stopped', 2)), held(get)]
  const outcomes = Promise.allSettled([db.write(write.work), db.read(read.work, { level: 'eventual' })])
  await Promise.all([write.started, read.started])
  await db.stop()
  await bench.link.partition({ mode: 'drop' })
  await replica?.pause()
  write.goOn()
  read.goOn()
  const gone = { code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE', outcome: 'not-applied' }
  expect(await outcomes).toMatchObject([
    { status: 'rejected', reason: gone },
    { status: 'rejected', reason: gone }, // it ran elsewhere, which was the primary
  ])
  await Promise.all([replica?.resume(), bench.link.heal()])
})

test('who waits in ready() is told of stop()', async () => {
  const connect = (): Promise<never> => new Promise(() => {})
  const db = readYourWrites({ primary: { connect }, replicas: [], secret: SECRET, probeDeadlineMs: 60_000 })
  const waiting = db.ready()
  await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' }), db.stop()])
  await expect(db.ready()).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
})
