import { brand } from '@quorate/vector-clock/codec'
import type { Call } from './call.ts'

/**
 * The database failed, refused or did not answer. `not-applied`: nothing was written; see `cause`, and call again.
 * `unknown`: it may have been. Do not repeat the edit then, it would be a second one: `merge(key, error.delta)` makes sure
 * of the first, as often as it takes.
 */
export class StoreError extends Error {
  readonly code = 'QUORATE_CRDT_STORE'
  declare readonly outcome: 'not-applied' | 'unknown'
  declare readonly key: string
  /** What may or may not have been stored; only of an edit whose outcome is unknown. */
  declare readonly delta: Uint8Array | undefined

  constructor(facts: {
    action: string
    key: string
    outcome: 'not-applied' | 'unknown'
    delta?: Uint8Array | undefined
    cause: unknown
  }) {
    const { action, key, outcome, delta, cause } = facts
    const told = cause instanceof Error ? cause.message : String(cause)
    const todo =
      delta === undefined
        ? 'see cause, and call again when the database is back'
        : 'merge(key, error.delta) makes sure of it and never applies it twice'
    super(
      outcome === 'unknown'
        ? `Cannot tell whether the ${action} of document ${key} happened: "${told}"; ${todo}`
        : `Cannot ${action} document ${key}: the database says "${told}"; see cause, and call again when the database is back`,
      { cause },
    )
    brand(this, 'StoreError', { outcome, key, delta })
  }
}

/**
 * Too many want to write the same document: others stored first each time, or too many calls of this process wait for
 * it. Nothing was written. Call again later; for a document this busy, use a store that appends.
 */
export class StoreBusyError extends Error {
  readonly code = 'QUORATE_CRDT_STORE_BUSY'
  readonly outcome = 'not-applied'
  declare readonly key: string

  constructor(key: string, reason: string) {
    super(`Cannot edit document ${key}: ${reason}; call again later, or use a store that appends`)
    brand(this, 'StoreBusyError', { key })
  }
}

/**
 * What a call is told of an error of its round. Whoever merged has more than was new in it: the whole source is what
 * makes sure. And what was sent may be there, though it is something later that failed.
 */
export function forCall(
  key: string,
  error: unknown,
  { source, sent }: Pick<Call<never>, 'source' | 'sent'>,
): unknown {
  const isUnknown = error instanceof StoreError && error.outcome === 'unknown'
  if (source === undefined || (sent === undefined && !isUnknown)) return error
  const cause = error instanceof StoreError ? error.cause : error
  return new StoreError({ action: 'merge', key, outcome: 'unknown', delta: source, cause })
}
