import { QuorateError, type Outcome } from '@quorate/core'
import type { RollbackReason } from './optimistic-state.ts'

/** The server answered a write with a status that is no success: 4xx was refused, 5xx may have been done. */
export class AnswerError extends QuorateError {
  readonly code = 'QUORATE_RYW_ANSWER'
  readonly status: number

  constructor(status: number) {
    const outcome: Outcome = status >= 500 ? 'unknown' : 'not-applied'
    const advice =
      outcome === 'unknown' ? 'read back before you repeat it' : 'change the request before you repeat it'
    super(`Cannot write: the server answered ${status} where it should be 2xx; ${advice}`, { outcome })
    this.status = status
  }
}

/**
 * A write or a read of an optimistic update got no answer within its deadline: a write may have been done, or be
 * done yet.
 */
export class NoAnswerError extends QuorateError {
  readonly code = 'QUORATE_RYW_NO_ANSWER'
  readonly deadlineMs: number

  constructor(what: 'write' | 'read', deadlineMs: number) {
    super(
      `Cannot finish the ${what}: no answer came within ${deadlineMs} ms; ` +
        `try again when the server is back, or raise ${what}DeadlineMs`,
      { outcome: what === 'write' ? 'unknown' : 'not-applied' },
    )
    this.deadlineMs = deadlineMs
  }
}

const STATES: Readonly<Record<RollbackReason, string>> = {
  refused: 'the server refused it; show why, and let the user try again',
  disagreed: 'a read after the write shows something else; show that, and let the user try again',
  unverifiable:
    'neither its answer nor a read came, so it may be done or not; refresh when the server is back',
  closed: 'the store was closed before its end was known; read what became of it',
}

/** An optimistic update was taken back: what is shown is what the server last showed. `cause` says more, if there is. */
export class RollbackError extends QuorateError {
  readonly code = 'QUORATE_RYW_ROLLED_BACK'
  readonly key: string
  readonly reason: RollbackReason

  constructor(facts: {
    readonly key: string
    readonly reason: RollbackReason
    readonly outcome: Outcome
    readonly cause?: unknown
  }) {
    const { key, reason, outcome, cause } = facts
    super(`Cannot keep the update of ${key}: ${STATES[reason]}`, { outcome, cause })
    this.key = key
    this.reason = reason
  }
}
