import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Queryable } from '@quorate/read-your-writes'
import { startBench, type Bench } from './setup.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())

const get = async (q: Queryable): Promise<number | undefined> => {
  const { rows } = await q.query<{ n: number }>(`SELECT n FROM note WHERE id = 'crash'`)
  return rows[0]?.n
}

function pool(port: number): pg.Pool {
  const made = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 1 })
  made.on('error', () => {}) // the killed one
  return made
}

/** The number of a backend, and when its server was started; asks until there is an answer. */
async function who(at: pg.Pool): Promise<{ readonly pid: number; readonly started: string }> {
  for (;;) {
    try {
      const { rows } = await at.query<{ pid: number; started: string }>(
        'SELECT pg_backend_pid() AS pid, pg_postmaster_start_time()::text AS started',
      )
      return rows[0] as { pid: number; started: string }
    } catch {
      // it recovers
    }
  }
}

// When a backend is killed (out of memory), the postmaster stays and starts the recovery anew, from the last
// restart point: the replica stands before where it was, and nothing in its start time says so.
test('a replica whose backends have crashed is not trusted with what was known of it before', async () => {
  const replica = bench.replicas[0] as (typeof bench.replicas)[0]
  const at = pool(replica.port)
  // The state it will fall back to.
  await bench.admin.query(`INSERT INTO note VALUES ('crash', 0)`)
  await bench.admin.query('CHECKPOINT')
  await replica.caughtUp()
  await at.query('CHECKPOINT')

  await using router = await bench.router({ count: 1, probeIntervalMs: 600_000, waitMs: 0 })
  const { db } = router
  const writer = db.session()
  await db.write((tx) => tx.query(`UPDATE note SET n = 1 WHERE id = 'crash'`), { session: writer })
  await replica.caughtUp()
  // Another router, since the first has seen the replica before it had the write.
  await using knowing = await bench.router({ count: 1, probeIntervalMs: 600_000, waitMs: 0 })
  const session = knowing.db.session({ token: writer.token as string })
  expect(await knowing.db.read(get, { session })).toBe(1)
  expect(knowing.lastRead().target).toBe('r1')

  await replica.applyDelay(60_000)
  const before = await who(at)
  process.kill(before.pid, 'SIGKILL')
  const after = await who(at)
  expect(after.started).toBe(before.started)
  const seen: (number | undefined)[] = []
  for (let round = 0; round < 8; round++) seen.push(await knowing.db.read(get, { session }))
  expect(seen).toEqual(seen.map(() => 1))
  // It can fail: this is what the replica shows.
  expect(await get({ query: (text) => at.query(text as string) as never })).toBe(0)
  await replica.applyDelay(0)
  await at.end()
})
