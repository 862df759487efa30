// What must compile and what must not: checked by tsc, never run.
import type pg from 'pg'
import type { z } from 'zod'
import {
  createSagaEngine,
  type PgTx,
  saga,
  type SagaInput,
  type SagaResults,
  type StandardSchema,
} from './index.ts'
import { memorySagaStore, type MemoryTx } from './memory/index.ts'

declare const pool: pg.Pool
declare const schema: z.ZodType<{ by: string }>

const checkout = saga<{ orderId: string; at: Date }>('checkout', { version: 1 })
  .step({
    name: 'reserve',
    run: ({ input }) => {
      const orderId: string = input.orderId
      const at: string = input.at // as JSON gives it back
      return { orderId, at, count: 1 }
    },
    compensate: ({ result }) => {
      // @ts-expect-error the result may be unknown
      const count: number = result.count
      return count
    },
  })
  .tx({
    name: 'book',
    run: ({ tx, results }) => tx.query('select $1', [results.reserve.count]).then(() => new Date(0)),
    compensate: ({ result }) => {
      const at: string = result // always known
      return at
    },
  })
  .waitFor('packed', { deadlineMs: 1, schema })
  .step({
    name: 'ship',
    run: ({ results }) => {
      // @ts-expect-error a step sees only the steps before it
      const later = results.ship
      const by: string = results.packed.by
      return { by, later: String(later) }
    },
  })

const input: SagaInput<typeof checkout> = { orderId: 'o', at: new Date(0) }
declare const results: SagaResults<typeof checkout>
const booked: string = results.book
const by: string = results.ship.by

/** A saga that names its driver's type, one that names the memory store's, and one with no `.tx`. */
const onPg = saga<null, pg.PoolClient>('pg', { version: 1 }).tx({
  name: 'a',
  run: ({ tx }) => tx.escapeLiteral('x'),
})
const onMemory = saga<null, MemoryTx>('memory', { version: 1 }).tx({
  name: 'a',
  run: ({ tx }) => tx.get('x'),
})
const anywhere = saga<null>('anywhere', { version: 1 }).step({ name: 'a', run: () => 1 })

const engine = createSagaEngine({ pool, sagas: [checkout, onPg, anywhere] })
createSagaEngine({ store: memorySagaStore(), sagas: [onMemory, anywhere] })
// @ts-expect-error the memory store has no SQL
createSagaEngine({ store: memorySagaStore(), sagas: [checkout] })
// @ts-expect-error Postgres has no MemoryTx
createSagaEngine({ pool, sagas: [onMemory] })

export const started: Promise<unknown> = engine.start(checkout, input, { id: 'o' })
// @ts-expect-error the input has no orderId
export const wrong: Promise<unknown> = engine.start(checkout, { at: new Date(0) }, { id: 'o' })
export const typed: Promise<string | undefined> = engine
  .handle('o', checkout)
  .result()
  .then((end) => (end.status === 'completed' ? end.results.packed.by : end.failure.step))
export const kept: readonly [string, string, PgTx | undefined, StandardSchema | undefined] = [
  booked,
  by,
  undefined,
  schema,
]
