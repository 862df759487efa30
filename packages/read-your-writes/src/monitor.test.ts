import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import type { ReadYourWritesEvent } from './events.ts'
import { Monitor } from './monitor.ts'
import { settingsOf } from './options.ts'
import type { PgPool } from './postgres/port.ts'
import { Primary } from './primary.ts'
import { Replica } from './replica.ts'

const FACTS = {
  cluster: '1',
  started: '1',
  recovery: false,
  replayed: null,
  page: '8192',
  segment: '16777216',
}
const WHERE = { flushed: '0/5', inserted: '0/5', walfile: '000000010000000000000000' }

interface PrimaryPool extends PgPool {
  isSilent: boolean
  connects: number
  mayConnect: boolean
  /** Of others: its probes have lost their connection. */
  isFull: boolean
  failsWith: Error | undefined
  asked: number
}

/** A primary that answers at once, or not at all. */
function primaryPool(): PrimaryPool {
  const pool = {
    isSilent: false,
    mayConnect: true,
    connects: 0,
    isFull: false,
    failsWith: undefined as Error | undefined,
    asked: 0,
    options: { max: 2 },
    idleCount: 0,
    get totalCount(): number {
      return pool.isFull ? 2 : 1
    },
    connect: async () => {
      pool.connects++
      if (!pool.mayConnect || pool.isFull) await new Promise(() => {})
      return {
        query: async (text: string) => {
          pool.asked++
          if (pool.isFull) throw new Error('Connection terminated')
          if (pool.failsWith !== undefined) throw pool.failsWith
          if (pool.isSilent) await new Promise(() => {})
          return {
            rows: [text.includes('pg_control_system') ? FACTS : WHERE],
            rowCount: 1,
            command: 'SELECT',
          }
        },
        release: () => {},
        on: () => {},
        removeListener: () => {},
      }
    },
  }
  return pool
}

function monitored(pool: PgPool): { clock: VirtualClock; primary: Primary; monitor: Monitor } {
  const settings = settingsOf({
    primary: pool,
    replicas: [],
    secret: 'sixteen bytes and more',
    deadlineMs: 1_000,
    probeIntervalMs: 10_000,
  })
  const clock = new VirtualClock()
  const primary = new Primary(pool, clock, settings)
  return { clock, primary, monitor: new Monitor(primary, [], settings, clock, undefined) }
}

test('one lost probe ends no work on the primary, however long ago it was asked before; the second does', async () => {
  const pool = primaryPool()
  const { clock, primary, monitor } = monitored(pool)
  monitor.start()
  await clock.advance(1)
  let ended: unknown
  primary.running.until(new Promise(() => {})).catch((error: unknown) => (ended = error))
  pool.isSilent = true
  await clock.advance(15_000)
  expect(ended).toBeUndefined()
  pool.isSilent = false
  await clock.advance(10_000)
  pool.isSilent = true
  await clock.advance(10_000)
  expect(ended).toBeUndefined()
  await clock.advance(10_000)
  expect(ended).toMatchObject({ code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE' })
  await monitor.stop()
})

test('probes of a server that takes no connection do not pile up in its pool', async () => {
  const pool = primaryPool()
  pool.mayConnect = false
  const { clock, monitor } = monitored(pool)
  monitor.start()
  await clock.advance(1_000_000)
  expect(pool.connects).toBe(1)
  await monitor.stop()
})

interface ReplicaPool extends PgPool {
  cluster: string
  asked: number
  isFull: boolean
  isCut: boolean
  timeline: number | null
  takesMs: number
}

/** A replica that has replayed up to 5, whose probes lose their connection when its pool is full of others. */
function replicaPool(clock: VirtualClock): ReplicaPool {
  const pool = {
    cluster: '1',
    asked: 0,
    isFull: false,
    /** Connections that were made until now are. */
    isCut: false,
    /** `null`: it receives nothing. */
    timeline: 1 as number | null,
    /** To answer. */
    takesMs: 0,
    options: { max: 2 },
    idleCount: 0,
    get totalCount(): number {
      return pool.isFull ? 2 : 1
    },
    connect: async () => {
      if (pool.isFull) await new Promise(() => {})
      pool.isCut = false
      return {
        query: async (text: string) => {
          pool.asked++
          if (pool.isFull || pool.isCut) throw new Error('Connection terminated')
          if (pool.takesMs > 0) await clock.sleep(pool.takesMs)
          const isIntroduction = text.includes('pg_control_system')
          const row = isIntroduction ? { ...FACTS, cluster: pool.cluster } : { timeline: pool.timeline }
          return { rows: [{ ...row, recovery: true, replayed: '0/5' }], rowCount: 1, command: 'SELECT' }
        },
        release: () => {},
        on: () => {},
        removeListener: () => {},
      }
    },
  }
  return pool
}

/** A monitor of a primary whose head can be moved, and of a replica. */
async function withReplica(change: Partial<Pick<ReplicaPool, 'isFull' | 'cluster'>> = {}): Promise<{
  readonly head: { flushed: string; inserted: string; walfile: string }
  readonly primaryPool: PrimaryPool
  readonly primary: Primary
  readonly replicaPool: ReplicaPool
  readonly replica: Replica
  readonly monitor: Monitor
  readonly events: ReadYourWritesEvent[]
  readonly clock: VirtualClock
  readonly shows: (maxStaleMs?: number) => boolean
  readonly stop: () => Promise<void>
}> {
  const head = { ...WHERE }
  const answering = primaryPool()
  const pool: PgPool = {
    options: { max: 2 },
    idleCount: 0,
    get totalCount(): number {
      return answering.totalCount ?? 0
    },
    connect: async () => {
      const client = await answering.connect()
      return {
        ...client,
        query: async (text: string) => {
          const answer = (await client.query(text)) as { rows: object[] }
          return text.includes('pg_control_system') ? answer : { ...answer, rows: [head] }
        },
      }
    },
  }
  const settings = settingsOf({
    primary: pool,
    replicas: [],
    secret: 'sixteen bytes and more',
    maxLagMs: 2_000,
    deadlineMs: 10_000,
  })
  const clock = new VirtualClock()
  const primary = new Primary(pool, clock, settings)
  const own = replicaPool(clock)
  Object.assign(own, change)
  const replica = new Replica('r1', own, 1)
  const events: ReadYourWritesEvent[] = []
  const monitor = new Monitor(primary, [replica], settings, clock, (event) => void events.push(event))
  monitor.start()
  await clock.advance(500)
  return {
    head,
    primaryPool: answering,
    primary,
    replicaPool: own,
    replica,
    monitor,
    events,
    clock,
    shows: (maxStaleMs = Infinity) => {
      const position = { cluster: '1', timeline: 1, lsn: 5n }
      return replica.shows({ position, maxStaleMs }, clock.monotonic())
    },
    stop: async () => {
      const stopped = monitor.stop()
      await clock.advance(1_000)
      await stopped
    },
  }
}

test('without news a replica shows what it showed, grows older, and is ejected when it may lag too far', async () => {
  const { head, replicaPool: crowded, replica, clock, shows, stop } = await withReplica()
  expect([replica.status, shows(200)]).toEqual(['healthy', true])
  crowded.isFull = true
  Object.assign(head, { flushed: '0/6', inserted: '0/6' })
  await clock.advance(1_500)
  expect([replica.status, shows(), shows(1_000)]).toEqual(['healthy', true, false])
  await clock.advance(1_000)
  expect(replica.status).toBe('lagging')
  await clock.advance(10_000)
  expect(replica.status).toBe('down')
  await stop()
})

test('a replica that has lost its primary shows what it showed, as long as its connection lasts', async () => {
  const { replicaPool: orphan, replica, clock, shows, stop } = await withReplica()
  orphan.timeline = null
  await clock.advance(200)
  expect([replica.status, shows()]).toEqual(['disconnected', true])
  // The next may lead to a server that was started anew, and replays another history.
  orphan.isCut = true
  await clock.advance(200)
  expect([replica.status, shows()]).toEqual(['disconnected', false])
  await stop()
})

test('a replica that always answers after its deadline is ejected, and comes back when it is prompt again', async () => {
  const { replicaPool: slow, replica, events, clock, shows, stop } = await withReplica()
  events.length = 0
  slow.takesMs = 150 // the deadline is 100
  await clock.advance(5_000)
  expect([replica.status, shows()]).toEqual(['slow', true])
  slow.takesMs = 80
  await clock.advance(5_000)
  expect(replica.status).toBe('slow')
  slow.takesMs = 50
  await clock.advance(1_000)
  expect(replica.status).toBe('healthy')
  slow.takesMs = 100
  await clock.advance(5_000)
  const lag = { ms: 0, bytes: 0 }
  expect(events).toEqual([
    { type: 'replica', id: 'r1', status: 'slow', was: 'healthy', lag, cause: undefined },
    { type: 'replica', id: 'r1', status: 'healthy', was: 'slow', lag, cause: undefined },
  ])
  slow.takesMs = 0
  await stop()
})

test('a replica that still follows the timeline before a promotion does not serve', async () => {
  const { head, replicaPool: behind, replica, clock, stop } = await withReplica()
  head.walfile = '000000020000000000000000'
  await clock.advance(300)
  expect(replica.status).toBe('disconnected')
  expect(replica.stalenessMs(clock.monotonic())).toBeUndefined()
  behind.timeline = 2
  await clock.advance(500)
  expect(replica.status).toBe('healthy')
  await stop()
})

test('after a promotion lag and age are counted anew: the log of before may have been longer', async () => {
  const { head, replicaPool: follower, replica, clock, stop } = await withReplica()
  Object.assign(head, { flushed: '0/9', inserted: '0/9' })
  await clock.advance(300)
  Object.assign(head, WHERE, { walfile: '000000020000000000000000' })
  follower.timeline = 2
  await clock.advance(5_000)
  expect([replica.status, replica.lag]).toEqual(['healthy', { ms: 0, bytes: 0 }])
  expect(replica.stalenessMs(clock.monotonic())).toBeLessThanOrEqual(100)
  await stop()
})

test('what is not flushed makes no lag, since nobody was sent it; what queries can see makes old', async () => {
  const { head, replica, clock, shows, stop } = await withReplica()
  head.inserted = '0/9'
  await clock.advance(5_000)
  expect([replica.status, replica.lag, shows(200)]).toEqual(['healthy', { ms: 0, bytes: 0 }, false])
  await stop()
})

test('without news of a replica it stays fresh as long as the primary shows nothing new', async () => {
  const { replicaPool: crowded, clock, shows, stop } = await withReplica()
  crowded.isFull = true
  await clock.advance(1_500)
  expect(shows(200)).toBe(true)
  await stop()
})

test('nobody knows how old a replica of another cluster is', async () => {
  const { replica, clock, stop } = await withReplica({ cluster: '2' })
  expect(replica.status).toBe('healthy')
  expect(replica.stalenessMs(clock.monotonic())).toBeUndefined()
  await stop()
})

test('a replica whose pool is full from the start does not answer: nobody waits for it to be known', async () => {
  const { replica, monitor, stop } = await withReplica({ isFull: true })
  expect([replica.status, monitor.complete]).toEqual(['down', true])
  await stop()
})

test('a replica that hides what it receives is disconnected, and that is told once', async () => {
  const { replicaPool: hiding, replica, events, clock, stop } = await withReplica()
  hiding.timeline = -1
  await clock.advance(1_000)
  expect(replica.status).toBe('disconnected')
  expect(events.filter(({ type }) => type === 'missing-privilege')).toEqual([
    { type: 'missing-privilege', id: 'r1' },
  ])
  await stop()
})

test('of a replica that is down the cause is told', async () => {
  const { replicaPool: silent, events, clock, stop } = await withReplica()
  silent.takesMs = 10_000
  await clock.advance(1_000)
  const cause = expect.objectContaining({ name: 'TimeoutError' }) as unknown
  expect(events.at(-1)).toMatchObject({ type: 'replica', status: 'down', was: 'healthy', cause })
  silent.takesMs = 0
  await stop()
})

test('a primary that answers with errors is there, and what runs on it is left alone; a silent one is not', async () => {
  const { primaryPool: failing, primary, clock, stop } = await withReplica()
  let ended: unknown
  primary.running.until(new Promise(() => {})).catch((error: unknown) => (ended = error))
  failing.failsWith = Object.assign(new Error('too many clients'), { code: '53300', severity: 'FATAL' })
  await clock.advance(30_000)
  expect(ended).toBeUndefined()
  failing.failsWith = new Error('Connection terminated')
  await clock.advance(30_000)
  expect(ended).toMatchObject({ code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE' })
  await stop()
})

test.each<[string, Partial<PrimaryPool>]>([
  ['answers', {}],
  ['fails', { failsWith: new Error('Connection terminated') }],
  ['is not heard of, behind a full pool', { isFull: true }],
])('deadlines of what runs are kept while the primary %s', async (_, change) => {
  const { primaryPool: asked, primary, replica, clock, stop } = await withReplica()
  Object.assign(asked, change)
  const deadline = { atMs: clock.monotonic() + 1_000, error: () => new Error('late') }
  const ended: unknown[] = []
  for (const { running } of [primary, replica]) {
    running.until(new Promise(() => {}), { deadline }).catch((error: unknown) => ended.push(error))
  }
  await clock.advance(900)
  expect(ended).toEqual([])
  await clock.advance(400)
  expect(ended).toEqual([new Error('late'), new Error('late')])
  await stop()
})

test('while somebody waits, healthy replicas are asked often, the primary if it is asked for, others are not', async () => {
  const { primaryPool: first, replicaPool: own, monitor, clock, stop } = await withReplica()
  const ends = new AbortController()
  const askedIn = async (ms: number): Promise<[number, number]> => {
    const before = [first.asked, own.asked] as const
    await clock.advance(ms)
    return [first.asked - before[0], own.asked - before[1]]
  }
  const waits = [monitor.waitUntil(() => false, ends.signal)]
  expect(await askedIn(100)).toEqual([1, 51])
  waits.push(monitor.waitUntil(() => false, ends.signal, true))
  expect(await askedIn(1)).toEqual([1, 1])
  expect(await askedIn(100)).toEqual([50, 50])
  own.timeline = null
  await clock.advance(100)
  expect(await askedIn(100)).toEqual([50, 1])
  ends.abort()
  expect(await Promise.all(waits)).toEqual([false, false])
  await stop()
})

test('who waits is told of stop()', async () => {
  const { monitor, stop } = await withReplica()
  const waiting = monitor.waitUntil(() => false, new AbortController().signal)
  await stop()
  expect(await waiting).toBe(false)
})

test('a primary that was silent before its pool was full is silent still: what runs on it is given up', async () => {
  const { primaryPool: gone, primary, clock, stop } = await withReplica()
  gone.isSilent = true
  let ended: unknown
  primary.running.until(new Promise(() => {})).catch((error: unknown) => (ended = error))
  await clock.advance(8_500)
  gone.isFull = true
  await clock.advance(2_000)
  expect(ended).toMatchObject({ code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE' })
  await stop()
})
