import { WriteUnknownError } from '../errors.ts'
import { codeOf, isRefusal, wasNotSent } from '../failures.ts'
import type { PgPool, PgPoolClient } from '../pg-pool.ts'
import { RolledBackError, RowLockLostError } from './errors.ts'
import { isLost, type Limits, setLimits, stillLocked } from './statements.ts'

/** A transaction that {@link begin} began. */
export interface Transaction {
  /** When it began: no other of its connection did then. */
  readonly begun: string
  /** Does its connection take a text of several statements? */
  readonly takesSeveral: boolean
}

/**
 * What the connections of a pool can do. Drivers of prepared statements (PGlite, postgres.js) and some poolers refuse a
 * text of several statements; to the others the limits go with the `BEGIN` and the check with the `COMMIT`, and the row is
 * held for no more round trips than by hand. A commit that is refused would be a rollback, so the first `BEGIN` finds out.
 */
const capabilities = new WeakMap<PgPool, boolean>()

/**
 * With its limits, which so are no part of the statement that locks: what this does besides, all others wait for.
 *
 * @param ask sends a text.
 */
export async function begin(
  pool: PgPool,
  limits: Limits,
  ask: (text: string) => Promise<unknown>,
): Promise<Transaction> {
  const known = capabilities.get(pool)
  const settings = setLimits(limits)
  const beginAlone = async (): Promise<Transaction> => {
    await ask('BEGIN')
    return { begun: begunOf(await ask(settings)), takesSeveral: false }
  }
  if (known === false) return beginAlone()
  let answers: unknown
  let refusal: unknown
  try {
    answers = await ask(`BEGIN; ${settings}`)
  } catch (error) {
    if (known === true) throw error
    refusal = error
  }
  if (Array.isArray(answers) && answers.length === 2) {
    capabilities.set(pool, true)
    return { begun: begunOf(answers[1]), takesSeveral: true }
  }
  const transaction = await beginAlone().catch((error: unknown) => {
    throw refusal ?? error
  })
  capabilities.set(pool, false)
  return transaction
}

function begunOf(answer: unknown): string {
  const [row] = (answer as { readonly rows: readonly { readonly begun: string }[] }).rows
  return row?.begun ?? ''
}

/**
 * The commit is waited for in any case: half a commit is no answer. It is not made if this is not the transaction that took
 * the lock: Postgres answers a `COMMIT` that comes too late with no more than a warning.
 */
export async function commit(
  client: PgPoolClient,
  table: string,
  { begun, takesSeveral }: Transaction,
): Promise<void> {
  const check = stillLocked(begun)
  if (!takesSeveral) {
    await client.query(check).catch((cause: unknown) => {
      throw refused(cause, table) ?? cause // a transaction that is not committed is rolled back
    })
    return commitAfterCheck(client, table)
  }
  try {
    // Of a text that fails nothing more is run, and nothing comes between its statements.
    await client.query(`${check}; COMMIT`)
  } catch (cause) {
    throw refused(cause, table) ?? commitFailure(cause, table)
  }
}

/** What nobody waited for may come between: an end of the transaction, or a statement that fails. */
async function commitAfterCheck(client: PgPoolClient, table: string): Promise<void> {
  let command: string | undefined
  let isTooLate = false
  const note = ({ code }: { readonly code?: string | undefined }): void =>
    void (isTooLate ||= code === NO_TRANSACTION)
  client.on?.('notice', note)
  try {
    ;({ command } = await client.query('COMMIT'))
  } catch (cause) {
    throw commitFailure(cause, table)
  } finally {
    client.removeListener?.('notice', note)
  }
  if (isTooLate) throw new RowLockLostError({ table, cause: undefined })
  if (command === 'ROLLBACK') throw new RolledBackError(table)
}

/** What the check found, if it is this that failed. */
function refused(cause: unknown, table: string): Error | undefined {
  if (isLost(cause)) return new RowLockLostError({ table, cause })
  // Of a transaction in which a statement failed.
  return codeOf(cause) === '25P02' ? new RolledBackError(table) : undefined
}

/** What the server refuses, as for a deferred constraint, it has rolled back, and so has a server that was never asked. */
function commitFailure(cause: unknown, table: string): unknown {
  return isRefusal(cause) || wasNotSent(cause)
    ? cause
    : new WriteUnknownError({ action: 'commit', table, cause })
}

/** What Postgres warns of at a `COMMIT` that has nothing to commit. */
const NO_TRANSACTION = '25P01'
