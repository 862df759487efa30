import { QuorateError } from '@quorate/core'

/** Why one replica did not count. */
export interface ReplicaFailure {
  readonly replica: string
  readonly error: unknown
}

/** Too few replicas answered a read in time; nothing was written. */
export class QuorumUnavailableError extends QuorateError {
  readonly code = 'QUORATE_QUORUM_UNAVAILABLE'
  readonly keys: readonly string[]
  /** Replicas that had to answer. */
  readonly needed: number
  /** Replicas that did answer. */
  readonly responses: readonly string[]
  /** Replicas that failed; one in neither list did not answer in time. */
  readonly failures: readonly ReplicaFailure[]

  constructor(
    what: string,
    facts: {
      readonly keys: readonly string[]
      readonly needed: number
      readonly responses: readonly string[]
      readonly failures: readonly ReplicaFailure[]
      readonly cause?: unknown
    },
  ) {
    const { keys, needed, responses, failures } = facts
    super(
      `Cannot ${what} ${keys.length === 1 ? JSON.stringify(keys[0]) : `${keys.length} keys`}: ` +
        `${responses.length} replicas answered, ${needed} must; try again, or read with a lower level`,
      { outcome: 'not-applied', cause: facts.cause ?? failures[0]?.error },
    )
    this.keys = keys
    this.needed = needed
    this.responses = responses
    this.failures = failures
  }
}

/** The quorum was stopped; nothing was sent. */
export class QuorumStoppedError extends QuorateError {
  readonly code = 'QUORATE_QUORUM_STOPPED'

  constructor() {
    super('Cannot call a quorum that is stopped; make a new one', { outcome: 'not-applied' })
  }
}

/** Why a call on a replica was not made: too many are pending. A failure of the replica, not thrown. */
export class ReplicaBusyError extends QuorateError {
  readonly code = 'QUORATE_REPLICA_BUSY'
  readonly replica: string
  readonly maxInFlight: number

  constructor(replica: string, maxInFlight: number) {
    super(
      `Cannot call replica ${replica}: ${maxInFlight} calls are pending; see why it does not answer, or raise maxInFlight`,
      { outcome: 'not-applied' },
    )
    this.replica = replica
    this.maxInFlight = maxInFlight
  }
}
