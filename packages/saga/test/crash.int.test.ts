import { testDatabase } from '@quorate/local-cluster/vitest'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSagaEngine } from '@quorate/saga'
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

/** Starts a process that stops at a point, and kills it there. @returns where it was, or that it ended. */
async function crashAt(name: string, declined: boolean, point: number): Promise<string> {
  await using child = startChild('./engine-process.ts', [db.url, name, String(declined), String(point)])
  return await child.line()
}

test.each([
  { declined: false, status: 'completed' },
  { declined: true, status: 'compensated' },
])('kill -9 at every boundary ends $status', { timeout: 240_000 }, async ({ declined, status }) => {
  const prefix = declined ? 'declined' : 'good'
  const whole = await crashAt(`${prefix}-0`, declined, 0)
  const points = Number(/after (\d+) points/.exec(whole)?.[1])
  expect(whole).toBe(`ended ${status} after ${points} points`)
  expect(points).toBeGreaterThan(declined ? 35 : 25)

  const names = [...Array(points).keys()].map((index) => `${prefix}-${index + 1}`)
  const at = new Map<string, string>()
  const left = names.values()
  const killer = async (): Promise<void> => {
    for (const name of left) at.set(name, await crashAt(name, declined, Number(name.split('-')[1])))
  }
  await Promise.all([killer(), killer(), killer()])
  expect([...at.values()].filter((line) => !line.startsWith('reached'))).toEqual([])

  const sagas = names.map((name) => checkoutSaga(name, pool))
  await using heir = createSagaEngine({ pool, sagas, leaseMs: 1_000, pollMs: 50 })
  for (const definition of sagas) {
    const { name } = definition
    // As whoever asked for the checkout would: its request failed, so it asks again with the same id.
    const run = await heir.start(definition, { declined }, { id: name })
    const end = await run.result()
    const effects = await effectsOf(pool, name)
    const where = `${name} ${at.get(name)}`
    expect([where, end.status]).toEqual([where, status])
    const { charge, ship, 'undo charge': undoCharge, 'undo ship': undoShip, ...tx } = effects
    const exactly = declined
      ? { reserve: 1, book: 1, 'undo reserve': 1, 'undo book': 1 }
      : { reserve: 1, book: 1 }
    expect([where, tx]).toEqual([where, exactly])
    // At least once each, and one more in all at most: the step in flight when the process died.
    const atLeastOnce = [charge, ship, ...(declined ? [undoCharge, undoShip] : [])]
    expect([where, atLeastOnce.every((count) => (count ?? 0) >= 1)]).toEqual([where, true])
    const duplicates = atLeastOnce.reduce<number>((sum, count) => sum + (count ?? 0) - 1, 0)
    expect([where, duplicates <= 1]).toEqual([where, true])
  }
})
