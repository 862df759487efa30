import { type Clock, fullJitterMs, type Random, systemClock, systemRandom, waitOrAbort } from '@quorate/core'
import { WriteRefusedError, WriteUnknownError } from './errors.ts'
import { isHeldBack, isRefusal, wasNotSent } from './failures.ts'
import type { Answer, SqlSession } from './session.ts'
import type { Statement } from './statements.ts'

/** Postgres says "not applied, try again": serialization failure and deadlock. */
const RETRYABLE_SQLSTATES: ReadonlySet<unknown> = new Set(['40001', '40P01'])

/** Was the statement's transaction rolled back, so that it may be repeated as it is? */
export function isRetryable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && RETRYABLE_SQLSTATES.has(error.code)
}

/** What a write is, for its errors, and how it waits. */
export interface WriteFacts {
  readonly action: string
  readonly table: string
  readonly signal: AbortSignal | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
  /** Default: the system's. */
  readonly random?: Random | undefined
}

/** How long a statement is repeated that Postgres rolls back for the sake of others, ms. */
const REPEAT_MS = 10_000

/**
 * Sends a write and waits for it, or for the signal. Where the statement is a transaction of its own, and Postgres rolled
 * it back for the sake of another one, it is sent again: a conflict is then what its new snapshot says, at every isolation
 * level.
 *
 * @throws WriteUnknownError if the signal is aborted after it was sent, or the connection is lost; `signal.reason` if it
 *   is aborted before, or between two attempts.
 * @throws WriteRefusedError if the statement failed itself for a part that was kept from being written.
 * @throws the driver's error, if nothing was applied.
 */
export async function sendWrite<R>(
  session: SqlSession,
  statement: Statement,
  facts: WriteFacts,
): Promise<Answer<R>> {
  const { signal } = facts
  signal?.throwIfAborted()
  const sent = session.run(statement)
  try {
    return (await (signal === undefined ? sent : waitOrAbort(sent, signal))) as Answer<R>
  } catch (error) {
    if (!isRetryable(error) || (await isInTransaction(session))) throw asWriteError(session, facts, error)
    return sendAgain<R>(session, statement, facts, error)
  }
}

async function sendAgain<R>(
  session: SqlSession,
  statement: Statement,
  facts: WriteFacts,
  first: unknown,
): Promise<Answer<R>> {
  const { signal, clock = systemClock, random = systemRandom } = facts
  const endMs = clock.monotonic() + REPEAT_MS
  let failure = first
  for (let attempt = 0; ; attempt++) {
    const waitMs = fullJitterMs(attempt, random)
    if (clock.monotonic() + waitMs >= endMs) throw failure
    await clock.sleep(waitMs, { signal })
    try {
      return (await waitOrAbort(session.run(statement), signal)) as Answer<R>
    } catch (error) {
      // A transaction that we could not see: what ended it is what its owner must hear.
      if ((error as { code?: unknown } | null)?.code === '25P02') throw failure
      if (!isRetryable(error)) throw asWriteError(session, facts, error)
      failure = error
    }
  }
}

/** Reads, and gives up with `signal.reason`. */
export async function sendRead<R>(
  session: SqlSession,
  statement: Statement,
  signal: AbortSignal | undefined,
): Promise<Answer<R>> {
  signal?.throwIfAborted()
  return (await waitOrAbort(session.run(statement), signal)) as Answer<R>
}

/** A connection that cannot tell, because its transaction has failed, is in one. */
async function isInTransaction(session: SqlSession): Promise<boolean> {
  if (session.isBound) return true
  try {
    return await session.inTransaction()
  } catch {
    return true
  }
}

function asWriteError(
  { isBound }: SqlSession,
  { action, table, signal }: WriteFacts,
  error: unknown,
): unknown {
  // The driver is not given the signal, so its reason can only mean that we stopped waiting.
  if (signal?.aborted === true && error === signal.reason) {
    return new WriteUnknownError({ action, table, cause: error })
  }
  if (isHeldBack(error)) return new WriteRefusedError({ action, table, key: undefined, cause: error })
  if (isBound || isRefusal(error) || wasNotSent(error)) return error
  return new WriteUnknownError({ action, table, cause: error })
}
