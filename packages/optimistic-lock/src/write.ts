import { retry, waitOrAbort } from '@quorate/core'
import { WriteUnknownError } from './errors.ts'

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
}

/**
 * Sends a write and waits for it, or for the signal.
 *
 * @throws WriteUnknownError if the signal is aborted after it was sent; `signal.reason` before.
 */
export async function sendWrite<T>(
  { action, table, signal }: WriteFacts,
  send: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await waitOrAbort(send(), signal)
  } catch (error) {
    // The driver is not given the signal, so its reason can only mean that we stopped waiting.
    if (signal?.aborted !== true || error !== signal.reason) throw error
    throw new WriteUnknownError({ action, table, cause: signal.reason })
  }
}

/** {@link sendWrite}, and again when Postgres rolled it back for the sake of another transaction. */
export async function sendWriteAgain<T>(facts: WriteFacts, send: () => Promise<T>): Promise<T> {
  return retry(() => sendWrite(facts, send), { signal: facts.signal, shouldRetry: isRetryable })
}
