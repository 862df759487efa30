/** How long to wait for a row, and how long to have it. */
export interface Limits {
  readonly lockTimeoutMs: number
  readonly holdTimeoutMs: number
}

/** Sets the limits of the transaction, and selects when it began. */
export function setLimits({ lockTimeoutMs, holdTimeoutMs }: Limits): string {
  const lock = `'${Math.ceil(lockTimeoutMs)}ms'`
  const all = `'${Math.ceil(lockTimeoutMs + holdTimeoutMs)}ms'`
  return `SELECT extract(epoch FROM now())::text AS begun, set_config('lock_timeout', ${lock}, true),
  set_config('idle_in_transaction_session_timeout', ${all}, true), set_config(${WHOLE_LIMIT}, ${all}, true)`
}

/** Before Postgres 17 there is no limit for a transaction, only for each of its statements and the pauses between. */
const WHOLE_LIMIT = `CASE WHEN current_setting('transaction_timeout', true) IS NULL THEN 'statement_timeout' ELSE 'transaction_timeout' END`

/**
 * Fails, and its transaction with it, if that is another than the one which began then: see {@link isLost}. Without values,
 * for a text of several statements has none.
 */
export function stillLocked(begun: string): string {
  return `SELECT ('${LOST} at ' || now())::int WHERE extract(epoch FROM now()) <> ${Number(begun)}`
}

/** Is this the error of {@link stillLocked}? The message quotes what is no number, in any language. */
export function isLost(error: unknown): boolean {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown }
  return code === '22P02' && String(message).includes(LOST)
}

const LOST = 'quorate: the lock is lost'
