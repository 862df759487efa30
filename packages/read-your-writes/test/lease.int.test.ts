import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  CommitUnknownError,
  PrimaryUnavailableError,
  RouterStoppedError,
  TransactionAbortedError,
  type PrimaryLease,
  type Queryable,
  type Session,
} from '@quorate/read-your-writes'
import { startBench, type Bench, type TestRouter } from './setup.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
  await bench.admin.query(`
    CREATE PROCEDURE quiet(what text) LANGUAGE plpgsql AS $$ BEGIN
      PERFORM set_config('synchronous_commit', 'off', true);
      INSERT INTO note VALUES (what, 1);
      COMMIT;
    END $$`)
  await Promise.all(bench.replicas.map((replica) => replica.caughtUp()))
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(async () => {
  await bench.link.heal()
})

const INSERT = 'INSERT INTO note VALUES ($1, 1)'
const exists = (id: string) => async (q: Queryable) =>
  (await q.query('SELECT 1 FROM note WHERE id = $1', [id])).rowCount === 1

/** Writes notes one by one, and reads each right after it. @returns how many reads were stale, and on replicas. */
async function readAfterWrite(
  { db, events }: TestRouter,
  name: string,
  count: number,
  write: (lease: PrimaryLease, id: string, session: Session) => Promise<unknown>,
): Promise<{ stale: number; onReplicas: number }> {
  const session = db.session({ key: 'ann' })
  const before = events.length
  let stale = 0
  for (let n = 0; n < count; n++) {
    const lease = await db.lease()
    await write(lease, `${name}-${n}`, session)
    lease.release()
    if (!(await db.read(exists(`${name}-${n}`), { session }))) stale++
  }
  const onReplicas = events
    .slice(before)
    .filter((event) => event.type === 'read' && event.target !== 'primary').length
  return { stale, onReplicas }
}

test.each<[string, number, (lease: PrimaryLease, id: string, session: Session) => Promise<unknown>]>([
  ['a statement', 50, (lease, id, session) => lease.execute(INSERT, [id], { session })],
  [
    'a transaction',
    50,
    async (lease, id, session) => {
      await lease.begin()
      await lease.query(INSERT, [id])
      await lease.commit({ session })
    },
  ],
  [
    'a procedure that commits by itself, which waits for no disk',
    10,
    (lease, id, session) => lease.execute('CALL quiet($1)', [id], { session }),
  ],
])('reads see %s, on replicas too', async (name, count, write) => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { stale, onReplicas } = await readAfterWrite(router, name, count, write)
  expect(stale).toBe(0)
  expect(onReplicas).toBeGreaterThan(count / 2)
})

test('also when commits do not wait for the disk, where the flush position comes too early', async () => {
  await bench.admin.query('ALTER ROLE postgres SET synchronous_commit = off')
  await using router = await bench.router({ waitMs: 1_000 })
  await bench.admin.query('ALTER ROLE postgres RESET synchronous_commit')
  const execute = (lease: PrimaryLease, id: string, session: Session) =>
    lease.execute(INSERT, [id], { session })
  expect((await readAfterWrite(router, 'async', 20, execute)).stale).toBe(0)
})

test('and when a function has said so for its own transaction', async () => {
  await bench.admin.query(`CREATE FUNCTION put_quietly(id text) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN SET LOCAL synchronous_commit = off; INSERT INTO note VALUES (id, 1); END $$`)
  await using router = await bench.router({ waitMs: 1_000 })
  const execute = (lease: PrimaryLease, id: string, session: Session) =>
    lease.execute('SELECT put_quietly($1)', [id], { session })
  expect((await readAfterWrite(router, 'function', 3, execute)).stale).toBe(0)
})

test('and when only the transaction of several statements in one text does not wait', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const execute = (lease: PrimaryLease, id: string, session: Session) =>
    lease.execute(`SET LOCAL synchronous_commit = off; INSERT INTO note VALUES ('${id}', 1)`, [], { session })
  expect((await readAfterWrite(router, 'local', 3, execute)).stale).toBe(0)
})

test('and when it is hidden in any other command', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const execute = (lease: PrimaryLease, id: string, session: Session) =>
    lease.execute(
      `EXPLAIN ANALYZE INSERT INTO note SELECT '${id}', 1 FROM set_config('synchronous_commit', 'off', true)`,
      [],
      { session },
    )
  expect((await readAfterWrite(router, 'explained', 3, execute)).stale).toBe(0)
})

test('a statement that reads moves the token, and is no write', async () => {
  await using router = await bench.router()
  const { db, events } = router
  const session = db.session()
  const lease = await db.lease()
  await lease.execute('SELECT 1', [], { session, reads: true })
  lease.release()
  expect(session.changed).toBe(true)
  expect(events.filter(({ type }) => type === 'write')).toEqual([])
})

test('the session is the one it runs in, and one of another kind is refused before the statement', async () => {
  await using router = await bench.router()
  const { db } = router
  const session = db.session()
  const lease = await db.lease()
  await db.run(session, () => lease.execute(INSERT, ['in-session']))
  expect(session.changed).toBe(true)
  const foreign = { token: 'x' } as unknown as Session
  await expect(lease.execute(INSERT, ['foreign'], { session: foreign })).rejects.toThrow(TypeError)
  expect((await lease.query('SELECT 1 FROM note WHERE id = $1', ['foreign'])).rowCount).toBe(0)
  lease.release()
})

test('a lease goes on after errors, aborted transactions and ROLLBACK', async () => {
  await using router = await bench.router()
  const { db } = router
  const session = db.session()
  const lease = await db.lease()
  await expect(lease.execute('nonsense')).rejects.toMatchObject({ code: '42601' })
  await lease.begin()
  await expect(lease.query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' })
  await expect(lease.commit({ session })).rejects.toBeInstanceOf(TransactionAbortedError)
  await lease.begin()
  await lease.query(INSERT, ['undone'])
  await lease.rollback()
  await lease.rollback() // nothing to do
  expect(session.changed).toBe(false)
  await lease.execute(INSERT, ['undone'], { session })
  expect(session.changed).toBe(true)
  lease.release()
  lease.release()
})

test('one that is given back in a transaction is closed, which rolls back', async () => {
  await using router = await bench.router()
  const { db } = router
  const lease = await db.lease()
  await lease.begin()
  await lease.query(INSERT, ['left-open'])
  lease.release()
  const strong = { level: 'strong', session: db.session() } as const
  // The row lock would hold this up if it were still open.
  await db.write((tx) => tx.query(INSERT, ['left-open']))
  expect(await db.read(exists('left-open'), strong)).toBe(true)
})

test('a constraint that COMMIT finds broken is told as it is', async () => {
  await using router = await bench.router()
  const { db } = router
  await bench.admin.query('CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)')
  const lease = await db.lease()
  await lease.begin()
  await lease.query('INSERT INTO late VALUES (1), (1)')
  await expect(lease.commit()).rejects.toMatchObject({ code: '23505' })
  await lease.execute('INSERT INTO late VALUES (1)')
  lease.release()
})

test('on a primary that falls silent nothing hangs, and outcomes are what they are', async () => {
  await using router = await bench.router({ deadlineMs: 400, commitDeadlineMs: 400, probeDeadlineMs: 100 })
  const { db } = router
  const session = db.session()
  // Connections that are there already: to make them takes its time, which is not what the deadline is for.
  const made = await Promise.all([1, 2, 3].map(() => router.pools.primary.connect()))
  for (const one of made) one.release()
  const [alone, open, committing] = await Promise.all([db.lease(), db.lease(), db.lease()])
  await open.begin()
  await committing.begin()
  await committing.query(INSERT, ['silent'])
  await bench.link.partition()
  const outcomes = await Promise.allSettled([
    alone.execute(INSERT, ['alone'], { session }),
    open.query(INSERT, ['open']),
    committing.commit({ session }),
    db.lease(),
  ])
  const errors = outcomes.map((one) => (one.status === 'rejected' ? (one.reason as unknown) : undefined))
  expect(errors[0]).toBeInstanceOf(CommitUnknownError)
  expect(errors[1]).toBeInstanceOf(PrimaryUnavailableError)
  expect(errors[1]).toMatchObject({ outcome: 'not-applied' })
  expect(errors[2]).toBeInstanceOf(CommitUnknownError)
  expect(errors[3]).toBeInstanceOf(PrimaryUnavailableError)
  // What is known to be lost is not even tried.
  await expect(open.commit()).rejects.toMatchObject({ outcome: 'not-applied' })
  await open.rollback()
  for (const lease of [alone, open, committing]) lease.release()
  await bench.link.heal() // or the pool waits for its connections to end
  expect(session.changed).toBe(false)
})

test('misspelt options are refused before anything is sent', async () => {
  await using router = await bench.router()
  const { db } = router
  await expect(db.lease({ signals: undefined } as object)).rejects.toThrow('unknown option signals')
  const lease = await db.lease()
  await expect(lease.execute(INSERT, ['misspelt'], { read: true } as object)).rejects.toThrow(
    'unknown option read',
  )
  await lease.begin()
  await expect(lease.commit({ sessions: undefined } as object)).rejects.toThrow('unknown option sessions')
  await lease.rollback()
  expect((await lease.query('SELECT 1 FROM note WHERE id = $1', ['misspelt'])).rowCount).toBe(0)
  lease.release()
})

test('there is none after stop(), and none for the aborted', async () => {
  await using router = await bench.router()
  const { db } = router
  const reason = new Error('enough')
  await expect(db.lease({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  await db.stop()
  await expect(db.lease()).rejects.toBeInstanceOf(RouterStoppedError)
})
