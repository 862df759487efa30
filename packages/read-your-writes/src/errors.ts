import { QuorateError } from '@quorate/core'

/** As many reads as allowed have spilled to the primary already; this one was not run. */
export class PrimaryBusyError extends QuorateError {
  readonly code = 'QUORATE_RYW_PRIMARY_BUSY'
  readonly maxPrimaryReads: number
  readonly reason: string

  constructor({ maxPrimaryReads, reason }: { maxPrimaryReads: number; reason: string }) {
    super(
      `Cannot read from the primary (${reason}): ${maxPrimaryReads} reads that a replica should serve are there ` +
        'already; try again later, bring the replicas back, or raise maxPrimaryReads',
      { outcome: 'not-applied' },
    )
    this.maxPrimaryReads = maxPrimaryReads
    this.reason = reason
  }
}

/** The pool called `primary` leads to a server that is in recovery. */
export class NotPrimaryError extends QuorateError {
  readonly code = 'QUORATE_RYW_NOT_PRIMARY'

  constructor() {
    super(
      'Cannot use the primary: the server its pool leads to is a replica now; point the pool to the new primary',
      { outcome: 'not-applied' },
    )
  }
}

/** A statement in the transaction had failed and its error was swallowed, so it was rolled back. */
export class TransactionAbortedError extends QuorateError {
  readonly code = 'QUORATE_RYW_TRANSACTION_ABORTED'

  constructor(cause?: unknown) {
    super(
      'Cannot commit the transaction: one of its statements had failed, so it was rolled back; let that error ' +
        'leave the callback, or use a savepoint',
      { outcome: 'not-applied', cause },
    )
  }
}

/** COMMIT was sent and its answer did not come: read back before you repeat. */
export class CommitUnknownError extends QuorateError {
  readonly code = 'QUORATE_RYW_COMMIT_UNKNOWN'

  constructor(cause: unknown) {
    super(
      'Cannot tell whether the transaction is committed: the connection was lost after COMMIT was sent; ' +
        'read back what it wrote before you repeat it',
      { outcome: 'unknown', cause },
    )
  }
}

/** The router was stopped. */
export class RouterStoppedError extends QuorateError {
  readonly code = 'QUORATE_RYW_STOPPED'

  constructor() {
    super('Cannot read or write: the router was stopped; make a new one', { outcome: 'not-applied' })
  }
}
