import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  bounded,
  NotPrimaryError,
  NotReplicatedError,
  PrimaryBusyError,
  PrimaryUnavailableError,
  WriteUnknownError,
} from '@quorate/read-your-writes/ioredis'
import { startRedisBench, type RedisBench } from './ioredis-setup.ts'

let bench: RedisBench
beforeAll(async () => {
  bench = await startRedisBench()
})
afterAll(() => bench[Symbol.asyncDispose]())
beforeEach(async () => {
  await bench.link.heal()
  for (const replica of bench.cluster.replicas) {
    if (replica.state === 'down') await replica.restart()
    if (replica.state === 'paused') await replica.resume()
  }
  for (const name of REPLICAS) await bench.cluster.link('primary', name).heal()
  await Promise.all(bench.cluster.replicas.map((replica) => replica.caughtUp()))
})

const REPLICAS = ['replica-1', 'replica-2'] as const
const put = (key: string, n: number) => (redis: Redis) => redis.set(key, n)
const get =
  (key: string) =>
  async (redis: Redis): Promise<number> =>
    Number(await redis.get(key))
/** From now on these replicas are that far behind. */
const lag = async (ms: number, names: readonly (typeof REPLICAS)[number][] = REPLICAS): Promise<void> => {
  for (const name of names) await bench.cluster.link('primary', name).latency({ ms })
}
/** From now on these replicas show nothing new. */
const freeze = async (names: readonly (typeof REPLICAS)[number][] = REPLICAS): Promise<void> => {
  for (const name of names) await bench.cluster.link('primary', name).partition()
}

test('read() after write() sees the write, on replicas as well, 500 times out of 500', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, events } = router
  const session = db.session()
  for (let n = 1; n <= 500; n++) {
    await db.write(put('loop', n), { session })
    expect(await db.read(get('loop'), { session })).toBe(n)
  }
  const onReplicas = events.filter((event) => event.type === 'read' && event.target !== 'primary')
  expect(onReplicas.length).toBeGreaterThan(400)
})

test('the same reads with no session requirement are stale: the test above can fail', async () => {
  await using router = await bench.router()
  await lag(100)
  await router.db.write(put('control', 1))
  expect(await router.db.read(get('control'), { level: 'eventual' })).toBe(0)
})

test('a read is one command on a replica and none on the primary; a write is its command and one question', async () => {
  await using router = await bench.router({ waitMs: 1_000, probeIntervalMs: 600_000 })
  const { db } = router
  const session = db.session({ key: 'ann' })
  await db.write(put('count', 1), { session })
  await db.read(get('count'), { session })
  const monitors = await Promise.all([router.primary, ...router.clients].map((client) => client.monitor()))
  const seen: string[][] = monitors.map(() => [])
  for (const [index, monitor] of monitors.entries()) {
    monitor.on('monitor', (_time: string, args: string[]) => seen[index]?.push(args[0]?.toLowerCase() ?? ''))
  }
  for (let n = 0; n < 50; n++) await db.read(get('count'), { session })
  await db.write(put('count', 2), { session })
  await db.write(async (redis) => redis.multi().set('x', 1).incr('x').exec(), { session })
  // A command of the test's own tells that all before it have been seen.
  for (const [index, client] of [router.primary, ...router.clients].entries()) {
    await client.echo('end')
    while (!seen[index]?.includes('echo')) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  for (const monitor of monitors) monitor.disconnect()
  const own = (commands: string[] = []): string[] =>
    commands.filter((name) => !['echo', 'replconf', 'ping'].includes(name))
  expect(own(seen[0])).toEqual(['set', 'info', 'multi', 'set', 'incr', 'exec', 'info'])
  const reads = [...own(seen[1]), ...own(seen[2])]
  expect(reads.filter((name) => name === 'get')).toHaveLength(50)
  expect(reads.filter((name) => name === 'info')).toEqual([])
})

test('while both replicas stand still, the writer reads from the primary and others from replicas', async () => {
  await using router = await bench.router()
  const { db, lastRead } = router
  await freeze()
  const writer = db.session()
  await db.write(put('still', 7), { session: writer })
  expect(await db.read(get('still'), { session: writer })).toBe(7)
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
  expect(await db.read(get('still'), { session: db.session() })).toBe(0)
  expect(lastRead().target).not.toBe('primary')
})

test('with one replica behind, all reads of the writer go to the other, whatever the affinity', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, events } = router
  await freeze(['replica-1'])
  for (let user = 1; user <= 20; user++) {
    const session = db.session({ key: `user-${user}` })
    await db.write(put(`one-${user}`, user), { session })
    expect(await db.read(get(`one-${user}`), { session })).toBe(user)
  }
  const targets = events.flatMap((event) => (event.type === 'read' ? [event.target] : []))
  expect(new Set(targets)).toEqual(new Set(['r2']))
})

test('a read waits for a replica that will be there in time', async () => {
  await using router = await bench.router({ waitMs: 5_000, maxLagMs: 60_000 })
  const { db, lastRead } = router
  await lag(30)
  const session = db.session()
  await db.write(put('wait', 1), { session })
  expect(await db.read(get('wait'), { session })).toBe(1)
  expect(lastRead()).toMatchObject({ reason: undefined })
  expect(lastRead().waitedMs).toBeGreaterThan(5)
})

test('a token carries the write to another process', async () => {
  await using here = await bench.router()
  await using there = await bench.router()
  await freeze()
  const mine = here.db.session()
  await here.db.write(put('carried', 5), { session: mine })
  const theirs = there.db.session({ token: mine.token ?? '' })
  expect(await there.db.read(get('carried'), { session: theirs })).toBe(5)
  expect(await there.db.read(get('carried'), { session: there.db.session() })).toBe(0)
})

test('level monotonic never goes back, on whichever replica; level eventual does', async () => {
  await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
  const { db } = router
  await freeze(['replica-2'])
  const seen = { monotonic: [] as number[], eventual: [] as number[] }
  const session = db.session()
  for (let n = 1; n <= 60; n++) {
    await db.write(put('mono', n))
    for (const level of ['monotonic', 'eventual'] as const) {
      seen[level].push(await db.read(get('mono'), { level, session }))
    }
  }
  const goesBack = (values: number[]): boolean => values.some((value, at) => value < (values[at - 1] ?? 0))
  expect(goesBack(seen.monotonic)).toBe(false)
  expect(goesBack(seen.eventual)).toBe(true)
})

test('level causal hands on what was seen, not only what was written', async () => {
  await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
  const { db } = router
  await freeze(['replica-2'])
  await db.write(put('post', 1))
  await bench.cluster.replicas[0]?.caughtUp()
  const reader = db.session()
  // Ann has only read the post, from whichever server shows it; Bob goes on from her token.
  while ((await db.read(get('post'), { level: 'causal', session: reader })) === 0) continue
  for (let n = 0; n < 30; n++) {
    const bob = db.session({ token: reader.token ?? '' })
    expect(await db.read(get('post'), { level: 'causal', session: bob })).toBe(1)
  }
})

test('level bounded takes replicas as long as they are fresh enough, then the primary', async () => {
  await using router = await bench.router({ waitMs: 0, maxLagMs: 60_000 })
  const { db, lastRead } = router
  await db.read(get('x'), { level: bounded({ maxLagMs: 60_000 }) })
  expect(lastRead().target).not.toBe('primary')
  await freeze()
  await db.write(put('bounded', 1))
  const writtenMs = performance.now()
  let [startMs, lastOldMs] = [writtenMs, writtenMs]
  while ((await db.read(get('bounded'), { level: bounded({ maxLagMs: 300 }) })) === 0) {
    lastOldMs = startMs
    startMs = performance.now()
  }
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
  // No read that began when the write was older than its bound was shown less.
  expect(lastOldMs - writtenMs).toBeLessThanOrEqual(300)
  expect(await db.read(get('bounded'), { level: bounded({ maxLagMs: 60_000 }) })).toBe(0)
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

test.each<[string, (redis: Redis) => Promise<unknown>]>([
  ['a command', (redis) => redis.incr('wrote')],
  ['a script', (redis) => redis.eval("return redis.call('incr', KEYS[1])", 1, 'wrote')],
  ['a transaction', (redis) => redis.multi().incr('wrote').exec()],
  ['a pipeline, whose errors nobody looks at', (redis) => redis.pipeline().incr('wrote').exec()],
  ['a command whose error is swallowed', (redis) => redis.incr('wrote').catch(() => 'swallowed')],
])('a read that writes is run again on the primary, and its write is in the token: %s', async (_, work) => {
  await using router = await bench.router()
  const { db, lastRead } = router
  const before = await db.read(get('wrote'), { level: 'strong' })
  const session = db.session()
  await db.read(work, { session })
  expect(lastRead()).toMatchObject({ target: 'primary', reason: 'wrote' })
  await freeze()
  expect(await db.read(get('wrote'), { session })).toBe(before + 1)
})

test('all ways to send commands work on the client that is lent, also with automatic pipelining', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, primary } = router
  primary.options.enableAutoPipelining = true
  const session = db.session()
  primary.defineCommand('double', {
    numberOfKeys: 1,
    lua: "return redis.call('set', KEYS[1], 2 * redis.call('get', KEYS[1]))",
  })
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      db.write(
        async (redis) => {
          await Promise.all([redis.set(`way-${n}`, n), redis.call('SET', `call-${n}`, n)])
          await (redis as Redis & { double(key: string): Promise<unknown> }).double(`way-${n}`)
          await redis.pipeline().incr(`call-${n}`).exec()
        },
        { session },
      ),
    ),
  )
  for (let n = 0; n < 20; n++) {
    expect(await db.read(get(`way-${n}`), { session })).toBe(2 * n)
    expect(await db.read(get(`call-${n}`), { session })).toBe(n + 1)
  }
})

test('with automatic pipelining, each callback answers for its own commands only', async () => {
  await using router = await bench.router({ count: 1 })
  const { db, primary, clients } = router
  for (const client of [primary, ...clients]) client.options.enableAutoPipelining = true
  const [value, written] = await Promise.all([
    db.read((redis) => redis.exists('auto'), { session: db.session() }),
    db.read((redis) => redis.incr('auto').catch(() => 'swallowed'), { session: db.session() }),
  ])
  expect([value, written]).toEqual([0, 1])
})

test('a transaction that is not pipelined gets no question into its middle', async () => {
  await using router = await bench.router({ probeIntervalMs: 600_000 })
  const { db } = router
  const session = db.session()
  const results = await db.write(
    async (redis) => {
      await redis.multi({ pipeline: false })
      await redis.set('open', 1)
      await redis.incr('open')
      return redis.exec()
    },
    { session },
  )
  expect(results).toEqual([
    [null, 'OK'],
    [null, 2],
  ])
  await freeze()
  expect(await db.read(get('open'), { session })).toBe(2)
})

test('a client that is used after its callback refuses', async () => {
  await using router = await bench.router()
  let kept: Redis | undefined
  await router.db.write(async (redis) => {
    kept = redis
    await redis.set('kept', 1)
  })
  await expect(kept?.set('kept', 2)).rejects.toThrow(/the callback has ended/)
  expect(await router.db.read(get('kept'), { level: 'strong' })).toBe(1)
})

test('a tampered token, and one of the Postgres kind, mean the primary, and are replaced there', async () => {
  await using router = await bench.router({ waitMs: 1_000 })
  const { db, lastRead, events } = router
  const mine = db.session()
  await db.write(put('x', 1), { session: mine })
  const good = mine.token ?? ''
  const flipped = `${good.slice(0, 20)}${good[20] === 'A' ? 'B' : 'A'}${good.slice(21)}`
  for (const token of [flipped, 'A'.repeat(64), 'rubbish', 'A'.repeat(5_000)]) {
    const session = db.session({ token })
    await db.read(get('x'), { session })
    expect(lastRead()).toMatchObject({ target: 'primary', reason: 'token-rejected' })
    expect(session.changed).toBe(true)
    await db.read(get('x'), { session })
    expect(lastRead().target).not.toBe('primary')
  }
  const rejections = events.flatMap((event) => (event.type === 'token-rejected' ? [event.rejection] : []))
  expect(rejections).toEqual(['tampered', 'malformed', 'malformed', 'malformed'])
})

test('an error of the callback comes out as it is, and what it has written before is in the token', async () => {
  await using router = await bench.router()
  const { db } = router
  await freeze()
  const session = db.session()
  const error = new Error('mine')
  const failing = db.write(
    async (redis) => {
      await redis.set('half', 1)
      throw error
    },
    { session },
  )
  await expect(failing).rejects.toBe(error)
  expect(await db.read(get('half'), { session })).toBe(1)
  await expect(db.write((redis) => redis.incr('half').then(() => redis.lpush('half', 1)))).rejects.toThrow(
    /WRONGTYPE/,
  )
})

test('maxPrimaryReads refuses what is beyond it, with an error that says nothing was done', async () => {
  await using router = await bench.router({ maxPrimaryReads: 1, waitMs: 0 })
  const { db } = router
  const gate = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  const first = db.read(async () => {
    started.resolve()
    await gate.promise
  })
  await started.promise
  const second = db.read(get('x'))
  await expect(second).rejects.toBeInstanceOf(PrimaryBusyError)
  await expect(second).rejects.toMatchObject({ outcome: 'not-applied', maxPrimaryReads: 1, statusCode: 503 })
  gate.resolve()
  await first
  await db.read(get('x'))
})

describe('waitReplicas', () => {
  test('returns when so many replicas have applied the write, whoever reads there then', async () => {
    await using router = await bench.router({ maxLagMs: 60_000 })
    const { db } = router
    await lag(20)
    for (let n = 1; n <= 10; n++) {
      await db.write(put('everywhere', n), { waitReplicas: 2, waitDeadlineMs: 10_000 })
      for (const client of router.clients) expect(Number(await client.get('everywhere'))).toBe(n)
    }
  })

  test('says that the write stands when too few have it in time, and holds up nobody else', async () => {
    await using router = await bench.router({ maxLagMs: 60_000 })
    const { db } = router
    await freeze(['replica-2'])
    const session = db.session()
    const write = db.write(put('few', 1), { session, waitReplicas: 2, waitDeadlineMs: 300 })
    let others = 0
    const done = new AbortController()
    const load = (async () => {
      while (!done.signal.aborted) {
        await db.write(put('other', 1))
        others++
      }
    })()
    await expect(write).rejects.toBeInstanceOf(NotReplicatedError)
    await expect(write).rejects.toMatchObject({ outcome: 'unknown', wanted: 2, reached: 1, waitedMs: 300 })
    done.abort()
    await load
    expect(others).toBeGreaterThan(20)
    expect(await db.read(get('few'), { session })).toBe(1)
  })

  test.each([-1, 1.5, 3, Number.NaN])('refuses %j of two replicas', async (waitReplicas) => {
    await using router = await bench.router()
    await expect(router.db.write(put('x', 1), { waitReplicas })).rejects.toBeInstanceOf(RangeError)
  })
})

test('the offset that counts is that of what is applied: more is received than can be seen', async () => {
  await using router = await bench.router({ count: 1, waitMs: 0, maxLagMs: 60_000 })
  const { db } = router
  const [client] = router.clients
  const session = db.session()
  await bench.cluster.link('primary', 'replica-1').bandwidth({ bytesPerSecond: 4_000_000 })
  const work = (redis: Redis): Promise<unknown> => {
    const many = redis.multi()
    for (let n = 0; n < 200; n++) many.set('big', 'x'.repeat(10_000))
    return many.set('big', 'the last').exec()
  }
  await db.write(work, { session })
  const facts = async (): Promise<{ read: number; applied: number; length: number }> => {
    // One message, so that both answers are of one moment, or of one in which nothing was applied.
    const answers = await client?.pipeline().info('replication').strlen('big').info('replication').exec()
    const [info, length, again] = (answers ?? []).map(([, value]) => value)
    const read = Number(/slave_read_repl_offset:(\d+)/.exec(String(info))?.[1])
    const applied = Number(/slave_repl_offset:(\d+)/.exec(String(again))?.[1])
    return { read, applied, length: Number(length) }
  }
  let isAhead = 0
  for (;;) {
    const { read, applied, length } = await facts()
    expect(await db.read((redis) => redis.get('big'), { session })).toBe('the last')
    if (length > 0) break
    if (read > applied + 100_000) isAhead++
  }
  expect(isAhead).toBeGreaterThan(0)
})

describe('servers that fail', () => {
  test('a frozen replica does not hold up reads: they run elsewhere, also those already under way', async () => {
    await using router = await bench.router({ probeDeadlineMs: 100 })
    const { db, events, until, lastRead } = router
    await bench.cluster.replicas[0]?.pause()
    const reads = Array.from({ length: 20 }, (_, user) =>
      db.read(get('x'), { session: db.session({ key: `user-${user}` }) }),
    )
    await Promise.all(reads)
    expect(events).toContainEqual(expect.objectContaining({ type: 'replica', id: 'r1', status: 'down' }))
    await db.read(get('x'), { session: db.session() })
    expect(lastRead().target).toBe('r2')
    await bench.cluster.replicas[0]?.resume()
    await until(() => db.replicas[0]?.status === 'healthy')
  })

  test('a killed replica: reads under way run elsewhere, and when it is back empty, nobody believes it', async () => {
    await using router = await bench.router({ maxLagMs: 60_000 })
    const { db, until } = router
    await db.write(put('whole', 1), { waitReplicas: 2, waitDeadlineMs: 10_000 })
    const [killed] = bench.cluster.replicas
    // When it comes back it has no data, and for as long as the wire is cut it cannot get any.
    await bench.cluster.link('primary', 'replica-1').partition({ mode: 'refuse' })
    const session = db.session()
    await db.write(put('whole', 2), { session })
    const done = new AbortController()
    const wrong: number[] = []
    const load = async (user: number): Promise<void> => {
      const stranger = db.session({ key: `user-${user}` })
      while (!done.signal.aborted) {
        const value = await db.read(get('whole'), { session })
        if (value !== 2) wrong.push(value)
        // The driver sends again what was not answered: by then there is another server, an empty one.
        const any = await db.read(get('whole'), { session: stranger })
        if (any === 0) wrong.push(any)
      }
    }
    const loads = Array.from({ length: 40 }, (_, user) => load(user))
    await killed?.kill()
    const restarting = killed?.restart()
    await until(() => db.replicas[0]?.status === 'down' || db.replicas[0]?.status === 'disconnected')
    await until(() => db.replicas[0]?.status === 'disconnected')
    done.abort()
    await Promise.all(loads)
    expect(wrong).toEqual([])
    await bench.cluster.link('primary', 'replica-1').heal()
    await restarting
    await until(() => db.replicas[0]?.status === 'healthy')
  })

  test('a replica that falls behind is ejected and comes back only when it is well again', async () => {
    await using router = await bench.router({ maxLagMs: 300 })
    const { db, events, until } = router
    await freeze(['replica-1'])
    await db.write(put('eject', 1))
    await until(() => db.replicas[0]?.status !== 'healthy')
    await bench.cluster.replicas[1]?.caughtUp()
    expect(await db.read(get('eject'), { level: 'eventual' })).toBe(1)
    await bench.cluster.link('primary', 'replica-1').heal()
    await until(() => db.replicas[0]?.status === 'healthy')
    const alert = events.find((event) => event.type === 'replica' && event.status === 'lagging')
    expect(alert).toMatchObject({ id: 'r1', was: 'healthy' })
  })

  test('a replica behind by bytes is ejected as well', async () => {
    await using router = await bench.router({ maxLagMs: 60_000, maxLagBytes: 1_000 })
    const { db, until } = router
    await freeze(['replica-1'])
    await db.write((redis) => redis.set('bytes', 'x'.repeat(5_000)))
    await until(() => db.replicas[0]?.status === 'lagging')
    expect(db.replicas[0]?.lag?.bytes).toBeGreaterThan(5_000)
  })

  test('a replica whose link is cut counts as disconnected although it has applied all it got', async () => {
    await using router = await bench.router()
    const { db, until, lastRead } = router
    const wire = bench.cluster.link('primary', 'replica-1')
    await wire.partition({ mode: 'refuse' })
    await until(() => db.replicas[0]?.status === 'disconnected')
    for (let user = 0; user < 10; user++) {
      await db.read(get('x'), { level: 'eventual', session: db.session({ key: `user-${user}` }) })
      expect(lastRead().target).toBe('r2')
    }
    await wire.heal()
    await until(() => db.replicas[0]?.status === 'healthy')
  })

  test('with the primary gone, replicas serve what they have and writes say at once that they cannot', async () => {
    await using router = await bench.router({ waitMs: 0, deadlineMs: 1_000 })
    const { db, lastRead, until, events } = router
    const session = db.session()
    await db.write(put('alive', 4), { session, waitReplicas: 2 })
    await bench.link.partition({ mode: 'refuse' })
    await until(() => events.some((event) => event.type === 'primary' && !event.reachable))
    expect(db.primary.reachable).toBe(false)
    expect(await db.read(get('alive'), { session })).toBe(4)
    expect(lastRead().target).not.toBe('primary')
    const write = db.write(put('alive', 5), { session })
    await expect(write).rejects.toBeInstanceOf(PrimaryUnavailableError)
    await expect(write).rejects.toMatchObject({ outcome: 'not-applied', statusCode: 503 })
    await expect(db.read(get('alive'), { level: 'strong' })).rejects.toBeInstanceOf(PrimaryUnavailableError)
    await bench.link.heal()
    await until(() => events.at(-1)?.type === 'primary')
    expect(await db.read(get('alive'), { level: 'strong' })).toBe(4)
  })

  test('a replica that is far behind serves when the primary is gone, if it has what is wanted', async () => {
    await using router = await bench.router({ waitMs: 0, maxLagMs: 200, deadlineMs: 1_000 })
    const { db, lastRead, until } = router
    const session = db.session()
    await db.write(put('resort', 1), { session, waitReplicas: 2 })
    await freeze()
    await db.write(put('resort', 2))
    await until(() => db.replicas.every(({ status }) => status === 'lagging'))
    await bench.link.partition({ mode: 'refuse' })
    expect(await db.read(get('resort'), { session })).toBe(1)
    expect(lastRead().target).not.toBe('primary')
  })

  test('a write whose answer does not come is unknown, within the deadline; its session reads from the primary', async () => {
    await using router = await bench.router({ waitMs: 0, deadlineMs: 300, probeDeadlineMs: 100 })
    const { db, until, lastRead } = router
    const session = db.session()
    await bench.link.partition({ direction: 'from' })
    const write = db.write(put('hang', 1), { session })
    await expect(write).rejects.toBeInstanceOf(WriteUnknownError)
    await expect(write).rejects.toMatchObject({ outcome: 'unknown', sent: 1 })
    expect(session.changed).toBe(true)
    const handed = db.session({ token: session.token ?? '' })
    await expect(db.read(get('hang'), { session: handed })).rejects.toBeInstanceOf(PrimaryUnavailableError)
    await bench.link.heal()
    await until(() => router.events.some((event) => event.type === 'primary' && !event.reachable))
    await db.ready()
    await db.write(put('after', 1))
    await db.read(get('hang'), { session: handed })
    expect(lastRead()).toMatchObject({ target: 'primary', reason: 'old-timeline' })
    await bench.cluster.replicas[0]?.caughtUp()
    await until(() => db.replicas.every(({ status }) => status === 'healthy'))
    await db.read(get('hang'), { session: handed })
    expect(['r1', 'r2', 'primary']).toContain(lastRead().target)
  })

  test('a write that is aborted: before anything was sent it is the reason, after it the outcome is unknown', async () => {
    await using router = await bench.router()
    const { db } = router
    await expect(db.write(put('x', 1), { signal: AbortSignal.abort('early') })).rejects.toBe('early')
    const abort = new AbortController()
    const late = db.write(
      async (redis) => {
        await redis.set('x', 1)
        abort.abort('enough')
        await new Promise(() => {})
      },
      { signal: abort.signal },
    )
    await expect(late).rejects.toMatchObject({ outcome: 'unknown', cause: 'enough' })
  })

  test('a client that leads to a replica is told apart from a primary', async () => {
    await using router = await bench.router({ count: 1 })
    const { db, until, events } = router
    await bench.link.retarget({ port: bench.cluster.replicas[1]?.port ?? 0 })
    await bench.link.resetConnections()
    await until(() => events.some((event) => event.type === 'primary' && !event.reachable))
    await expect(db.write(put('x', 1))).rejects.toBeInstanceOf(NotPrimaryError)
    await expect(db.read(get('x'), { level: 'strong' })).rejects.toMatchObject({ outcome: 'not-applied' })
    await bench.link.retarget({ port: bench.cluster.primary.port })
    await bench.link.resetConnections()
  })

  test('stop() ends what runs, and what comes later is refused', async () => {
    const router = await bench.router()
    const { db } = router
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const read = db.read(async () => {
      started.resolve()
      await gate.promise
    })
    await started.promise
    await Promise.all([db.stop(), expect(read).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })])
    await expect(db.read(get('x'))).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
    await expect(db.write(put('x', 1))).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
    expect(router.primary.listenerCount('close')).toBe(0)
    gate.resolve()
    await router[Symbol.asyncDispose]()
  })
})

test('withLevel() is the level of the reads below that name none', async () => {
  await using router = await bench.router()
  const { db, lastRead } = router
  await db.withLevel('strong', () => db.read(get('levels')))
  expect(lastRead()).toMatchObject({ level: 'strong', target: 'primary' })
  await db.withLevel('strong', () => db.read(get('levels'), { level: 'eventual' }))
  expect(lastRead().level).toBe('eventual')
})
