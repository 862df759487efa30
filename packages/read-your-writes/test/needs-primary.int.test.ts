import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  readYourWrites,
  type Queryable,
  type ReadYourWrites,
  type ReadYourWritesEvent,
} from '@quorate/read-your-writes'
import { SECRET } from './setup.ts'

// Replay does not wait for queries: what is in its way is cancelled at once.
const cluster = await localCluster({
  postgres: { main: { replicas: 1, settings: { max_standby_streaming_delay: '0' } } },
})
const { primary, replicas } = cluster.postgres.main
const poolAt = (port: number): pg.Pool => new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', max: 4 })
const pools = [poolAt(primary.port), poolAt(replicas[0].port)] as const
const targets: string[] = []
let db: ReadYourWrites
beforeAll(async () => {
  await pools[0].query(`CREATE TABLE note (id text); INSERT INTO note VALUES ('a');
    CREATE UNLOGGED TABLE scratch (n int); INSERT INTO scratch VALUES (7)`)
  await replicas[0].caughtUp()
  db = readYourWrites({
    primary: pools[0],
    replicas: [{ id: 'r1', pool: pools[1] }],
    secret: SECRET,
    level: 'eventual',
    maxLagMs: 60_000,
    probeDeadlineMs: 5_000,
    onEvent: (event: ReadYourWritesEvent) => {
      if (event.type === 'read') targets.push(`${event.target} ${event.reason}`)
    },
  })
  await db.ready()
})
beforeEach(() => void (targets.length = 0))
afterAll(async () => {
  await db.stop()
  await Promise.all(pools.map((pool) => pool.end()))
  await cluster.stop()
})

describe('a read that only a primary can serve is run again there', () => {
  test.each<[string, string, unknown]>([
    ['of an unlogged table', 'SELECT n AS value FROM scratch', 7],
    ['of where the log ends', "SELECT pg_current_wal_lsn() > '0/0' AS value", true],
    ['that takes a lock on rows', 'SELECT id AS value FROM note FOR UPDATE', 'a'],
  ])('%s', async (_, text, value) => {
    const { rows } = await db.read((q) => q.query(text))
    expect(rows).toEqual([{ value }])
    expect(targets).toEqual(['primary wrote'])
  })

  test('also if the callback swallows the error: what it has left out would be missing', async () => {
    const work = async (q: Queryable): Promise<string> =>
      q.query('SELECT id FROM note FOR UPDATE').then(
        () => 'done',
        () => 'swallowed',
      )
    expect(await db.read(work)).toBe('done')
    expect(targets).toEqual(['primary wrote'])
  })

  test('an error that it would have anywhere comes out as it is', async () => {
    await expect(db.read((q) => q.query('SELECT 1 / 0'))).rejects.toMatchObject({ code: '22012' })
    await expect(db.read((q) => q.query('SELECT x FROM note'))).rejects.toMatchObject({ code: '42703' })
    expect(targets).toEqual([])
  })
})

describe('a read in the way of replay runs elsewhere', () => {
  /** On the replica it holds what replay needs, until that takes it. */
  test('when it is cancelled', async () => {
    const asked: number[] = []
    const count = await db.read(async (q) => {
      const { rows } = await q.query<{ port: number }>('SELECT inet_server_port() AS port')
      asked.push(rows[0]?.port ?? 0)
      if (rows[0]?.port === replicas[0].port) {
        const sleeping = q.query('SELECT pg_sleep(60) FROM note')
        await Promise.all([sleeping, inTheWay('pg_sleep')])
      }
      return (await q.query('SELECT * FROM note')).rowCount
    })
    expect(count).toBe(1)
    expect(asked).toEqual([replicas[0].port, primary.port])
    expect(targets).toEqual(['primary replica-failed'])
  })

  test('when its connection is closed between two queries of one snapshot', async () => {
    const asked: number[] = []
    const count = await db.read(
      async (q) => {
        const { rows } = await q.query<{ port: number }>('SELECT inet_server_port() AS port FROM note')
        asked.push(rows[0]?.port ?? 0)
        if (rows[0]?.port === replicas[0].port) {
          await inTheWay('inet_server_port')
          await replicas[0].caughtUp()
        }
        return (await q.query('SELECT * FROM note')).rowCount
      },
      { transaction: 'repeatable read' },
    )
    expect(count).toBe(1)
    expect(asked).toEqual([replicas[0].port, primary.port])
    expect(targets).toEqual(['primary replica-failed'])
  })

  describe('also if the callback swallows the error', () => {
    test.each([undefined, 'repeatable read'] as const)(
      'of a query that is cancelled: %s',
      async (transaction) => {
        const work = async (q: Queryable): Promise<string> => {
          if ((await portOf(q)) !== replicas[0].port) return 'complete'
          const sleeping = q
            .query('SELECT pg_sleep(60) FROM note')
            .catch((error: { code?: string }) => error.code)
          return `without what failed with ${(await Promise.all([sleeping, inTheWay('pg_sleep')]))[0] as string}`
        }
        expect(await db.read(work, { transaction })).toBe('complete')
        expect(targets).toEqual(['primary replica-failed'])
      },
    )

    test('of a connection that is closed', async () => {
      const work = async (q: Queryable): Promise<string> => {
        await q.query('BEGIN')
        const { rows } = await q.query<{ port: number }>('SELECT inet_server_port() AS port FROM note')
        if (rows[0]?.port === replicas[0].port) {
          await inTheWay('inet_server_port')
          await replicas[0].caughtUp()
        }
        return q.query('COMMIT').then(
          () => 'complete',
          () => 'without',
        )
      }
      expect(await db.read(work)).toBe('complete')
      expect(targets).toEqual(['primary replica-failed'])
    })

    test('but not of one that it may expect', async () => {
      const work = async (q: Queryable): Promise<string> =>
        q.query('SELECT 1 / 0').then(
          () => 'a number',
          () => 'no number',
        )
      expect(await db.read(work)).toBe('no number')
      expect(await db.read(work, { transaction: 'repeatable read' })).toBe('no number')
      expect(targets).toEqual(['r1 undefined', 'r1 undefined'])
    })
  })

  const portOf = async (q: Queryable): Promise<number | undefined> =>
    (await q.query<{ port: number }>('SELECT inet_server_port() AS port')).rows[0]?.port

  /** Rewrites the table, once the query is there. */
  async function inTheWay(query: string): Promise<void> {
    for (;;) {
      const { rowCount } = await pools[1].query(
        "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.query LIKE $1 AND l.relation = 'note'::regclass AND a.pid <> pg_backend_pid()",
        [`%${query}%`],
      )
      if (rowCount !== 0) break
    }
    await pools[0].query(
      'ALTER TABLE note ADD COLUMN IF NOT EXISTS more int; ALTER TABLE note DROP COLUMN more',
    )
  }
})
