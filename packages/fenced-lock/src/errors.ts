import { QuorateError } from '@quorate/core'

/** Somebody else kept the lock for as long as the caller was willing to wait. */
export class LockTimeoutError extends QuorateError {
  readonly code = 'QUORATE_LOCK_TIMEOUT'
  readonly key: string
  readonly waitMs: number

  constructor({ key, waitMs }: { key: string; waitMs: number }) {
    super(
      `Cannot acquire lock ${key}: it was still taken after ${waitMs} ms; wait longer, or use tryAcquire()`,
      {
        outcome: 'not-applied',
      },
    )
    this.key = key
    this.waitMs = waitMs
  }
}

/**
 * Why a lock is not held any more.
 * - `expired`: the local deadline passed; the store may have given it to somebody else.
 * - `taken`: the store says that somebody else has it, or nobody.
 * - `released`: by its own holder.
 */
export type LostReason = 'expired' | 'taken' | 'released'

/** The lock is not certainly held any more, so whatever it protects must not be touched. */
export class LockLostError extends QuorateError {
  readonly code = 'QUORATE_LOCK_LOST'
  readonly key: string
  readonly reason: LostReason

  constructor({ key, reason }: { key: string; reason: LostReason }) {
    super(`Lock ${key} is not held any more (${reason}): stop what it protects, acquire it again`, {
      outcome: 'not-applied',
    })
    this.key = key
    this.reason = reason
  }
}

/** The store failed or did not answer in time. The lock may have been changed. */
export class LockStoreError extends QuorateError {
  readonly code = 'QUORATE_LOCK_STORE'
  readonly key: string

  constructor({ action, key, cause }: { action: string; key: string; cause: unknown }) {
    super(
      `Cannot tell whether the ${action} of lock ${key} happened: its store failed or did not answer; ` +
        `see cause, and try again when the store is back`,
      { outcome: 'unknown', cause },
    )
    this.key = key
  }
}

/** A guard refused a write: a later holder of the lock has been seen. */
export class StaleTokenError extends QuorateError {
  readonly code = 'QUORATE_STALE_TOKEN'
  readonly resource: string
  /** The token that was refused. */
  readonly token: number
  /** The highest token the guard has seen; `undefined` if it could not be read. */
  readonly highest: number | undefined

  constructor(facts: { resource: string; token: number; highest: number | undefined }) {
    const { resource, token, highest } = facts
    super(
      `Refused a write to ${resource}: token ${token} is older than ${highest ?? 'the latest'}, ` +
        `so its lock was lost; acquire it again and start over`,
      { outcome: 'not-applied' },
    )
    this.resource = resource
    this.token = token
    this.highest = highest
  }
}
