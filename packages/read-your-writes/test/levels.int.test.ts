import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '@quorate/core'
import { bounded, type Level, type Queryable, type ReadOptions } from '@quorate/read-your-writes'
import { SECRET, startBench, type Bench } from './setup.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench[Symbol.asyncDispose]())
afterEach(async () => {
  await bench.link.heal()
  for (const replica of bench.replicas) {
    if (replica.state === 'paused') await replica.resume()
    await replica.resumeReplay()
    await replica.caughtUp()
  }
})

const put = (id: string, n: number) => (tx: Queryable) =>
  tx.query('INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n', [id, n])
const get =
  (id: string) =>
  async (q: Queryable): Promise<number | undefined> => {
    const { rows } = await q.query<{ n: number }>('SELECT n FROM note WHERE id = $1', [id])
    return rows[0]?.n
  }

describe('bounded', () => {
  test('shows nothing older than its bound while replicas lag, 300 reads long; with no bound it is older', async () => {
    await using router = await bench.router({ waitMs: 0, maxLagMs: 20_000, probeIntervalMs: 20 })
    const { db, events } = router
    /** When each value was surely committed. */
    const committedAtMs: number[] = []
    const write = async (n: number): Promise<void> => {
      await bench.admin.query(
        `INSERT INTO note VALUES ('bounded', $1) ON CONFLICT (id) DO UPDATE SET n = $1`,
        [n],
      )
      committedAtMs.push(performance.now())
    }
    await write(0)
    for (const replica of bench.replicas) await replica.caughtUp()
    const tooOld = { bounded: 0, eventual: 0 }
    for (let n = 1; n <= 300; n++) {
      if (n % 40 === 10) await bench.replicas[n % 2]?.pauseReplay()
      if (n % 40 === 30) for (const replica of bench.replicas) await replica.resumeReplay()
      await write(n)
      for (const level of [bounded({ maxLagMs: 30 }), 'eventual'] as const) {
        const startedAtMs = performance.now()
        const seen = (await db.read(get('bounded'), { level })) ?? -1
        const next = committedAtMs[seen + 1]
        if (next !== undefined && startedAtMs - next > 30) tooOld[level === 'eventual' ? level : 'bounded']++
      }
    }
    expect(tooOld.bounded).toBe(0)
    expect(tooOld.eventual).toBeGreaterThan(0)
    const claimed = events.flatMap((event) =>
      event.type === 'read' && event.level !== 'eventual' && event.target !== 'primary'
        ? [event.stalenessMs ?? Infinity]
        : [],
    )
    expect(claimed.length).toBeGreaterThan(50)
    expect(Math.max(...claimed)).toBeLessThanOrEqual(30)
  })

  test('a bound below the interval of the probes asks the servers, and is served by a replica', async () => {
    await using router = await bench.router({ waitMs: 5_000, probeIntervalMs: 1_000 })
    const { db, lastRead } = router
    const level = bounded({ maxLagMs: 40 })
    for (let n = 0; n < 10; n++) {
      await db.read(get('x'), { level })
      expect(lastRead().target).not.toBe('primary')
      expect(lastRead().stalenessMs).toBeLessThanOrEqual(40)
    }
  })

  test('an unreachable primary makes all replicas unboundedly old: the read says so, eventual ones go on', async () => {
    await using router = await bench.router({ waitMs: 0 })
    const { db, until, events, lastRead } = router
    await bench.link.partition({ mode: 'refuse' })
    await until(() => events.some((event) => event.type === 'primary' && !event.reachable))
    const isOld = async (): Promise<boolean> =>
      db.read(get('x'), { level: bounded({ maxLagMs: 50 }) }).then(
        () => false,
        (error: { code?: string }) => error.code === 'QUORATE_RYW_PRIMARY_UNAVAILABLE',
      )
    while (!(await isOld())) continue
    await db.read(get('x'), { level: 'eventual' })
    expect(lastRead().target).not.toBe('primary')
  })

  test('with a session it sees the session’s own writes as well', async () => {
    await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
    const { db, lastRead } = router
    for (const replica of bench.replicas) await replica.pauseReplay()
    const session = db.session()
    await db.write(put('mine', 3), { session })
    const level = bounded({ maxLagMs: 60_000 })
    expect(await db.read(get('mine'), { session, level })).toBe(3)
    expect(lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
    expect(await db.read(get('mine'), { level })).toBeUndefined()
  })
})

test('causal: who goes on from a reader’s token sees what the reader saw (post before comment)', async () => {
  await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
  const { db } = router
  await bench.replicas[0]?.pauseReplay()
  // Ann posts; Bob sees it on the replica that has it, and comments elsewhere; Cleo gets Bob's token only.
  await db.write(put('post', 1))
  await bench.replicas[1]?.caughtUp()
  const bob = db.session()
  const seesPost = (): Promise<number | undefined> => db.read(get('post'), { session: bob, level: 'causal' })
  while ((await seesPost()) === undefined) continue
  const seen = { causal: [] as unknown[], eventual: [] as unknown[] }
  for (const level of ['causal', 'eventual'] as const) {
    for (let reader = 0; reader < 20; reader++) {
      const cleo = db.session({ key: `cleo-${reader}`, token: bob.token as string })
      seen[level].push(await db.read(get('post'), { session: cleo, level }))
    }
  }
  expect(new Set(seen.causal)).toEqual(new Set([1]))
  expect(new Set(seen.eventual)).toEqual(new Set([1, undefined]))
})

test('one token goes through two databases, and holds in both', async () => {
  await using other = await startBench()
  await using here = await bench.router({ name: 'here', waitMs: 0, maxLagMs: 60_000 })
  await using there = await other.router({ name: 'there', waitMs: 0, maxLagMs: 60_000 })
  for (const { replicas } of [bench, other]) for (const replica of replicas) await replica.pauseReplay()
  const first = here.db.session()
  await here.db.write(put('both', 1), { session: first })
  // The second service has not seen this session before: it asks its primary, and adds its own position.
  const second = there.db.session({ token: first.token as string })
  await there.db.read(get('both'), { session: second })
  expect(there.lastRead()).toMatchObject({ target: 'primary', reason: 'token-rejected' })
  await there.db.write(put('both', 2), { session: second })
  const third = here.db.session({ token: second.token as string })
  expect(await here.db.read(get('both'), { session: third })).toBe(1)
  expect(here.lastRead()).toMatchObject({ reason: 'behind' })
  const fourth = there.db.session({ token: second.token as string })
  expect(await there.db.read(get('both'), { session: fourth })).toBe(2)
  expect(there.lastRead()).toMatchObject({ reason: 'behind' })
  for (const replica of other.replicas) await replica.resumeReplay()
  for (const replica of other.replicas) await replica.caughtUp()
  do await there.db.read(get('both'), { session: fourth })
  while (there.lastRead().target === 'primary')
  expect(await there.db.read(get('both'), { session: fourth })).toBe(2)
})

test('a token of a key that is gone, and an old one, mean the primary and are replaced', async () => {
  await using before = await bench.router()
  const old = before.db.session()
  await before.db.write(put('keys', 1), { session: old })
  await using after = await bench.router({ secret: 'quite another secret, for tests' })
  await using rotated = await bench.router({ secret: ['quite another secret, for tests', SECRET] })
  const unknown = after.db.session({ token: old.token as string })
  await after.db.read(get('keys'), { session: unknown })
  expect(after.lastRead()).toMatchObject({ target: 'primary', reason: 'token-rejected' })
  expect(after.events).toContainEqual({ type: 'token-rejected', rejection: 'unknown-key' })
  expect(unknown.token).toBeDefined()
  const known = rotated.db.session({ token: old.token as string })
  await rotated.db.read(get('keys'), { session: known })
  expect(rotated.events.some(({ type }) => type === 'token-rejected')).toBe(false)

  // An hour later by the wall clock, which may have jumped as well.
  const clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 }
  await using later = await bench.router({ clock, maxTokenAgeMs: 60_000 })
  const expired = later.db.session({ token: old.token as string })
  expect(await later.db.read(get('keys'), { session: expired })).toBe(1)
  expect(later.lastRead()).toMatchObject({ target: 'primary', reason: 'token-rejected' })
  expect(later.events).toContainEqual({ type: 'token-rejected', rejection: 'expired' })
})

describe('read-only transactions', () => {
  test('all queries of a snapshot see one state, on a replica', async () => {
    await using router = await bench.router({ waitMs: 1_000 })
    const { db, lastRead } = router
    const session = db.session()
    await db.write(put('snapshot', 1), { session })
    const seen: (number | undefined)[] = []
    const twice = async (q: Queryable): Promise<void> => {
      seen.push(await get('snapshot')(q))
      await db.write(put('snapshot', 2 + seen.length))
      for (const replica of bench.replicas) await replica.caughtUp()
      seen.push(await get('snapshot')(q))
    }
    await db.read(twice, { session, transaction: 'repeatable read' })
    expect(lastRead().target).not.toBe('primary')
    await db.read(twice, { session, transaction: 'read committed' })
    expect(seen).toEqual([1, 1, 3, 5])
  })

  test('a failed one is rolled back and its connection serves again; a write in it fails, on the primary too', async () => {
    await using router = await bench.router({ waitMs: 0 })
    const { db } = router
    for (const level of ['eventual', 'strong'] as const) {
      const failing = db.read((q) => q.query('SELECT 1/0'), { level, transaction: 'repeatable read' })
      await expect(failing).rejects.toMatchObject({ code: '22012' })
      const writing = db.read(put('never', 1), { level, transaction: 'repeatable read' })
      await expect(writing).rejects.toMatchObject({ code: '25006' })
      const { rows } = await db.read(
        (q) => q.query<{ on: string }>(`SELECT current_setting('transaction_read_only') AS on`),
        { level: 'strong' },
      )
      expect(rows[0]?.on).toBe('off')
    }
    expect(await db.read(get('never'), { level: 'strong' })).toBeUndefined()
  })
})

test('the callback’s own network errors are not taken for the server’s', async () => {
  await using router = await bench.router({ waitMs: 0 })
  const { db, events } = router
  const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  let calls = 0
  const failing = async (q: Queryable): Promise<never> => {
    calls++
    await q.query('SELECT 1')
    throw error
  }
  await expect(db.read(failing, { level: 'eventual' })).rejects.toBe(error)
  await expect(db.write(failing)).rejects.toBe(error)
  expect(calls).toBe(2)
  expect(events.filter(({ type }) => type === 'read')).toEqual([])
})

test('a query builder that wraps the server’s refusal does not hide it: the read runs on the primary', async () => {
  await using router = await bench.router({ waitMs: 0 })
  const { db, lastRead } = router
  const wrapped = (q: Queryable): Promise<unknown> =>
    q.query(`SELECT n FROM note FOR UPDATE`).catch((cause: unknown) => {
      throw new Error('Failed query', { cause })
    })
  await db.read(wrapped, { level: 'eventual' })
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'wrote' })
})

test('withLevel() is the level of the reads below that name none; the innermost counts, and read() over all', async () => {
  await using router = await bench.router()
  const { db, lastRead } = router
  const level = async (options: ReadOptions = {}): Promise<Level> => {
    await db.read(get('levels'), options)
    return lastRead().level
  }
  await db.withLevel('eventual', async () => {
    await Promise.resolve()
    expect(await level()).toBe('eventual')
    expect(await level({ level: 'strong' })).toBe('strong')
    await db.withLevel('monotonic', async () => expect(await level()).toBe('monotonic'))
    expect(await level()).toBe('eventual')
  })
  expect(await level()).toBe('read-your-writes')
})
