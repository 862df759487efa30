import { QuorateError } from '@quorate/core'

/**
 * The transaction was rolled back everywhere: a statement failed and its error was swallowed, a constraint failed at
 * the end, or recovery, which took this coordinator for dead, closed the transaction first.
 */
export class TransactionAbortedError extends QuorateError {
  readonly code = 'QUORATE_TPC_ABORTED'
  /** Whose part failed, if it was one's. */
  readonly participant: string | undefined

  constructor(
    reason: string,
    { participant, cause }: { participant?: string | undefined; cause?: unknown } = {},
  ) {
    super(`Cannot commit the transaction: ${reason}, so all of it was rolled back; mend that and try again`, {
      outcome: 'not-applied',
      cause,
    })
    this.participant = participant
  }
}

/** Postgres cannot prepare what the transaction did on a participant: temporary tables, LISTEN, NOTIFY, a cursor WITH HOLD. */
export class CannotPrepareError extends QuorateError {
  readonly code = 'QUORATE_TPC_CANNOT_PREPARE'
  readonly participant: string

  constructor(participant: string, cause: Error) {
    super(
      `Cannot prepare the transaction on ${participant}: ${cause.message}; all of it was rolled back; do that outside ` +
        'of the transaction, or on the participant that keeps the decisions, which is not prepared',
      { outcome: 'not-applied', cause },
    )
    this.participant = participant
  }
}

/** The deadline passed before anything was decided; all is rolled back. */
export class TransactionTimeoutError extends QuorateError {
  readonly code = 'QUORATE_TPC_TIMEOUT'
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(
      `Cannot commit the transaction within ${timeoutMs} ms: nothing was decided, so all of it was rolled back; hold ` +
        'locks for less time, give the pools more connections, raise timeoutMs, or use a saga for what takes long',
      { outcome: 'not-applied' },
    )
    this.timeoutMs = timeoutMs
  }
}

/**
 * Nobody could be asked what was decided. The transaction is committed everywhere or nowhere, or will be:
 * `coordinator.status(id)` tells, once the server that keeps the decision answers again.
 */
export class InDoubtError extends QuorateError {
  readonly code = 'QUORATE_TPC_IN_DOUBT'
  /** `undefined` if only one participant wrote: its own COMMIT was not answered, and no record is kept of that. */
  readonly id: string | undefined

  constructor(id: string | undefined, cause: unknown) {
    super(
      'Cannot tell whether the transaction is committed: the answer was lost, and its server does not say; ' +
        (id === undefined
          ? 'read back what it wrote before you repeat it'
          : `ask status('${id}') later, before you repeat it`),
      { outcome: 'unknown', cause },
    )
    this.id = id
  }
}

/** A server did not answer, or was lost, before anything was decided; also of calls that only ask. */
export class ParticipantUnavailableError extends QuorateError {
  readonly code = 'QUORATE_TPC_PARTICIPANT_UNAVAILABLE'
  readonly participant: string

  constructor(participant: string, cause: unknown) {
    super(
      `Cannot reach ${participant}: its server does not answer, or the connection was lost; nothing is committed by ` +
        'this call, nor will be; try again when it is back',
      { outcome: 'not-applied', cause },
    )
    this.participant = participant
  }
}

/** A participant allows no prepared transactions, which is how Postgres comes. */
export class PreparedTransactionsOffError extends QuorateError {
  readonly code = 'QUORATE_TPC_PREPARED_TRANSACTIONS_OFF'
  readonly participant: string

  constructor(participant: string) {
    super(
      `Cannot use ${participant} as a participant: its max_prepared_transactions is 0; set it in postgresql.conf to ` +
        'at least max_connections, there and on its standbys, and restart it',
      { outcome: 'not-applied' },
    )
    this.participant = participant
  }
}

/** A participant has as many prepared transactions as it allows. */
export class PreparedTransactionsFullError extends QuorateError {
  readonly code = 'QUORATE_TPC_PREPARED_TRANSACTIONS_FULL'
  readonly participant: string

  constructor(participant: string, cause: unknown) {
    super(
      `Cannot prepare the transaction on ${participant}: it has as many as its max_prepared_transactions allows; all ` +
        'was rolled back; raise the setting to max_connections, and see status() for what is left over',
      { outcome: 'not-applied', cause },
    )
    this.participant = participant
  }
}

/** The pool of a participant, or of the log, leads to a server in recovery. */
export class NotPrimaryError extends QuorateError {
  readonly code = 'QUORATE_TPC_NOT_PRIMARY'
  readonly server: string

  constructor(server: string) {
    super(`Cannot use ${server}: its pool leads to a standby; point it to the primary`, {
      outcome: 'not-applied',
    })
    this.server = server
  }
}

/** The sessions of a pool hide warnings, which alone tell of a commit that the standbys do not have. */
export class WarningsHiddenError extends QuorateError {
  readonly code = 'QUORATE_TPC_WARNINGS_HIDDEN'
  readonly server: string

  constructor(server: string) {
    super(
      `Cannot use ${server}: its sessions have client_min_messages = error, so that a commit which stops to wait for ` +
        'its standby is not noticed; set it to warning or notice for this user or database',
      { outcome: 'not-applied' },
    )
    this.server = server
  }
}

/** Two participants are one database: that needs no second phase, and their prepared transactions could not be told apart. */
export class SameDatabaseError extends QuorateError {
  readonly code = 'QUORATE_TPC_SAME_DATABASE'
  readonly participants: readonly [string, string]

  constructor(participants: readonly [string, string]) {
    super(
      `Cannot use ${participants.join(' and ')} as two participants: both are the same database; make them one`,
      { outcome: 'not-applied' },
    )
    this.participants = participants
  }
}

/** The tables of the decision log are not there. */
export class NotMigratedError extends QuorateError {
  readonly code = 'QUORATE_TPC_NOT_MIGRATED'

  constructor(schema: string, cause?: unknown) {
    super(`Cannot use the decision log: its tables are not in schema ${schema}; call migrate() once`, {
      outcome: 'not-applied',
      cause,
    })
  }
}

/** A manual decision would contradict the record, or have nothing to stand on. */
export class OverrideRefusedError extends QuorateError {
  readonly code = 'QUORATE_TPC_OVERRIDE_REFUSED'
  readonly id: string
  /** What is on record. */
  readonly decision: 'commit' | 'abort' | undefined

  constructor(id: string, wanted: 'commit' | 'abort', decision: 'commit' | 'abort' | undefined) {
    super(
      `Cannot ${wanted} ${id} by hand: ` +
        (decision === undefined
          ? 'no commit is on record, so its part where the record would be did not happen'
          : `${decision} is on record, and some may have been told`) +
        '; leave it to recovery, or pass force if you have mended the data yourself',
      { outcome: 'not-applied' },
    )
    this.id = id
    this.decision = decision
  }
}

/** A manual decision was cut off after it may have been written down, and perhaps told to some. */
export class OverrideUnfinishedError extends QuorateError {
  readonly code = 'QUORATE_TPC_OVERRIDE_UNFINISHED'
  readonly id: string
  readonly decision: 'commit' | 'abort'
  /** The participants that were told. */
  readonly told: readonly string[]

  constructor(id: string, decision: 'commit' | 'abort', told: readonly string[], cause: unknown) {
    super(
      `Cannot tell whether all of ${id} was ended by hand: the decision was sent, and what came after it failed; ` +
        `call resolve() with ${decision} again, which ends what is left`,
      { outcome: 'unknown', cause },
    )
    this.id = id
    this.decision = decision
    this.told = told
  }
}

/** The coordinator was stopped. */
export class CoordinatorStoppedError extends QuorateError {
  readonly code = 'QUORATE_TPC_STOPPED'

  constructor() {
    super('Cannot use the coordinator: it was stopped; create a new one', { outcome: 'not-applied' })
  }
}
