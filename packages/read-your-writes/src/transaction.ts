import { promised } from './check-call.ts'
import {
  CommitUnknownError,
  NoSynchronousStandbyError,
  PrimaryUnavailableError,
  TransactionAbortedError,
} from './errors.ts'
import type { Work } from './options.ts'
import type { Position } from './position.ts'
import type { Checkout } from './postgres/checkout.ts'
import { isAbortedTransaction, isRolledBack, serverFailure, wasNotSent } from './postgres/failures.ts'
import { begin, commit, type BeginOptions } from './postgres/sql.ts'
import { LentQueryable } from './queryable.ts'
import type { Deadline, UnderWay } from './under-way.ts'

/** How a transaction runs. */
export interface TransactionOptions extends BeginOptions {
  readonly signal: AbortSignal | undefined
  /** Ends the waits when the server has gone. */
  readonly running: UnderWay
  /** By when COMMIT must be answered. */
  readonly commitDeadline: () => Deadline
}

/**
 * Runs a callback in a transaction and commits.
 *
 * @param checkout is released, whatever happens.
 * @returns the callback's result, and the position from which on it can be seen.
 * @throws what the callback throws, after ROLLBACK.
 * @throws TransactionAbortedError, CommitUnknownError, PrimaryUnavailableError, NoSynchronousStandbyError.
 */
export async function runTransaction<T>(
  checkout: Checkout,
  work: Work<T>,
  options: TransactionOptions,
): Promise<{ value: T; position: Position }> {
  const { client } = checkout
  const { signal, running } = options
  const lent = new LentQueryable(client, { isTransaction: true })
  let busy = false
  let begun = false
  const abandon = (): void => void (busy = true)
  let value: T
  try {
    const started = await running.until(begin(client, options), { signal, abandon })
    begun = true
    if (options.remoteApply && !started.hasSynchronousStandby) throw new NoSynchronousStandbyError()
    value = await running.until(promised('write', work(lent)), { signal, abandon })
    lent.end()
  } catch (error) {
    lent.end()
    const isLost = !busy && (begun ? lent.failure : serverFailure(error)) === 'lost'
    // A connection that is busy, or gone, is closed: that rolls back as well.
    if (busy || isLost) checkout.release(true)
    else await rollback(checkout, running)
    if (isLost) {
      throw lostBeforeCommit(error)
    }
    throw error
  }
  return { value, position: await commitOrTell(checkout, options) }
}

/**
 * COMMIT, with the position in the same message.
 *
 * @param checkout is released, whatever happens.
 */
export async function commitOrTell(
  checkout: Checkout,
  { running, commitDeadline }: Pick<TransactionOptions, 'running' | 'commitDeadline'>,
): Promise<Position> {
  let position: Position | undefined
  let busy = false
  try {
    position = await running.until(commit(checkout.client, checkout.facts), {
      deadline: commitDeadline(),
      abandon: () => void (busy = true),
    })
  } catch (error) {
    if (!busy && isAbortedTransaction(error)) {
      await rollback(checkout, running)
      throw new TransactionAbortedError(error)
    }
    const isOver = !busy && isRolledBack(error)
    checkout.release(!isOver)
    if (!busy && wasNotSent(error)) throw lostBeforeCommit(error)
    throw isOver ? error : new CommitUnknownError(error)
  }
  checkout.release()
  if (position === undefined) throw new TransactionAbortedError()
  return position
}

/** Nothing is written: the server rolls back what its client has left. */
export function lostBeforeCommit(cause?: unknown): PrimaryUnavailableError {
  return new PrimaryUnavailableError('the connection was lost before COMMIT', { cause })
}

/** Never fails: a connection that takes no ROLLBACK is closed. */
export async function rollback(checkout: Checkout, running: UnderWay): Promise<void> {
  try {
    await running.until(checkout.client.query('ROLLBACK'))
    checkout.release()
  } catch {
    checkout.release(true)
  }
}

/** A read-only transaction: all its queries see the database as it was at the first, if it is `repeatable read`. */
export async function inSnapshot<T>(
  checkout: Checkout,
  lent: LentQueryable,
  isolation: SnapshotIsolation,
  work: Work<T>,
): Promise<T> {
  const { client } = checkout
  await lent.watch(client.query(`BEGIN ISOLATION LEVEL ${isolation.toUpperCase()} READ ONLY`))
  try {
    const value = await promised('read', work(lent))
    await lent.watch(client.query('COMMIT'))
    return value
  } catch (error) {
    if (lent.failure !== 'lost') await client.query('ROLLBACK').catch(() => checkout.release(true))
    throw error
  }
}

/** What a read-only transaction may ask for; replicas have no `serializable`. */
export type SnapshotIsolation = 'read committed' | 'repeatable read'
