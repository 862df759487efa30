import { type Outcome, QuorateError } from '@quorate/core'

const NON_RETRYABLE = Symbol.for('quorate.saga.non-retryable')

/** Options of {@link NonRetryableError}. */
export interface NonRetryableErrorOptions {
  readonly cause?: unknown
  /** Facts to keep with the failure, as JSON: `run.result()` hands them to whoever started the saga. */
  readonly data?: unknown
  /** A name for programs, kept with the failure. Default `QUORATE_SAGA_NON_RETRYABLE`. */
  readonly code?: string | undefined
}

/**
 * Thrown by a step that knows that another attempt cannot help (card declined, out of stock): the saga
 * turns round at once; from a compensation: it stops and needs attention.
 *
 * @example
 * ```ts
 * throw new NonRetryableError('card declined', { code: 'CARD_DECLINED', data: { reason: 'expired' } })
 * ```
 */
export class NonRetryableError extends Error {
  readonly code: string
  readonly data: unknown

  constructor(message: string, options: NonRetryableErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = options.code ?? 'QUORATE_SAGA_NON_RETRYABLE'
    this.data = options.data
    Object.defineProperty(this, NON_RETRYABLE, { value: true })
  }
}

/** True for a {@link NonRetryableError}, also one made by another copy of the package. */
export function isNonRetryable(error: unknown): error is NonRetryableError {
  return typeof error === 'object' && error !== null && NON_RETRYABLE in error
}

/** A saga with this id exists and is another one: other input, or another definition. */
export class SagaConflictError extends QuorateError {
  readonly code = 'QUORATE_SAGA_CONFLICT'
  readonly id: string
  /** What differs. */
  readonly differs: 'input' | 'saga'
  /** Name of the saga that has the id. */
  readonly existing: string

  constructor(facts: { id: string; differs: 'input' | 'saga'; saga: string; existing: string }) {
    const what = facts.differs === 'input' ? 'with other input' : `as saga ${facts.existing}`
    super(
      `Cannot start saga ${facts.saga}: id ${facts.id} exists ${what}, and one id is one saga; ` +
        `use another id, or engine.handle(id) to follow the one that exists`,
      { outcome: 'not-applied' },
    )
    this.id = facts.id
    this.differs = facts.differs
    this.existing = facts.existing
  }
}

/** No saga has this id. */
export class SagaNotFoundError extends QuorateError {
  readonly code = 'QUORATE_SAGA_NOT_FOUND'
  readonly id: string

  constructor(id: string, action: string) {
    super(`Cannot ${action}: no saga has id ${id}; start it first`, { outcome: 'not-applied' })
    this.id = id
  }
}

/** The saga did not end, or was not known to be written, within the time the caller gave. */
export class SagaTimeoutError extends QuorateError {
  readonly code = 'QUORATE_SAGA_TIMEOUT'
  readonly id: string
  readonly deadlineMs: number

  constructor(facts: { id: string; deadlineMs: number; waitedFor: 'start' | 'result'; cause?: unknown }) {
    super(
      facts.waitedFor === 'start'
        ? `Cannot say that saga ${facts.id} started: no commit within ${facts.deadlineMs} ms; ` +
            `start it again with the same id, which never runs it twice`
        : `Cannot wait longer for saga ${facts.id}: it did not end within ${facts.deadlineMs} ms and goes on; ` +
            `call engine.handle(id).result() again, or raise deadlineMs`,
      { outcome: 'unknown', cause: facts.cause },
    )
    this.id = facts.id
    this.deadlineMs = facts.deadlineMs
  }
}

/** The engine was stopped. Sagas it held go on in another engine, or when one starts. */
export class SagaEngineStoppedError extends QuorateError {
  readonly code = 'QUORATE_SAGA_ENGINE_STOPPED'

  constructor(action: string) {
    super(`Cannot ${action}: this engine is stopped; the sagas go on in another one`, { outcome: 'unknown' })
  }
}

/**
 * Another engine declared this one dead because its lease ran out, and took its sagas over. The reason
 * of the `signal` of steps that were running; nothing they return is recorded.
 */
export class SagaFencedError extends QuorateError {
  readonly code = 'QUORATE_SAGA_FENCED'

  constructor() {
    super(
      `Cannot record the step: the lease of this engine ran out and its sagas were taken over; ` +
        `stop work on this step, its new owner repeats it with the same key`,
      { outcome: 'not-applied' },
    )
  }
}

/** The store refused a write or a read, and repeating it would not help; `cause` is the driver's error. */
export class SagaStoreError extends QuorateError {
  readonly code = 'QUORATE_SAGA_STORE'

  constructor(action: string, cause: unknown, outcome: Outcome = 'not-applied') {
    const told = cause instanceof Error ? cause.message : String(cause)
    super(`Cannot ${action}: the store says "${told}"; check that engine.migrate() ran on this database`, {
      outcome,
      cause,
    })
  }
}

/** An attempt of a step took longer than its `deadlineMs`: the reason of its `signal`. */
export class StepTimeoutError extends QuorateError {
  readonly code = 'QUORATE_SAGA_STEP_TIMEOUT'
  readonly step: string
  readonly deadlineMs: number

  constructor(step: string, deadlineMs: number) {
    super(
      `Cannot wait longer for step ${step}: no answer within ${deadlineMs} ms; ` +
        `it may have happened, so find out by its key, or raise deadlineMs`,
      { outcome: 'unknown' },
    )
    this.step = step
    this.deadlineMs = deadlineMs
  }
}
