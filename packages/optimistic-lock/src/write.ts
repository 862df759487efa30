import { retry, waitOrAbort } from '@quorate/core'
import { WriteRefusedError, WriteUnknownError } from './errors.ts'
import { isHeldBack, isRefusal, wasNotSent } from './failures.ts'

/** Postgres says "not applied, try again": serialization failure and deadlock. */
const RETRYABLE_SQLSTATES: ReadonlySet<unknown> = new Set(['40001', '40P01'])

/** Was the statement's transaction rolled back, so that it may be repeated as it is? */
export function isRetryable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && RETRYABLE_SQLSTATES.has(error.code)
}

/** What a write is, for its errors. */
export interface WriteFacts {
  readonly action: string
  readonly table: string
  readonly signal: AbortSignal | undefined
  /** In the caller's transaction, whose commit decides: without it nothing is applied. */
  readonly isBound: boolean
}

/**
 * Sends a write and waits for it, or for the signal.
 *
 * @throws WriteUnknownError if the signal is aborted after it was sent, or the connection is lost; `signal.reason` if it
 *   is aborted before.
 * @throws WriteRefusedError if the statement failed itself for a part that was kept from being written.
 * @throws the driver's error, if nothing was applied.
 */
export async function sendWrite<T>(facts: WriteFacts, send: () => Promise<T>): Promise<T> {
  const { signal } = facts
  signal?.throwIfAborted()
  const sent = send()
  try {
    return await (signal === undefined ? sent : waitOrAbort(sent, signal))
  } catch (error) {
    throw asWriteError(facts, error)
  }
}

/** {@link sendWrite}, and again when Postgres rolled it back for the sake of another transaction. */
export async function sendWriteAgain<T>(facts: WriteFacts, send: () => Promise<T>): Promise<T> {
  return retry(() => sendWrite(facts, send), { signal: facts.signal, shouldRetry: isRetryable })
}

/** Reads, and gives up with `signal.reason`. */
export async function sendRead<T>(signal: AbortSignal | undefined, send: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted()
  return waitOrAbort(send(), signal)
}

function asWriteError({ action, table, signal, isBound }: WriteFacts, error: unknown): unknown {
  // The driver is not given the signal, so its reason can only mean that we stopped waiting.
  if (signal?.aborted === true && error === signal.reason) {
    return new WriteUnknownError({ action, table, cause: error })
  }
  if (isHeldBack(error)) return new WriteRefusedError({ action, table, key: undefined, cause: error })
  if (isBound || isRefusal(error) || wasNotSent(error)) return error
  return new WriteUnknownError({ action, table, cause: error })
}
