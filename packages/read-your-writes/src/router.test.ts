import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import type { ReadYourWritesEvent } from './events.ts'
import type { PgPool, PgPoolClient } from './postgres/port.ts'
import { readYourWrites } from './read-your-writes.ts'

const FACTS = { cluster: '1', started: '1', page: '8192', segment: '16777216' }
const PRIMARY = { recovery: false, flushed: '0/5', inserted: '0/5', walfile: '000000010000000000000000' }
const REPLICA = { recovery: true, replayed: '0/5', timeline: 1 }

const clientOf = (row: object): PgPoolClient => ({
  query: () =>
    Promise.resolve({ rows: [{ replayed: null, ...FACTS, ...row }], rowCount: 1, command: 'SELECT' }),
  release: () => {},
  on: () => {},
  removeListener: () => {},
})

/** A replica whose pool has a connection for the probes, and no more. */
function fullPool(): PgPool & { asked: number } {
  const pool = {
    asked: 0,
    options: { max: 2 },
    totalCount: 2,
    idleCount: 0,
    waitingCount: 0,
    connect: () => {
      if (pool.asked++ === 0) return Promise.resolve(clientOf(REPLICA))
      pool.waitingCount++
      return new Promise<PgPoolClient>(() => {})
    },
  }
  return pool
}

test('a read waits behind one full pool, not behind one after the other, before it goes to the primary', async () => {
  const clock = new VirtualClock()
  const pools = [fullPool(), fullPool(), fullPool()]
  const events: ReadYourWritesEvent[] = []
  const db = readYourWrites({
    primary: { connect: () => Promise.resolve(clientOf(PRIMARY)) },
    replicas: pools.map((pool, index) => ({ id: `r${index}`, pool })),
    secret: 'sixteen bytes and more',
    deadlineMs: 1_000,
    clock,
    random: () => 0.5,
    onEvent: (event) => void (event.type === 'read' && events.push(event)),
  })
  await clock.advance(10)
  expect(db.replicas.map(({ status }) => status)).toEqual(['healthy', 'healthy', 'healthy'])
  const reading = db.read((q) => q.query('SELECT 1'), { level: 'eventual' })
  await clock.advance(900)
  expect(events).toEqual([])
  expect(pools.map(({ asked }) => asked).toSorted((a, b) => a - b)).toEqual([1, 1, 2])
  await clock.advance(200)
  expect(events).toMatchObject([{ target: 'primary', reason: 'replica-failed' }])
  await reading
  const stopped = db.stop()
  await clock.advance(200)
  await stopped
})
