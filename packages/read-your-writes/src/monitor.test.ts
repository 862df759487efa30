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

/** A primary that answers at once, or not at all. */
function primaryPool(): PgPool & { isSilent: boolean; connects: number; mayConnect: boolean } {
  const pool = {
    isSilent: false,
    mayConnect: true,
    connects: 0,
    connect: async () => {
      pool.connects++
      if (!pool.mayConnect) await new Promise(() => {})
      return {
        query: async (text: string) => {
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

/** A replica that has replayed up to 5, whose probes lose their connection when its pool is full of others. */
function replicaPool(
  clock: VirtualClock,
): PgPool & { isFull: boolean; isCut: boolean; timeline: number | null; takesMs: number } {
  const pool = {
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
          if (pool.isFull || pool.isCut) throw new Error('Connection terminated')
          if (pool.takesMs > 0) await clock.sleep(pool.takesMs)
          const row = text.includes('pg_control_system') ? FACTS : { timeline: pool.timeline }
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
async function withReplica(): Promise<{
  readonly head: { flushed: string; inserted: string; walfile: string }
  readonly replicaPool: ReturnType<typeof replicaPool>
  readonly replica: Replica
  readonly events: ReadYourWritesEvent[]
  readonly clock: VirtualClock
  readonly shows: (maxStaleMs?: number) => boolean
  readonly stop: () => Promise<void>
}> {
  const head = { ...WHERE }
  const answering = primaryPool()
  const pool: PgPool = {
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
  const replica = new Replica('r1', own, 1)
  const events: ReadYourWritesEvent[] = []
  const monitor = new Monitor(primary, [replica], settings, clock, (event) => void events.push(event))
  monitor.start()
  await clock.advance(500)
  return {
    head,
    replicaPool: own,
    replica,
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
  behind.timeline = 2
  await clock.advance(500)
  expect(replica.status).toBe('healthy')
  await stop()
})
