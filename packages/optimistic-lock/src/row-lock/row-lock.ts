import { checkNames, waitOrAbort } from '@quorate/core'
import { RowGoneError, WriteUnknownError } from '../errors.ts'
import { codeOf, isLostConnection } from '../failures.ts'
import { keyValuesOf } from '../key-values.ts'
import { quoteIdentifier, quoteTable } from '../names.ts'
import { requireColumns } from '../options.ts'
import { connectTo, guard, type PgPool, type PgPoolClient, requirePool } from '../pg-pool.ts'
import type { Table } from '../pg/table.ts'
import { selectRow } from '../statements.ts'
import { requireUnique } from '../table-check.ts'
import { RowHoldTimeoutError, RowLockLostError, RowLockedError } from './errors.ts'
import { begin, commit } from './transaction.ts'

/** Which row of which table. */
export interface RowLockTarget<Row extends object, K extends keyof Row & string> {
  readonly table: Table<Row>
  /** The key columns with their values. */
  readonly key: Readonly<Pick<Row, K>>
}

/** Options of {@link withRowLock}. */
export interface RowLockOptions {
  /**
   * What to do about a row that somebody else has locked: `wait` for it, refuse at once (`nowait`), or go on without it
   * (`skip`: the answer is `undefined`). Default `wait`.
   */
  readonly wait?: 'wait' | 'nowait' | 'skip' | undefined
  /** How long to wait for the row, ms. Default 5,000. */
  readonly lockTimeoutMs?: number | undefined
  /**
   * How long the row may be held, ms, after a full `lockTimeoutMs`: both together after its start the server ends the
   * transaction, also when this process is stuck or gone. What it did is rolled back: `RowHoldTimeoutError`. Default
   * 30,000.
   */
  readonly holdTimeoutMs?: number | undefined
  /** Gives up waiting for a connection or the row; handed on to `work`. */
  readonly signal?: AbortSignal | undefined
}

/** What {@link withRowLock} hands to its function. */
export interface LockedRow<Row extends object> {
  /** The row as it is while it is locked. */
  readonly row: Row
  /**
   * The transaction's connection: all that is done through it is committed or rolled back with the lock. A `COMMIT` or
   * `ROLLBACK` of your own gives the row away; it is noticed when `work` returns, with a `RowLockLostError`.
   */
  readonly client: PgPoolClient
}

/**
 * The pessimistic twin of `mutate()`: a transaction that holds the row from the read to the commit. Nothing is repeated,
 * and everybody else waits meanwhile: right where a lost attempt is dear, as when money is moved outside; wrong for a
 * row that many want, where `decrementIf()` or a batcher does the same without holding it.
 *
 * @param pool a connected `pg.Pool`; it stays the caller's.
 * @param work runs inside the transaction; if it throws, all is rolled back.
 * @returns what `work` returned, committed; `undefined` if the row was skipped.
 * @throws RowLockedError if somebody else has the row, at once or after `lockTimeoutMs`.
 * @throws RowGoneError if there is no such row.
 * @throws RowHoldTimeoutError if it was held for too long.
 * @throws RolledBackError if `work` caught the error of a statement and went on.
 * @throws RowLockLostError if `work` ended the transaction itself: what it did after that, nobody had locked.
 * @throws KeyNotUniqueError if the key is that of several rows.
 * @throws WriteUnknownError if the answer to the commit did not come.
 * @throws what `work` throws.
 *
 * @example
 * ```ts
 * await withRowLock(pool, { table: table<Stock>('stock'), key: { sku: 'mug' } }, async ({ row, client }) => {
 *   await client.query('UPDATE stock SET available = $1 WHERE sku = $2', [row.available - 1, row.sku])
 * })
 * ```
 */
export async function withRowLock<Row extends object, K extends keyof Row & string, R>(
  pool: PgPool,
  target: RowLockTarget<Row, K>,
  work: (locked: LockedRow<Row>) => R | Promise<R>,
  options: RowLockOptions = {},
): Promise<R | undefined> {
  requirePool('lock a row', pool)
  check(target, options)
  if (typeof work !== 'function')
    throw new TypeError(`Cannot lock a row: work must be a function, got ${typeof work}`)
  const { wait = 'wait', lockTimeoutMs = 5_000, holdTimeoutMs = 30_000, signal } = options
  const label = target.table.name
  const keyColumns = Object.keys(target.key)
  const key = keyValuesOf('lock', label, keyColumns, target.key)
  const shape = { label, table: quoteTable(label), key: keyColumns, version: '', column: quoteIdentifier }

  signal?.throwIfAborted()
  const client = await connectTo(pool, signal)
  const release = guard(client)
  let isBroken = true
  // Who is ended while no statement is under way hears of it by an event.
  let ended: unknown
  const noteEnd = (error: unknown): void => void (ended ??= isHeldTooLong(error) ? error : undefined)
  client.on?.('error', noteEnd)
  try {
    const ask = (text: string, values: unknown[] = []): Promise<{ rows: unknown[] }> =>
      waitOrAbort(client.query(text, values), signal)
    const transaction = await begin(pool, { lockTimeoutMs, holdTimeoutMs }, ask)
    const { text, values } = selectRow(shape, key)
    const found = await ask(`${text} FOR UPDATE${HOW[wait]}`, values).catch((cause: unknown) => {
      if (!isLockTimeout(cause)) throw cause
      throw new RowLockedError({ table: label, key, waitedMs: wait === 'wait' ? lockTimeoutMs : 0, cause })
    })
    requireUnique(shape, { kind: 'r', unique: found.rows.length <= 1 })
    const [row] = found.rows as Row[]
    if (row === undefined) {
      // Skipped rows and missing ones look alike; a plain read tells them apart.
      const isThere = wait === 'skip' && (await ask(text, values)).rows.length > 0
      if (!isThere) throw new RowGoneError({ action: 'lock', table: label, key })
      await ask('ROLLBACK')
      isBroken = false
      return undefined
    }
    const result = await Promise.resolve(work({ row, client })).catch((cause: unknown) => {
      throw client.getTransactionStatus?.() === 'I' ? new RowLockLostError({ table: label, cause }) : cause
    })
    await commit(client, label, transaction)
    isBroken = false
    return result
  } catch (error) {
    // A connection that is still at work, after an abort, can only be closed.
    if (signal?.aborted !== true && !(error instanceof WriteUnknownError)) {
      isBroken = await client.query('ROLLBACK', []).then(
        () => false,
        () => true,
      )
    }
    // Of this connection, and not of another that `work` has.
    const cause = !isBroken
      ? undefined
      : isHeldTooLong(error)
        ? error
        : isLostConnection(error)
          ? ended
          : undefined
    if (cause === undefined) throw error
    const limitMs = lockTimeoutMs + holdTimeoutMs
    throw new RowHoldTimeoutError({ table: label, key, limitMs, cause })
  } finally {
    client.removeListener?.('error', noteEnd)
    release(isBroken)
  }
}

const HOW = { wait: '', nowait: ' NOWAIT', skip: ' SKIP LOCKED' }

function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === '55P03'
}

/** By `transaction_timeout`, or in a pause. */
function isHeldTooLong(error: unknown): boolean {
  return ['25P04', '25P03'].includes(codeOf(error) ?? '')
}

function check(target: RowLockTarget<object, never>, options: RowLockOptions): void {
  checkNames('lock a row', options, ['wait', 'lockTimeoutMs', 'holdTimeoutMs', 'signal'])
  if (typeof (target as Partial<typeof target> | undefined)?.table?.name !== 'string') {
    throw new TypeError(`Cannot lock a row: table must be what table() gives; write table<Row>('stock')`)
  }
  requireColumns('lock a row', "key must be an object such as { sku: 'mug' }", target.key)
  if (Object.keys(target.key).length === 0) {
    throw new TypeError('Cannot lock a row: key must have at least one column')
  }
  const { wait = 'wait' } = options
  if (!['wait', 'nowait', 'skip'].includes(wait)) {
    throw new TypeError(`Cannot lock a row: wait must be 'wait', 'nowait' or 'skip', got '${wait}'`)
  }
  for (const name of ['lockTimeoutMs', 'holdTimeoutMs'] as const) {
    const value: unknown = options[name]
    // Postgres keeps them in 32 bits.
    if (value !== undefined && !(typeof value === 'number' && value > 0 && value <= 1_000_000_000)) {
      throw new RangeError(`Cannot lock a row: ${name} must be above 0 and at most 1,000,000,000 ms`)
    }
  }
}
