import { CompiledQuery, Kysely, sql, type Generated, type KyselyPlugin, type LogEvent } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  CommitUnknownError,
  ReadInterruptedError,
  TransactionAbortedError,
  type ReadYourWrites,
  type Session,
} from '@quorate/read-your-writes'
import { readYourWritesDialect, routed } from '@quorate/read-your-writes/kysely'
import { startBench, type Bench, type TestRouter } from './setup.ts'

interface Database {
  note: { id: string; n: number }
  counted: { id: Generated<number>; name: string }
}

let bench: Bench
let router: TestRouter
let db: ReadYourWrites
let kysely: Kysely<Database>
let session: Session
/** Look at the replicas without the router. */
let spies: pg.Pool[]
beforeAll(async () => {
  bench = await startBench()
  spies = bench.replicas.map(({ port }) => new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', max: 1 }))
  await bench.admin.query(`
    CREATE TABLE counted (id serial PRIMARY KEY, name text NOT NULL);
    CREATE FUNCTION own_bump(what text) RETURNS int LANGUAGE sql AS
      'INSERT INTO note VALUES (what, 1) ON CONFLICT (id) DO UPDATE SET n = note.n + 1 RETURNING n';
    INSERT INTO note SELECT 'row-' || n, n FROM generate_series(1, 1000) n`)
  await Promise.all(bench.replicas.map((replica) => replica.caughtUp()))
  router = await bench.router({ waitMs: 1_000 })
  db = router.db
  kysely = new Kysely<Database>({
    dialect: readYourWritesDialect({ db, writingFunctions: ['own_bump_told'] }),
  })
  // The connections introduce themselves.
  for (const level of ['strong', 'eventual'] as const) {
    await db.read((q) => q.query('SELECT 1'), { level, session: db.session({ key: 'first' }) })
  }
})
afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await Promise.all(spies.map((spy) => spy.end()))
  await bench[Symbol.asyncDispose]()
})
afterEach(async () => {
  await bench.link.heal()
  for (const replica of bench.replicas) {
    if (replica.state === 'paused') await replica.resume()
    await replica.resumeReplay()
    await replica.caughtUp()
  }
})

/** Runs with a session of its own. */
const inSession = <T>(work: () => Promise<T>): Promise<T> => {
  session = db.session({ key: 'ann' })
  return db.run(session, work)
}
const INTRODUCTION = /pg_control_system/
/** What was sent meanwhile, but for the introductions of new connections. */
async function sentBy(work: () => Promise<unknown>): Promise<{ primary: string[]; replicas: string[] }> {
  const { sent } = router
  for (const list of Object.values(sent)) list.length = 0
  await work()
  const without = (list: readonly string[]): string[] => list.filter((text) => !INTRODUCTION.test(text))
  return { primary: without(sent.primary), replicas: [...without(sent.r1), ...without(sent.r2)] }
}
/** Waits until a replica runs a statement that sleeps. */
async function untilAsleep(): Promise<void> {
  const asleep = `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'`
  const look = (replica: pg.Pool) => replica.query(asleep)
  while ((await Promise.all(spies.map(look))).every(({ rowCount }) => rowCount === 0));
}

/** Ends the statements that sleep: the server does not notice that nobody waits for them. */
async function wake(): Promise<void> {
  const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'`
  await Promise.all(spies.map((spy) => spy.query(end)))
}

const note = (id: string) => kysely.selectFrom('note').select('n').where('id', '=', id).executeTakeFirst()
const put = (id: string, n: number) => kysely.insertInto('note').values({ id, n }).execute()

describe('queries alone', () => {
  test('a read costs one message, on a replica, and sees what the session wrote', () =>
    inSession(async () => {
      await put('own', 1)
      const { primary, replicas } = await sentBy(async () => {
        expect(await note('own')).toEqual({ n: 1 })
      })
      expect(primary).toEqual([])
      expect(replicas).toEqual(['select "n" from "note" where "id" = $1'])
      expect(router.lastRead()).toMatchObject({ reason: undefined, level: 'read-your-writes' })
    }))

  test('a write costs two messages, and the token moves with it', () =>
    inSession(async () => {
      const { primary, replicas } = await sentBy(() => put('two', 2))
      expect(replicas).toEqual([])
      expect(primary).toHaveLength(2)
      expect(primary[0]).toBe('insert into "note" ("id", "n") values ($1, $2)')
      expect(session.changed).toBe(true)
    }))

  test('while replicas stand still, the writer reads its write from the primary, others read a replica', () =>
    inSession(async () => {
      for (const replica of bench.replicas) await replica.pauseReplay()
      await put('still', 1)
      expect(await note('still')).toEqual({ n: 1 })
      expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
      expect(await db.run(db.session(), () => note('still'))).toBeUndefined()
    }))

  test('200 reads after writes see them, most of them on replicas', () =>
    inSession(async () => {
      await put('loop', -1)
      const before = router.events.length
      for (let n = 0; n < 200; n++) {
        await kysely.updateTable('note').set({ n }).where('id', '=', 'loop').execute()
        expect(await note('loop')).toEqual({ n })
      }
      const reads = router.events.slice(before).filter(({ type }) => type === 'read')
      const onReplicas = reads.filter((event) => event.type === 'read' && event.target !== 'primary')
      expect(onReplicas.length).toBeGreaterThan(150)
    }))

  test.each([
    ['FOR UPDATE', () => kysely.selectFrom('note').selectAll().forUpdate().limit(1).execute()],
    ['FOR SHARE', () => kysely.selectFrom('note').selectAll().forShare().limit(1).execute()],
    [
      'a CTE that writes',
      () =>
        kysely
          .with('gone', (qb) => qb.deleteFrom('note').where('id', '=', 'nobody').returning('id'))
          .selectFrom('gone')
          .selectAll()
          .execute(),
    ],
    [
      'nextval',
      () => kysely.selectNoFrom((eb) => eb.fn('nextval', [sql.lit('counted_id_seq')]).as('n')).execute(),
    ],
    ['raw SQL that writes', () => sql`update note set n = n where id = 'nobody'`.execute(kysely)],
    [
      'a compiled query',
      () => kysely.executeQuery(CompiledQuery.raw('delete from note where id = $1', ['nobody'])),
    ],
    ['a schema', () => kysely.schema.createTable('made').addColumn('id', 'integer').ifNotExists().execute()],
    ['what no transaction takes', () => sql`vacuum note`.execute(kysely)],
    [
      'a function that is told to write',
      async () => {
        await expect(sql`select own_bump_told('x')`.execute(kysely)).rejects.toThrow('does not exist')
      },
    ],
  ])('goes to the primary at once: %s', (_, run) =>
    inSession(async () => {
      const { primary, replicas } = await sentBy(run)
      expect(replicas).toEqual([])
      expect(primary.length).toBeGreaterThan(0)
    }),
  )

  test.each([
    ['raw SQL that reads', () => sql<{ n: number }>`select 'update' as n -- for update`.execute(kysely)],
    [
      'a join with a CTE',
      () =>
        kysely
          .with('a', (qb) => qb.selectFrom('note').selectAll())
          .selectFrom('a')
          .selectAll()
          .limit(1)
          .execute(),
    ],
    ['a compiled query', () => kysely.executeQuery(CompiledQuery.raw('select 1'))],
    ['introspection', () => kysely.introspection.getSchemas()],
  ])('goes to a replica: %s', (_, run) =>
    inSession(async () => {
      const { primary, replicas } = await sentBy(run)
      expect(primary).toEqual([])
      expect(replicas).toHaveLength(1)
    }),
  )

  test('a function that writes is found out by the replica, run on the primary, and the token moves', () =>
    inSession(async () => {
      const { rows } = await sql<{ n: number }>`select own_bump('found-out') as n`.execute(kysely)
      expect(rows).toEqual([{ n: 1 }])
      expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'wrote' })
      expect(session.changed).toBe(true)
      expect(await note('found-out')).toEqual({ n: 1 })
    }))

  test('results say what those of the Postgres dialect say', () =>
    inSession(async () => {
      const inserted = await kysely
        .insertInto('counted')
        .values([{ name: 'a' }, { name: 'b' }])
        .executeTakeFirstOrThrow()
      expect(inserted).toEqual({ insertId: undefined, numInsertedOrUpdatedRows: 2n })
      const rows = await kysely.insertInto('counted').values({ name: 'c' }).returning('name').execute()
      expect(rows).toEqual([{ name: 'c' }])
      const updated = await kysely.updateTable('counted').set({ name: 'x' }).executeTakeFirstOrThrow()
      expect(updated.numUpdatedRows).toBe(3n)
      const deleted = await kysely.deleteFrom('counted').where('name', '=', 'x').executeTakeFirstOrThrow()
      expect(deleted.numDeletedRows).toBe(3n)
    }))

  test('an error of the server comes out as it is, and the token does not move', () =>
    inSession(async () => {
      await put('twice', 1)
      const { token } = session
      await expect(put('twice', 1)).rejects.toMatchObject({ code: '23505' })
      await expect(sql`select nonsense`.execute(kysely)).rejects.toMatchObject({ code: '42703' })
      expect(session.token).toBe(token)
    }))

  test('a connection that breaks under a write leaves it unknown', () =>
    inSession(async () => {
      const write = sql`insert into note select 'broken', 1 from pg_sleep(60)`.execute(kysely)
      const answer = write.catch((error: unknown) => error)
      for (;;) {
        const { rowCount } = await bench.admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`,
        )
        if (rowCount === 1) break
      }
      expect(await answer).toBeInstanceOf(CommitUnknownError)
      expect(session.changed).toBe(false)
      await put('after-broken', 1) // and the pool has good connections
    }))

  test('an aborted query rejects at once with the reason, and prints nothing', () =>
    inSession(async () => {
      const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
      const reason = new Error('enough')
      const whenAsleep = async (run: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
        const controller = new AbortController()
        const answer = run(controller.signal)
        await untilAsleep()
        controller.abort(reason)
        await expect(answer).rejects.toBe(reason)
        await wake()
      }
      const sleep = kysely.selectNoFrom(sql`pg_sleep(60)`.as('slept'))
      await whenAsleep((signal) => sleep.execute({ signal }))
      await whenAsleep(async (signal) => {
        for await (const row of sleep.stream({ signal })) expect(row).toBeUndefined()
      })
      expect(printed).not.toHaveBeenCalled()
      printed.mockRestore()
    }))

  test('the signal of the first query of a transaction is not that of the others', () =>
    inSession(async () => {
      const controller = new AbortController()
      const { signal } = controller
      const rows = await kysely
        .transaction()
        .setAccessMode('read only')
        .execute(async (trx) => {
          await trx.selectFrom('note').select('n').limit(1).execute({ signal })
          controller.abort()
          return trx.selectNoFrom(sql<number>`1`.as('n')).execute()
        })
      expect(rows).toEqual([{ n: 1 }])
    }))
})

describe('levels and sessions', () => {
  test('a plugin chooses the level, of queries and of transactions that only read', () =>
    inSession(async () => {
      const strong = kysely.withPlugin(routed({ level: 'strong' }))
      await strong.selectFrom('note').select('n').limit(1).execute()
      expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'strong' })
      await strong
        .transaction()
        .setAccessMode('read only')
        .execute((trx) => trx.selectFrom('note').select('n').limit(1).execute())
      expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'strong' })
      await strong
        .withPlugin(routed({ level: 'eventual' }))
        .selectFrom('note')
        .select('n')
        .limit(1)
        .execute()
      expect(router.lastRead()).toMatchObject({ level: 'eventual', reason: undefined })
    }))

  test('the level of the dialect is that of queries that name none', () =>
    inSession(async () => {
      const monotonic = new Kysely<Database>({ dialect: readYourWritesDialect({ db, level: 'monotonic' }) })
      await monotonic.selectFrom('note').select('n').limit(1).execute()
      expect(router.lastRead()).toMatchObject({ level: 'monotonic' })
      expect(session.changed).toBe(true)
    }))

  test('a plugin names the session where the context is lost, also for a transaction', async () => {
    const own = db.session({ key: 'bob' })
    const ofBob = kysely.withPlugin(routed({ session: own }))
    await ofBob.insertInto('note').values({ id: 'bob-1', n: 1 }).execute()
    const { token } = own
    expect(token).toBeDefined()
    await ofBob.transaction().execute((trx) => trx.insertInto('note').values({ id: 'bob-2', n: 2 }).execute())
    expect(own.token).not.toBe(token)
    const seen = await ofBob.selectFrom('note').select('n').where('id', '=', 'bob-2').executeTakeFirst()
    expect(seen).toEqual({ n: 2 })
    expect(router.lastRead()).toMatchObject({ reason: undefined })
  })

  test('a compiled query keeps the level of the instance that compiled it', () =>
    inSession(async () => {
      const strong = kysely.withPlugin(routed({ level: 'strong' }))
      const compiled = strong.selectFrom('note').select('n').limit(1).compile()
      await kysely.executeQuery(compiled)
      expect(router.lastRead()).toMatchObject({ level: 'strong' })
      // Nobody has compiled this one.
      await strong.executeQuery(CompiledQuery.raw('select 1'))
      expect(router.lastRead()).toMatchObject({ level: 'read-your-writes' })
    }))

  test('without a session reads go to the primary', async () => {
    await note('row-1')
    expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'no-session' })
  })

  test('other plugins still work', () =>
    inSession(async () => {
      const shouting: KyselyPlugin = {
        transformQuery: ({ node }) => node,
        transformResult: ({ result }) => Promise.resolve({ ...result, rows: [{ n: 42 }] }),
      }
      const rows = await kysely
        .withPlugin(routed({ level: 'eventual' }))
        .withPlugin(shouting)
        .selectFrom('note')
        .select('n')
        .execute()
      expect(rows).toEqual([{ n: 42 }])
    }))
})

describe('transactions', () => {
  test('are on the primary, see their own writes, and move the token with COMMIT, not before', () =>
    inSession(async () => {
      const { primary, replicas } = await sentBy(() =>
        kysely.transaction().execute(async (trx) => {
          await trx.insertInto('note').values({ id: 'tx', n: 1 }).execute()
          expect(await trx.selectFrom('note').select('n').where('id', '=', 'tx').execute()).toEqual([
            { n: 1 },
          ])
          expect(session.changed).toBe(false)
        }),
      )
      expect(session.changed).toBe(true)
      expect(replicas).toEqual([])
      expect(primary).toHaveLength(4)
      expect(primary[0]).toBe('BEGIN')
      expect(primary[3]).toMatch(/COMMIT; SELECT pg_current_wal_flush_lsn/)
      expect(await note('tx')).toEqual({ n: 1 })
    }))

  test('roll back when the callback throws, and the token stays', () =>
    inSession(async () => {
      const boom = new Error('boom')
      const work = kysely.transaction().execute(async (trx) => {
        await trx.insertInto('note').values({ id: 'rolled-back', n: 1 }).execute()
        throw boom
      })
      await expect(work).rejects.toBe(boom)
      expect(session.changed).toBe(false)
      const strong = kysely.withPlugin(routed({ level: 'strong' }))
      expect(await strong.selectFrom('note').selectAll().where('id', '=', 'rolled-back').execute()).toEqual(
        [],
      )
    }))

  test('that had an error swallowed are reported as rolled back', () =>
    inSession(async () => {
      const work = kysely.transaction().execute(async (trx) => {
        await sql`select 1 / 0`.execute(trx).catch(() => {})
      })
      await expect(work).rejects.toBeInstanceOf(TransactionAbortedError)
      expect(session.changed).toBe(false)
      await put('after-abort', 1)
    }))

  test('that only read run on a replica, as one snapshot, and cannot write', () =>
    inSession(async () => {
      await put('snapshot', 1)
      const reading = kysely.transaction().setAccessMode('read only').setIsolationLevel('repeatable read')
      const { primary, replicas } = await sentBy(() =>
        reading.execute(async (trx) => {
          const read = () =>
            trx.selectFrom('note').select('n').where('id', '=', 'snapshot').executeTakeFirst()
          expect(await read()).toEqual({ n: 1 })
          await bench.admin.query(`UPDATE note SET n = 2 WHERE id = 'snapshot'`)
          await Promise.all(bench.replicas.map((replica) => replica.caughtUp()))
          expect(await read()).toEqual({ n: 1 })
        }),
      )
      expect(primary).toEqual([])
      expect(replicas).toHaveLength(4)
      expect(replicas[0]).toBe('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
      expect(replicas[3]).toBe('COMMIT')
      const write = reading.execute((trx) => trx.deleteFrom('note').execute())
      await expect(write).rejects.toMatchObject({ code: '25006' })
      const rolledBack = reading.execute(async (trx) => {
        await trx.selectFrom('note').selectAll().limit(1).execute()
        throw new Error('boom')
      })
      await expect(rolledBack).rejects.toThrow('boom')
      const swallowed = reading.execute(async (trx) => {
        await sql`select 1 / 0`.execute(trx).catch(() => {})
      })
      await expect(swallowed).rejects.toBeInstanceOf(TransactionAbortedError)
      const triedToWrite = reading.execute(async (trx) => {
        await trx
          .deleteFrom('note')
          .execute()
          .catch(() => {})
      })
      await expect(triedToWrite).rejects.toBeInstanceOf(TransactionAbortedError)
      // Its user knows of the error: nothing is run again for it, on no other server.
      expect(router.lastRead().reason).toBeUndefined()
      // Nothing was left open.
      const { rows } = await sql<{ n: number }>`select 1 as n`.execute(kysely)
      expect(rows).toEqual([{ n: 1 }])
    }))

  test('that only read are on the primary when serializable', () =>
    inSession(async () => {
      const { primary } = await sentBy(() =>
        kysely
          .transaction()
          .setAccessMode('read only')
          .setIsolationLevel('serializable')
          .execute((trx) => trx.selectFrom('note').selectAll().limit(1).execute()),
      )
      expect(primary[0]).toBe('BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY')
    }))

  test('that only read say so when their replica dies in the middle', () =>
    inSession(async () => {
      const work = kysely
        .transaction()
        .setAccessMode('read only')
        .execute(async (trx) => {
          const { rows } = await sql<{ pid: number; port: string }>`
            select pg_backend_pid() as pid, current_setting('port') as port`.execute(trx)
          const spy = spies.find(({ options }) => String(options.port) === rows[0]?.port)
          await spy?.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
          await sql`select 1`.execute(trx).catch(() => {})
        })
      await expect(work).rejects.toBeInstanceOf(ReadInterruptedError)
      expect(await note('row-1')).toEqual({ n: 1 })
    }))

  test('that only read do not hang on a replica that freezes', () =>
    inSession(async () => {
      const work = kysely
        .transaction()
        .setAccessMode('read only')
        .execute(async (trx) => {
          const { rows } = await sql<{ port: string }>`select current_setting('port') as port`.execute(trx)
          await bench.replicas.find(({ port }) => String(port) === rows[0]?.port)?.pause()
          await sql`select 1`.execute(trx)
        })
      await expect(work).rejects.toThrow('Connection terminated')
      expect(await note('row-1')).toEqual({ n: 1 })
    }))

  test('without a query send nothing', () =>
    inSession(async () => {
      const { primary, replicas } = await sentBy(async () => {
        await kysely.transaction().execute(() => Promise.resolve())
        await (await kysely.startTransaction().execute()).rollback().execute()
      })
      expect([primary, replicas]).toEqual([[], []])
    }))

  test('take the isolation levels of Postgres and refuse others', () =>
    inSession(async () => {
      const isolation = () => sql<{ is: string }>`show transaction_isolation`
      const shown = await kysely
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (trx) => (await isolation().execute(trx)).rows)
      expect(shown).toEqual([{ transaction_isolation: 'serializable' }])
      const snapshot = kysely
        .transaction()
        .setIsolationLevel('snapshot')
        .execute(() => Promise.resolve())
      await expect(snapshot).rejects.toThrow(TypeError)
    }))

  test('under control have savepoints, commit and roll back', () =>
    inSession(async () => {
      const trx = await kysely.startTransaction().execute()
      await trx.insertInto('note').values({ id: 'kept', n: 1 }).execute()
      const after = await trx.savepoint('weird "name"').execute()
      await expect(after.insertInto('note').values({ id: 'kept', n: 1 }).execute()).rejects.toMatchObject({
        code: '23505',
      })
      await after.rollbackToSavepoint('weird "name"').execute()
      await after.releaseSavepoint('weird "name"').execute()
      expect(session.changed).toBe(false)
      await trx.commit().execute()
      expect(session.changed).toBe(true)
      expect(await note('kept')).toEqual({ n: 1 })
      const other = await kysely.startTransaction().execute()
      await other.insertInto('note').values({ id: 'dropped', n: 1 }).execute()
      await other.rollback().execute()
      expect(await note('dropped')).toBeUndefined()
    }))

  test('at once keep their sessions apart and give all connections back', async () => {
    const sessions = Array.from({ length: 30 }, () => db.session())
    await Promise.all(
      sessions.map((one, index) =>
        db.run(one, () =>
          kysely.transaction().execute(async (trx) => {
            await trx
              .insertInto('note')
              .values({ id: `many-${index}`, n: index })
              .execute()
          }),
        ),
      ),
    )
    const seen = await Promise.all(sessions.map((one, index) => db.run(one, () => note(`many-${index}`))))
    expect(seen).toEqual(sessions.map((_, index) => ({ n: index })))
  })

  test('whose connection breaks at COMMIT are unknown', () =>
    inSession(async () => {
      const work = kysely.transaction().execute(async (trx) => {
        await trx.insertInto('note').values({ id: 'cut', n: 1 }).execute()
        await bench.link.resetConnections()
      })
      await expect(work).rejects.toBeInstanceOf(CommitUnknownError)
      expect(session.changed).toBe(false)
    }))
})

describe('connection()', () => {
  test('keeps one connection of the primary from its first query that may write', () =>
    inSession(async () => {
      await kysely.connection().execute(async (one) => {
        await sql`create temporary table mine (n int)`.execute(one)
        await sql`insert into mine values (7)`.execute(one)
        expect((await sql`select n from mine`.execute(one)).rows).toEqual([{ n: 7 }])
        await one.transaction().execute(async (trx) => {
          await sql`insert into mine values (8)`.execute(trx)
        })
        expect((await sql`select n from mine`.execute(one)).rows).toHaveLength(2)
        const streamed: unknown[] = []
        for await (const row of one
          .selectFrom(sql<{ n: number }>`mine`.as('m'))
          .select('n')
          .stream(1)) {
          streamed.push(row)
        }
        expect(streamed).toHaveLength(2)
        await sql`drop table mine`.execute(one)
      })
    }))
})

describe('stream()', () => {
  test('reads through a cursor on a replica, chunk by chunk', () =>
    inSession(async () => {
      const { primary, replicas } = await sentBy(async () => {
        const seen: number[] = []
        const rows = kysely
          .selectFrom('note')
          .select('n')
          .where('id', 'like', 'row-%')
          .orderBy('n')
          .stream(300)
        for await (const { n } of rows) seen.push(n)
        expect(seen).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
      })
      expect(primary).toEqual([])
      expect(replicas.filter((text) => text.startsWith('FETCH 300'))).toHaveLength(4)
    }))

  test('ends early, fails and goes on without leaving anything open', () =>
    inSession(async () => {
      for await (const row of kysely.selectFrom('note').select('n').stream(10)) {
        expect(row).toBeDefined()
        break
      }
      const failing = kysely
        .selectFrom('note')
        .select(sql<number>`100 / (n - 500)`.as('q'))
        .where('id', 'like', 'row-%')
        .orderBy('n')
        .stream(50)
      const count = async (): Promise<void> => {
        for await (const row of failing) expect(row).toBeDefined()
      }
      await expect(count()).rejects.toMatchObject({ code: '22012' })
      expect(await note('row-1')).toEqual({ n: 1 })
    }))

  test('sees what a transaction has written, inside of it', () =>
    inSession(async () => {
      await kysely.transaction().execute(async (trx) => {
        await trx.insertInto('note').values({ id: 'in-tx', n: -7 }).execute()
        const seen: unknown[] = []
        for await (const row of trx.selectFrom('note').select('id').where('n', '=', -7).stream())
          seen.push(row)
        expect(seen).toEqual([{ id: 'in-tx' }])
      })
    }))

  test('of a write runs it whole, and moves the token', () =>
    inSession(async () => {
      const seen: unknown[] = []
      const rows = kysely
        .insertInto('note')
        .values([
          { id: 's-1', n: 1 },
          { id: 's-2', n: 2 },
        ])
        .returning('id')
        .stream(1)
      for await (const row of rows) seen.push(row)
      expect(seen).toEqual([{ id: 's-1' }, { id: 's-2' }])
      expect(session.changed).toBe(true)
    }))

  test('of a function that writes moves to the primary before the first row', () =>
    inSession(async () => {
      const seen: unknown[] = []
      for await (const row of kysely.selectNoFrom(sql<number>`own_bump('streamed')`.as('n')).stream())
        seen.push(row)
      expect(seen).toEqual([{ n: 1 }])
      expect(await note('streamed')).toEqual({ n: 1 })
    }))

  test('refuses a chunk size that is none', () =>
    inSession(async () => {
      const all = async (): Promise<void> => {
        for await (const row of kysely.selectFrom('note').select('n').stream(0)) expect(row).toBeUndefined()
      }
      await expect(all()).rejects.toThrow(RangeError)
    }))
})

test.each([
  ['in a session', inSession],
  ['without one', <T>(work: () => Promise<T>) => work()],
])('migrations run: %s', (name, run) =>
  run(async () => {
    const table = `migrated_${name.length}`
    const names = { migrationTableName: `${table}_done`, migrationLockTableName: `${table}_lock` }
    const migrations: Record<string, Migration> = {
      first: { up: (one) => one.schema.createTable(table).addColumn('n', 'integer').execute() },
      second: {
        up: async (one) => {
          await sql`insert into ${sql.table(table)} values (1)`.execute(one)
        },
      },
    }
    const provider = { getMigrations: () => Promise.resolve(migrations) }
    const { error, results } = await new Migrator({ db: kysely, provider, ...names }).migrateToLatest()
    expect(error).toBeUndefined()
    expect(results?.map(({ status }) => status)).toEqual(['Success', 'Success'])
    const again = await new Migrator({ db: kysely, provider, ...names }).migrateToLatest()
    expect(again).toEqual({ error: undefined, results: [] })
  }),
)

test("Kysely's log has every query once", async () => {
  const logged: string[] = []
  const log = ({ query }: LogEvent): void => void logged.push(query.sql)
  const noisy = new Kysely<Database>({ dialect: readYourWritesDialect({ db }), log })
  await inSession(async () => {
    await sql`select 1`.execute(noisy)
    await sql`update note set n = n where false`.execute(noisy)
  })
  expect(logged).toEqual(['select 1', 'update note set n = n where false'])
})

test('wrong options are refused', () => {
  expect(() => readYourWritesDialect({ db: {} as ReadYourWrites })).toThrow(TypeError)
  expect(() => readYourWritesDialect({ db, level: 'fresh' as 'strong' })).toThrow('level must be')
  expect(() => routed({ levels: 'strong' } as object)).toThrow('unknown option levels')
})

test('destroy() leaves the router to its owner', async () => {
  const other = new Kysely<Database>({ dialect: readYourWritesDialect({ db }) })
  await sql`select 1`.execute(other)
  await other.destroy()
  expect(await inSession(() => note('row-1'))).toEqual({ n: 1 })
})
