import type { Shape } from '../names.ts'
import { Sql, type Statement } from '../statements.ts'
import type { KeyValues } from '../types.ts'

/** How long to wait for a row, and how long to have it. */
export interface Limits {
  readonly wait: 'wait' | 'nowait' | 'skip'
  readonly lockTimeoutMs: number
  readonly holdTimeoutMs: number
}

/**
 * The row, locked, with the time its transaction began. The limits are set in the same statement, and before the row is
 * looked up: what is LATERAL cannot be run before that which it depends on.
 */
export function lockRow(
  shape: Shape,
  key: KeyValues,
  { wait, lockTimeoutMs, holdTimeoutMs }: Limits,
): Statement {
  const sql = new Sql(shape)
  const lockMs = sql.value(`${Math.ceil(lockTimeoutMs)}ms`)
  const allMs = sql.value(`${Math.ceil(lockTimeoutMs + holdTimeoutMs)}ms`)
  const how = { wait: '', nowait: ' NOWAIT', skip: ' SKIP LOCKED' }[wait]
  return sql.done(
    `SELECT quoraterow.*, quoratelimits.quoratebegun FROM (
  SELECT extract(epoch FROM now())::text AS quoratebegun, set_config('lock_timeout', ${lockMs}, true),
    set_config('idle_in_transaction_session_timeout', ${allMs}, true), set_config(${WHOLE_LIMIT}, ${allMs}, true)
) AS quoratelimits CROSS JOIN LATERAL (
  SELECT * FROM ${shape.table} WHERE ${sql.keyIs(key)} AND quoratelimits.quoratebegun IS NOT NULL FOR UPDATE${how}
) AS quoraterow`,
  )
}

/** Before Postgres 17 there is no limit for a transaction, only for each of its statements and the pauses between. */
const WHOLE_LIMIT = `CASE WHEN current_setting('transaction_timeout', true) IS NULL THEN 'statement_timeout' ELSE 'transaction_timeout' END`

/** Fails, and its transaction with it, if that is another than the one which began then: see {@link isLost}. */
export function stillLocked(begun: string): Statement {
  return {
    text: `SELECT ('${LOST} at ' || now())::int WHERE extract(epoch FROM now()) <> $1::numeric`,
    values: [begun],
  }
}

/** Is this the error of {@link stillLocked}? The message quotes what is no number, in any language. */
export function isLost(error: unknown): boolean {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown }
  return code === '22P02' && String(message).includes(LOST)
}

const LOST = 'quorate: the lock is lost'
