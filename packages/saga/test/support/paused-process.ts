// A process whose step waits for a line on stdin, to be frozen beyond its lease and thawed.
import { once } from 'node:events'
import pg from 'pg'
import { createSagaEngine, saga } from '@quorate/saga'

const [url, id = '', leaseMs] = process.argv.slice(2)
process.stdin.on('end', () => process.exit()) // the test is gone
const pool = new pg.Pool({ connectionString: url, max: 4 })
const paused = saga('paused', { version: 1 })
  .step({
    name: 'work',
    run: async () => {
      process.stdout.write('working\n')
      await once(process.stdin, 'data')
      return 'from the paused one'
    },
  })
  .tx({
    name: 'book',
    run: ({ tx }) => tx.query('insert into audit (saga, effect, pid) values ($1, $2, 0)', [id, 'late']),
  })
const engine = createSagaEngine({
  pool,
  sagas: [paused],
  leaseMs: Number(leaseMs),
  onEvent: (event) => {
    if (event.type === 'fenced') process.stdout.write(`fenced with ${event.sagas}\n`)
  },
})
await engine.start(paused, undefined, { id })
await new Promise(() => {})
