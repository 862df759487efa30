import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { Monitor } from './monitor.ts'
import { settingsOf } from './options.ts'
import type { PgPool } from './postgres/port.ts'
import { Primary } from './primary.ts'

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
