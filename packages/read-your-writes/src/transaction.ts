import { waitOrAbort } from '@quorate/core'
import { CommitUnknownError, TransactionAbortedError } from './errors.ts'
import type { Work } from './options.ts'
import type { Position } from './position.ts'
import type { Checkout } from './postgres/checkout.ts'
import { isAbortedTransaction, isRolledBack } from './postgres/failures.ts'
import { commit } from './postgres/sql.ts'
import { LentQueryable } from './queryable.ts'

/**
 * Runs a callback in a transaction and commits.
 *
 * @param checkout is released, whatever happens.
 * @returns the callback's result, and the position from which on it can be seen.
 * @throws what the callback throws, after ROLLBACK.
 * @throws TransactionAbortedError, CommitUnknownError.
 */
export async function runTransaction<T>(
  checkout: Checkout,
  begin: string,
  work: Work<T>,
  signal: AbortSignal | undefined,
): Promise<{ value: T; position: Position }> {
  const { client } = checkout
  const lent = new LentQueryable(client)
  let value: T
  try {
    await client.query(begin)
    value = await waitOrAbort(work(lent), signal)
    lent.end()
  } catch (error) {
    lent.end()
    await rollback(checkout, signal?.aborted === true)
    throw error
  }
  return { value, position: await commitOrTell(checkout) }
}

async function commitOrTell(checkout: Checkout): Promise<Position> {
  let position: Position | undefined
  try {
    position = await commit(checkout.client, checkout.facts)
  } catch (error) {
    if (isAbortedTransaction(error)) {
      await rollback(checkout, false)
      throw new TransactionAbortedError(error)
    }
    checkout.release(!isRolledBack(error))
    throw isRolledBack(error) ? error : new CommitUnknownError(error)
  }
  checkout.release()
  if (position === undefined) throw new TransactionAbortedError()
  return position
}

/** A connection that is busy, or does not take a ROLLBACK, is closed: that rolls back as well. */
async function rollback(checkout: Checkout, busy: boolean): Promise<void> {
  if (busy) {
    checkout.release(true)
    return
  }
  try {
    await checkout.client.query('ROLLBACK')
    checkout.release()
  } catch {
    checkout.release(true)
  }
}
