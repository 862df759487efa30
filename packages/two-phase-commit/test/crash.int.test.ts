// kill -9 of a coordinator at every one of its awaits, all of them in one process that dies once: each transfer in it
// stands at a point of its own. Then two recoverers at once, without the lock that keeps them apart.
import { afterAll, expect, test } from 'vitest'
import {
  createCoordinator,
  coLocated,
  type PgPool,
  type PgPoolClient,
  separateLog,
} from '@quorate/two-phase-commit'
import { startChild } from './child.ts'
import { audit, type Bank, coordinatorOf, type Names, oneServer, openBank, type Place } from './support.ts'

const host = await oneServer()
const bank = await openBank(host.urls, { max: 8 })
afterAll(async () => {
  await bank[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})

/** The lines of a process that stops at `points` points at once, then is killed. */
async function crash(place: Place, points: number): Promise<readonly string[]> {
  await using child = startChild('./coordinator-process.ts', [
    JSON.stringify(bank.urls),
    place,
    String(points),
  ])
  const lines: string[] = []
  while (lines.length < Math.max(1, points)) lines.push(await child.line())
  return lines
}

/** Takes the lock away, so that two recoverers are really at it at once. */
function lockless(pool: PgPool): PgPool {
  return {
    async connect() {
      const client: PgPoolClient = await pool.connect()
      return new Proxy(client, {
        get(target, property) {
          if (property === 'query')
            return (text: string, values?: unknown[]) =>
              target.query(text.includes('pg_try_advisory_lock') ? 'SELECT true AS locked' : text, values)
          const value: unknown = Reflect.get(target, property)
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value
        },
      })
    },
  }
}

function recovererOf({ pools }: Bank, place: Place, name: string) {
  return createCoordinator({
    participants: { payments: lockless(pools.payments), orders: lockless(pools.orders) },
    log: place === 'co-located' ? coLocated<Names>('payments') : separateLog(lockless(pools.log)),
    name,
    recoverEveryMs: Infinity,
    orphanAfterMs: 0,
    closeAfterMs: 1,
  })
}

test.each(['co-located', 'separate'] as const)(
  'kill -9 at every await, two recoverers at once (%s)',
  { timeout: 120_000 },
  async (place) => {
    const { pools } = bank
    for (const pool of [pools.payments, pools.orders])
      await pool.query('TRUNCATE transfer; DELETE FROM account')
    const accounts = 'INSERT INTO account SELECT n::text, 100 FROM generate_series(0, 100) n'
    for (const pool of [pools.payments, pools.orders]) await pool.query(accounts)
    {
      await using coordinator = coordinatorOf(bank, place)
      await coordinator.migrate()
    }
    const [whole = ''] = await crash(place, 0)
    const points = Number(/committed 0 after (\d+) points/.exec(whole)?.[1])
    // connect, BEGIN, two statements, and the end: twice each, before and after.
    expect(points).toBeGreaterThanOrEqual(place === 'co-located' ? 22 : 26)
    const lines = await crash(place, points)
    expect(lines.filter((line) => !line.startsWith('reached'))).toEqual([])

    await using one = recovererOf(bank, place, 'one')
    await using two = recovererOf(bank, place, 'two')
    // The servers may not have noticed yet that their client is dead: what is left then is for another pass.
    for (let left = 1; left > 0;) {
      const reports = await Promise.all([one.recover(), two.recover()])
      expect(reports.flatMap((report) => report.unreachable)).toEqual([])
      left = reports.reduce((sum, report) => sum + report.left, 0) + (await audit(bank)).prepared.length
    }
    const { cents, transfers } = await audit(bank)
    expect(cents).toBe(2 * 101 * 100)
    expect(transfers.orders).toEqual(transfers.payments)
    // Those that had got to their record, and no others.
    const at = new Map(lines.map((line) => [line.split(' ')[1], line]))
    const committed = new Set(transfers.payments)
    for (const [id = '', line] of at) {
      const isDecided = /after COMMIT with the record|(before|after) COMMIT PREPARED/.test(line)
      const isUndecided = /before COMMIT with|PREPARE on|BEGIN|UPDATE|INSERT/.test(line)
      expect([line, committed.has(id) ? !isUndecided : !isDecided]).toEqual([line, true])
    }
    // Nor does a record stay for ever: the coordinators are dead, and everybody has what they decided.
    await one.recover()
    const log = place === 'co-located' ? pools.payments : pools.log
    expect((await log.query('SELECT id, decision FROM quorate.tpc_decisions')).rows).toEqual([])
  },
)
