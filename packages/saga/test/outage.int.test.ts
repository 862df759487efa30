import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createSagaEngine, type SagaEvent } from '@quorate/saga'
import { AUDIT, checkoutSaga } from './support/checkout.ts'

test('Postgres killed and restarted in the middle: nothing lost, nothing twice, nothing hangs', async () => {
  await using cluster = await localCluster({ postgres: { main: {} } })
  const { primary } = cluster.postgres.main
  const pool = new pg.Pool({ connectionString: primary.url, max: 10 })
  const events: SagaEvent[] = []
  // No listener on the pool: the engine's own must do.
  const definition = checkoutSaga('checkout', pool)
  const engine = createSagaEngine({ pool, sagas: [definition], onEvent: (event) => events.push(event) })
  await engine.migrate()
  await pool.query(AUDIT)

  const total = 400
  let started = 0
  const results: string[] = []
  const client = async (): Promise<void> => {
    while (started < total) {
      const n = started++
      if (n === 150) {
        await primary.kill()
        await primary.restart()
      }
      const run = await engine.start(definition, { declined: false }, { id: `o-${n}`, deadlineMs: 30_000 })
      results.push((await run.result()).status)
    }
  }
  await Promise.all(Array.from({ length: 40 }, client))
  const count = (status: string): number => results.filter((other) => other === status).length
  expect(count('completed') + count('compensated')).toBe(total)
  expect(events.some(({ type }) => type === 'store-fault')).toBe(true)
  expect(await engine.list({ status: 'running' })).toEqual([])
  expect(await engine.list({ status: 'needs-attention' })).toEqual([])
  const { rows } = await pool.query<{ effect: string; sagas: number; times: number }>(
    `select effect, count(distinct saga)::int as sagas, count(*)::int as times from audit
     where effect in ('reserve', 'book') group by 1 order by 1`,
  )
  for (const { sagas, times } of rows) expect(times).toBe(sagas)
  await engine.stop()
  pool.on('error', () => {}) // the server may end a connection that is closing
  await pool.end()
})
