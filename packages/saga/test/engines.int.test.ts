import { testDatabase } from '@quorate/local-cluster/vitest'
import { systemClock } from '@quorate/core'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSagaEngine, saga, SagaEngineStoppedError, type SagaEvent, SagaStoreError } from '@quorate/saga'
import { AUDIT, checkoutSaga, effectsOf } from './support/checkout.ts'
import { startChild } from './support/child.ts'

const db = await testDatabase()
const pool = new pg.Pool({ connectionString: db.url, max: 10 })
pool.on('error', () => {}) // the server may end a connection that is closing
afterAll(() => pool.end())

beforeAll(async () => {
  await pool.query(AUDIT)
  await using engine = createSagaEngine({ pool, sagas: [], concurrency: 0 })
  await engine.migrate()
})

/** Long enough that a busy machine is not taken for a frozen one. */
const LEASE_MS = 6_000

/** A promise and how to resolve it. */
function latch(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

test('a frozen engine is replaced within its lease, and writes nothing when it thaws', async () => {
  await using child = startChild('./paused-process.ts', [db.url, 'frozen', String(LEASE_MS)])
  expect(await child.line()).toBe('working')
  const paused = saga('paused', { version: 1 })
    .step({ name: 'work', run: () => 'from the heir' })
    .tx({ name: 'book', run: () => 'booked' })
  await using heir = createSagaEngine({ pool, sagas: [paused], leaseMs: LEASE_MS, pollMs: 20 })
  child.kill('SIGSTOP')
  const frozenAtMs = systemClock.monotonic()
  const end = { status: 'completed', results: { work: 'from the heir', book: 'booked' } }
  expect(await heir.handle('frozen').result()).toEqual(end)
  expect(systemClock.monotonic() - frozenAtMs).toBeLessThan(LEASE_MS)
  const before = await heir.get('frozen')
  child.kill('SIGCONT')
  child.process.stdin?.write('go\n')
  expect(await child.line()).toBe('fenced with 1')
  expect(await heir.get('frozen')).toEqual(before)
  expect(await effectsOf(pool, 'frozen')).toEqual({})
})

test('two engines share the work, and each saga runs once', async () => {
  const ran: Record<string, string[]> = { one: [], two: [] }
  const shared = (who: string) =>
    saga('shared', { version: 1 }).step({
      name: 'work',
      run: async ({ sagaId }) => {
        ran[who]?.push(sagaId)
        await pool.query('select 1')
      },
    })
  const definition = shared('client')
  await using client = createSagaEngine({ pool, sagas: [definition], concurrency: 0, pollMs: 20 })
  const ids = [...Array(300).keys()].map((n) => `shared-${n}`)
  const runs = await Promise.all(ids.map((id) => client.start(definition, undefined, { id })))
  await using one = createSagaEngine({ pool, sagas: [shared('one')], concurrency: 10, pollMs: 20 })
  await using two = createSagaEngine({ pool, sagas: [shared('two')], concurrency: 10, pollMs: 20 })
  for (const id of ids) expect((await one.handle(id).result()).status).toBe('completed')
  expect((await two.list({ name: 'shared', limit: 1_000 })).length).toBe(runs.length)
  expect(Object.values(ran).flat().toSorted()).toEqual(ids.toSorted())
  expect(ran['one']?.length).toBeGreaterThan(0)
  expect(ran['two']?.length).toBeGreaterThan(0)
})

test('stop() records the steps in flight and hands the sagas over, with no step run twice', async () => {
  const gate = latch()
  let waiting = 0
  const allIn = latch()
  const first = createSagaEngine({
    pool,
    sagas: [
      checkoutSaga('handover', pool, async (at) => {
        if (at !== 'after charge') return
        if (++waiting === 20) allIn.resolve()
        await gate.promise
      }),
    ],
  })
  const definition = checkoutSaga('handover', pool)
  await using client = createSagaEngine({ pool, sagas: [definition], concurrency: 0 })
  const ids = [...Array(20).keys()].map((n) => `handover-${n}`)
  const runs = await Promise.all(ids.map((id) => client.start(definition, { declined: false }, { id })))
  await allIn.promise
  const handle = first.handle('handover-0').result()
  const stopped = first.stop()
  gate.resolve()
  await expect(handle).rejects.toThrow(SagaEngineStoppedError)
  await stopped
  for (const id of ids) expect(await effectsOf(pool, id)).toEqual({ reserve: 1, charge: 1 })

  await using second = createSagaEngine({ pool, sagas: [definition], pollMs: 20 })
  // Handles made from the id alone, in an engine that started none of them.
  for (const { id } of runs) expect((await second.handle(id).result()).status).toBe('completed')
  for (const id of ids) expect(await effectsOf(pool, id)).toEqual({ reserve: 1, charge: 1, book: 1, ship: 1 })
})

test('a signal reaches a saga from another process, also one sent before the wait', async () => {
  const waits = saga('waits', { version: 1 })
    .waitFor('go', { deadlineMs: 60_000 })
    .sleep('nap', 30)
    .waitFor('stop', { deadlineMs: 60_000 })
  await using engine = createSagaEngine({ pool, sagas: [waits], pollMs: 20 })
  await using other = createSagaEngine({ pool, sagas: [], concurrency: 0 })
  await engine.start(waits, undefined, { id: 'w' })
  expect(await other.signal('w', 'stop', { n: 2 })).toBe(true)
  expect(await other.signal('w', 'go', { n: 1 })).toBe(true)
  expect(await other.handle('w').result()).toEqual({
    status: 'completed',
    results: { go: { n: 1 }, stop: { n: 2 } },
  })
})

test('a retry delay longer than a second frees the saga, and it goes on when it is due', async () => {
  const attempts: number[] = []
  const backs = saga('backs', { version: 1 }).step({
    name: 'call',
    retry: { maxAttempts: 2, baseMs: 1_200 },
    run: ({ attempt }) => {
      attempts.push(attempt)
      if (attempt === 1) throw new Error('busy')
    },
  })
  await using engine = createSagaEngine({ pool, sagas: [backs], pollMs: 20, random: () => 0.99 })
  const run = await engine.start(backs, undefined, { id: 'b' })
  expect((await run.result()).status).toBe('completed')
  expect(attempts).toEqual([1, 2])
  const view = await engine.get('b')
  const at = view?.log.map(({ atMs }) => atMs) ?? []
  expect((at.at(-1) ?? 0) - (at[1] ?? 0)).toBeGreaterThan(1_150)
})

test('a step that rolls back leaves nothing and is retried', async () => {
  const flaky = saga('flaky', { version: 1 }).tx({
    name: 'put',
    retry: { baseMs: 1 },
    run: async ({ tx, attempt }) => {
      await tx.query(`insert into audit (saga, effect, pid) values ('flaky', $1, 0)`, [`attempt ${attempt}`])
      if (attempt === 1) await tx.query('select 1 / 0')
      if (attempt === 2) throw new Error('changed my mind')
    },
  })
  await using engine = createSagaEngine({ pool, sagas: [flaky] })
  const run = await engine.start(flaky, undefined, { id: 'flaky' })
  expect((await run.result()).status).toBe('completed')
  expect(await effectsOf(pool, 'flaky')).toEqual({ 'attempt 3': 1 })
})

test('a transaction that is given up at its timeout commits nothing later', async () => {
  const hangs = saga('hangs', { version: 1 }).tx({
    name: 'put',
    deadlineMs: 50,
    retry: { maxAttempts: 1 },
    run: async ({ tx }) => {
      await tx.query(`insert into audit (saga, effect, pid) values ('hangs', 'put', 0)`)
      await tx.query('select pg_sleep(0.3)')
    },
  })
  await using engine = createSagaEngine({ pool, sagas: [hangs] })
  const run = await engine.start(hangs, undefined, { id: 'hangs' })
  expect(await run.result()).toMatchObject({
    status: 'compensated',
    failure: { code: 'QUORATE_SAGA_STEP_TIMEOUT' },
  })
  expect(await effectsOf(pool, 'hangs')).toEqual({})
})

test('a transaction that idles for a lease is ended by the server and counts as an attempt', async () => {
  const idles = saga('idles', { version: 1 }).tx({
    name: 'put',
    retry: { maxAttempts: 1 },
    run: async ({ tx }) => {
      await tx.query(`insert into audit (saga, effect, pid) values ('idles', 'put', 0)`)
      // Another service, while the row stays locked; it takes as long as the server has patience.
      const { rows } = await tx.query('select pg_backend_pid() as pid')
      while ((await pool.query('select from pg_stat_activity where pid = $1', [rows[0]?.pid])).rowCount === 1)
        await systemClock.sleep(20)
    },
  })
  await using engine = createSagaEngine({ pool, sagas: [idles], leaseMs: 400 })
  const run = await engine.start(idles, undefined, { id: 'idles' })
  const message = expect.stringContaining('idle for 400 ms') as string
  expect(await run.result()).toMatchObject({ status: 'compensated', failure: { message } })
  expect(await effectsOf(pool, 'idles')).toEqual({})
})

test('a three-step saga takes four commits, and 50 that step together share them', async () => {
  const flushes: number[] = []
  const answer = (): Promise<number> => new Promise((resolve) => setImmediate(() => resolve(1)))
  const three = saga<number>('three', { version: 1 })
    .step({ name: 'a', run: answer })
    .step({ name: 'b', run: answer })
    .step({ name: 'c', run: answer })
  await using engine = createSagaEngine({
    pool,
    sagas: [three],
    onEvent: (event) => {
      if (event.type === 'committed') flushes.push(event.writes)
    },
  })
  const one = await engine.start(three, 0, { id: 'three-0' })
  await one.result()
  expect(flushes).toEqual([1, 1, 1, 1])
  flushes.length = 0
  const starts = [...Array(50).keys()].map((n) => engine.start(three, n, { id: `three-${n + 1}` }))
  await Promise.all((await Promise.all(starts)).map((run) => run.result()))
  expect(flushes.reduce((sum, writes) => sum + writes, 0)).toBe(200)
  // Four when all answers come in one turn of the event loop; a busy machine may split a few.
  expect(flushes.length).toBeLessThan(12)
})

test('start() says what is missing when the tables are', async () => {
  const one = saga('one', { version: 1 }).step({ name: 'a', run: () => 1 })
  const events: SagaEvent[] = []
  await using engine = createSagaEngine({
    pool,
    sagas: [one],
    schema: 'missing',
    concurrency: 0,
    onEvent: (event) => events.push(event),
  })
  await expect(engine.start(one, undefined, { id: 'o' })).rejects.toThrow(SagaStoreError)
  await expect(engine.start(one, undefined, { id: 'o' })).rejects.toMatchObject({ outcome: 'not-applied' })
})
