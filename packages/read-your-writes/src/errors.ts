import { QuorateError, type QuorateErrorOptions } from '@quorate/core'

/**
 * What a client may be told as "try again soon": Express and Fastify answer 503 with `Retry-After` by themselves
 * when a handler throws one of these, Nest with the filter of `/nest`.
 */
export abstract class UnavailableError extends QuorateError {
  readonly statusCode = 503
  readonly headers: Readonly<Record<string, string>> = { 'Retry-After': '1' }
}

/**
 * The primary cannot be reached: nobody answers, it has fallen silent, or no connection came free in time.
 * Reads go on, on replicas that have all they must see.
 */
export class PrimaryUnavailableError extends UnavailableError {
  readonly code = 'QUORATE_RYW_PRIMARY_UNAVAILABLE'

  /**
   * @param state what is wrong, in words.
   * @param advice what to do.
   */
  constructor(
    state: string,
    {
      outcome = 'not-applied',
      cause,
      advice = 'try again when it is back, or lead its pool or client to the new primary',
    }: Partial<QuorateErrorOptions> & { readonly advice?: string } = {},
  ) {
    super(`Cannot use the primary: ${state}; ${advice}`, { outcome, cause })
  }
}

/** A write was to wait for the replicas, and the primary has no synchronous standby to wait for. */
export class NoSynchronousStandbyError extends QuorateError {
  readonly code = 'QUORATE_RYW_NO_SYNCHRONOUS_STANDBY'

  constructor() {
    super(
      'Cannot write with remoteApply: the primary has no synchronous standby, so the commit would wait for nobody; ' +
        'set synchronous_standby_names there, or leave remoteApply out and hand the token on',
      { outcome: 'not-applied' },
    )
  }
}

/** As many reads as allowed have spilled to the primary already; this one was not run. */
export class PrimaryBusyError extends UnavailableError {
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

/** What is called `primary` leads to a replica. */
export class NotPrimaryError extends UnavailableError {
  readonly code = 'QUORATE_RYW_NOT_PRIMARY'

  constructor() {
    super(
      'Cannot use the primary: the server it leads to is a replica now; lead its pool or client to the new primary',
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

/** COMMIT was sent and its answer did not come, or not in time: read back before you repeat. */
export class CommitUnknownError extends QuorateError {
  readonly code = 'QUORATE_RYW_COMMIT_UNKNOWN'

  constructor(cause: unknown) {
    super(
      'Cannot tell whether the transaction is committed: no answer came after COMMIT was sent; ' +
        'read back what it wrote before you repeat it',
      { outcome: 'unknown', cause },
    )
  }
}

/**
 * The server of a transaction or a stream that only reads was lost in the middle: what it has shown cannot be
 * gone on with elsewhere.
 */
export class ReadInterruptedError extends UnavailableError {
  readonly code = 'QUORATE_RYW_READ_INTERRUPTED'

  constructor() {
    super(
      'Cannot go on reading: the server that held the transaction was lost, and no other has its snapshot; ' +
        'begin the transaction or the stream again',
      { outcome: 'not-applied' },
    )
  }
}

/** The router was stopped. */
export class RouterStoppedError extends UnavailableError {
  readonly code = 'QUORATE_RYW_STOPPED'

  constructor() {
    super('Cannot read or write: the router was stopped; make a new one', { outcome: 'not-applied' })
  }
}
