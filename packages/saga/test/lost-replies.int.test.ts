import { seededRandom } from '@quorate/core'
import { testDatabase } from '@quorate/local-cluster/vitest'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createSagaEngine, saga } from '@quorate/saga'
import { AUDIT, effectsOf } from './support/checkout.ts'
import { lossyPool } from './support/lossy-pool.ts'

const db = await testDatabase()
const pool = new pg.Pool({ connectionString: db.url, max: 8 })
pool.on('error', () => {}) // the server may end a connection that is closing
afterAll(() => pool.end())

const SEED = process.env['SEED'] ?? String(Date.now())

// Repeat with: SEED=… vitest run --project integration packages/saga/test/lost-replies
test(`lost replies repeat no step of a living engine (SEED=${SEED})`, { timeout: 120_000 }, async () => {
  await pool.query(AUDIT)
  const lossy = lossyPool(pool, seededRandom(SEED), 0.1)
  const audit = 'insert into audit (saga, effect, pid) values ($1, $2, 0)'
  const definition = saga<{ fails: boolean }>('lossy', { version: 1 })
    .tx({
      name: 'reserve',
      run: ({ tx, sagaId }) => tx.query(audit, [sagaId, 'reserve']).then(() => 'r'),
      compensate: ({ tx, sagaId }) => tx.query(audit, [sagaId, 'undo reserve']),
    })
    .step({
      name: 'charge',
      run: ({ sagaId }) => pool.query(audit, [sagaId, 'charge']).then(() => 'c'),
      compensate: ({ sagaId }) => pool.query(audit, [sagaId, 'undo charge']),
    })
    .waitFor('packed', { deadlineMs: 600_000 })
    .tx({ name: 'book', run: ({ tx, sagaId }) => tx.query(audit, [sagaId, 'book']).then(() => 'b') })
    .step({
      name: 'ship',
      retry: { maxAttempts: 1 },
      run: ({ input }) => {
        if (input.fails) throw new Error('no carrier')
      },
    })
  await using quiet = createSagaEngine({ pool, sagas: [], concurrency: 0, pollMs: 20 })
  await quiet.migrate()
  await using engine = createSagaEngine({ pool: lossy, sagas: [definition], pollMs: 20, leaseMs: 60_000 })
  const ids = [...Array(100).keys()].map((n) => `lossy-${n}`)
  const runs = ids.map(async (id, index) => {
    const input = { fails: index % 4 === 0 }
    // A start whose reply was lost is started again with the same id, as its error says.
    const run = await engine.start(definition, input, { id, deadlineMs: 60_000 })
    await quiet.signal(id, 'packed', index)
    return { id, input, end: await run.result() }
  })
  for (const { id, input, end } of await Promise.all(runs)) {
    const forward = { reserve: 1, charge: 1, book: 1 }
    const effects = input.fails ? { ...forward, 'undo reserve': 1, 'undo charge': 1 } : forward
    expect({ id, status: end.status, effects: await effectsOf(pool, id) }).toEqual({
      id,
      status: input.fails ? 'compensated' : 'completed',
      effects,
    })
  }
  expect(lossy.lost).toBeGreaterThan(50)
})
