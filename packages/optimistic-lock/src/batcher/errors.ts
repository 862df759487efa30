import { QuorateError } from '@quorate/core'

/** As many requests wait as may; nothing was sent. The database is slower than the callers: shed load, or wait. */
export class BatcherFullError extends QuorateError {
  readonly code = 'QUORATE_BATCHER_FULL'
  readonly table: string
  /** How many wait, which is the most that may. */
  readonly waiting: number

  constructor({ table, waiting }: { table: string; waiting: number }) {
    super(
      `Cannot queue a request on ${table}: ${waiting} are waiting, as many as may; try later, or raise maxWaiting`,
      { outcome: 'not-applied' },
    )
    this.table = table
    this.waiting = waiting
  }
}

/** The deadline passed before the request was part of a statement that could be applied; `cause` is the last failure. */
export class BatchTimeoutError extends QuorateError {
  readonly code = 'QUORATE_BATCH_TIMEOUT'
  readonly table: string
  readonly deadlineMs: number

  constructor({ table, deadlineMs, cause }: { table: string; deadlineMs: number; cause: unknown }) {
    super(
      `Cannot adjust a row of ${table}: its turn did not come within ${deadlineMs} ms, nothing was applied; ` +
        `repeat it, or raise deadlineMs`,
      { outcome: 'not-applied', cause },
    )
    this.table = table
    this.deadlineMs = deadlineMs
  }
}

/** The batcher was stopped before the request came. */
export class BatcherStoppedError extends QuorateError {
  readonly code = 'QUORATE_BATCHER_STOPPED'
  readonly table: string

  constructor(table: string) {
    super(`Cannot queue a request on ${table}: its batcher is stopped; make another one`, {
      outcome: 'not-applied',
    })
    this.table = table
  }
}
