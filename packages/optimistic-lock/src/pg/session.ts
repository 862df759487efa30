import { show } from '../options.ts'
import type { SqlSession } from '../session.ts'

/** The part of `pg.Pool` or `pg.Client` this adapter calls, so the driver stays the caller's choice. */
export interface PgQueryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>
}

/**
 * @param isBound made for a transaction of the caller's.
 * @throws TypeError for what has no `query()`; for a pool where the connection of a transaction is wanted, since it would
 *   run each statement outside of that, and nobody would notice.
 */
export function sessionOf(db: PgQueryable & MaybePoolOrClient, isBound: boolean): SqlSession {
  if (typeof (db as Partial<PgQueryable> | undefined)?.query !== 'function') {
    throw new TypeError(
      `Cannot use the connection: it must be a pg.Pool or pg.Client, with query(), got ${show(db)}`,
    )
  }
  if (isBound && db.totalCount !== undefined) {
    throw new TypeError(
      'Cannot use the transaction: withTransaction() must be given its client, got a pool, which runs each statement on ' +
        'any connection; pass what pool.connect() gave',
    )
  }
  return {
    run: ({ text, values }) => db.query(text, values),
    inTransaction: () => inTransaction(db),
    isBound,
  }
}

/** What tells a pool from a client, in every version of `pg`; the status of a client is newer. */
interface MaybePoolOrClient {
  readonly totalCount?: unknown
  readonly getTransactionStatus?: () => string | null
}

async function inTransaction(db: PgQueryable & MaybePoolOrClient): Promise<boolean> {
  if (db.totalCount !== undefined) return false
  if (typeof db.getTransactionStatus === 'function') return /^[TE]$/.test(db.getTransactionStatus() ?? '')
  // Not by the time it began: over the extended protocol it begins, outside a block too, before the statement does.
  await db.query("SELECT set_config('quorate.inside', 'yes', true)", [])
  const { rows } = await db.query(`SELECT current_setting('quorate.inside', true) AS "inside"`, [])
  return (rows[0] as { inside: string | null }).inside === 'yes'
}
