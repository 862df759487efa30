import type { AnyCrdt, DocumentType, StoreClock } from '../store.ts'
import { type Backend, BackendError } from './backend.ts'
import { StoreError } from './errors.ts'
import type { WriterNames } from './writer-names.ts'

/** What all documents of a store share. */
export interface StoreParts<C extends AnyCrdt> {
  readonly backend: Backend
  readonly mode: 'replace' | 'append'
  readonly type: DocumentType<C>
  readonly ttlMs: number | undefined
  readonly maxAttempts: number
  readonly maxWaiting: number
  readonly maxRetries: number
  readonly timeoutMs: number
  readonly names: WriterNames
  readonly clock: StoreClock
  readonly random: () => number
}

/** The answer of a backend, or an error when it is late. */
export async function inTime<T>(
  { clock, timeoutMs }: Pick<StoreParts<AnyCrdt>, 'clock' | 'timeoutMs'>,
  action: string,
  answer: Promise<T>,
): Promise<T> {
  const stop = new AbortController()
  const late = clock.sleep(timeoutMs, { signal: stop.signal }).then(
    () => {
      throw new Error(`no answer to the ${action} within ${timeoutMs} ms`)
    },
    () => answer,
  )
  try {
    return await Promise.race([answer, late])
  } finally {
    stop.abort()
  }
}

/** What a backend threw, in the words of the store. */
export function storeError(
  action: string,
  key: string,
  error: unknown,
  facts: { readonly outcome?: 'not-applied' | 'unknown'; readonly delta?: Uint8Array | undefined } = {},
): StoreError {
  const cause = error instanceof BackendError ? error.cause : error
  const { outcome = outcomeOf(error), delta } = facts
  return new StoreError({ action, key, outcome, delta, cause })
}

export function outcomeOf(error: unknown): 'not-applied' | 'unknown' {
  return error instanceof BackendError ? error.outcome : 'unknown'
}

/** True if reading back would not tell more. */
export const isFinal = (error: unknown): boolean => error instanceof BackendError && error.isFinal
