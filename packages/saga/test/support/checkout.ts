import type pg from 'pg'
import { NonRetryableError, type PgTx, type Saga, saga } from '@quorate/saga'

/** Every effect ever, in the order in which it happened: nothing deletes from it. */
export const AUDIT = `create table audit (
  n bigint generated always as identity, saga text not null, effect text not null, pid integer not null)`

export interface CheckoutInput {
  readonly declined: boolean
}

/** Called before and after each effect. */
export type Hook = (at: string) => Promise<void> | void

/** A saga whose effects are rows: of `.step` in a commit of their own, of `.tx` in the checkpoint's. */
export function checkoutSaga(
  name: string,
  pool: pg.Pool,
  hook: Hook = () => {},
): Saga<CheckoutInput, object, PgTx, PgTx> {
  const sql = 'insert into audit (saga, effect, pid) values ($1, $2, $3)'
  const effect = async (id: string, what: string): Promise<string> => {
    await hook(`before ${what}`)
    await pool.query(sql, [id, what, process.pid])
    await hook(`after ${what}`)
    return what
  }
  return saga<CheckoutInput>(name, { version: 1 })
    .tx({
      name: 'reserve',
      run: async ({ tx, sagaId }) => {
        await tx.query(sql, [sagaId, 'reserve', process.pid])
        return { sku: 'x' }
      },
      compensate: ({ tx, sagaId }) => tx.query(sql, [sagaId, 'undo reserve', process.pid]),
    })
    .step({
      name: 'charge',
      run: ({ sagaId }) => effect(sagaId, 'charge'),
      compensate: ({ sagaId }) => effect(sagaId, 'undo charge'),
    })
    .tx({
      name: 'book',
      run: async ({ tx, sagaId }) => {
        await tx.query(sql, [sagaId, 'book', process.pid])
        return 'booked'
      },
      compensate: ({ tx, sagaId }) => tx.query(sql, [sagaId, 'undo book', process.pid]),
    })
    .step({
      name: 'ship',
      run: async ({ input, sagaId }) => {
        await effect(sagaId, 'ship')
        if (input.declined) throw new NonRetryableError('no carrier')
      },
      compensate: ({ sagaId }) => effect(sagaId, 'undo ship'),
    })
}

/** How often each effect happened to a saga. */
export async function effectsOf(pool: pg.Pool, id: string): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ effect: string; count: number }>(
    'select effect, count(*)::int from audit where saga = $1 group by 1',
    [id],
  )
  return Object.fromEntries(rows.map(({ effect, count }) => [effect, count]))
}
