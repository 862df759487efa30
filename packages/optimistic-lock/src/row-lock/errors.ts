import { QuorateError } from '@quorate/core'
import type { KeyValues } from '../types.ts'

/** Somebody else has the row locked; nothing was done. */
export class RowLockedError extends QuorateError {
  readonly code = 'QUORATE_ROW_LOCKED'
  readonly table: string
  readonly key: KeyValues
  /** How long it was waited for, ms; 0 with `wait: 'nowait'`. */
  readonly waitedMs: number

  constructor(facts: { table: string; key: KeyValues; waitedMs: number; cause: unknown }) {
    const { table, key, waitedMs, cause } = facts
    const columns = Object.entries(key).map(([column, value]) => `${column} = ${String(value)}`)
    super(
      `Cannot lock ${table} (${columns.join(', ')}): somebody else has it` +
        (waitedMs > 0
          ? `, after ${waitedMs} ms; try later, or raise lockTimeoutMs`
          : `; try later, or wait for it`),
      { outcome: 'not-applied', cause },
    )
    this.table = table
    this.key = key
    this.waitedMs = waitedMs
  }
}

/** The row was held for too long, and the server ended the transaction; nothing was applied. */
export class RowHoldTimeoutError extends QuorateError {
  readonly code = 'QUORATE_ROW_HOLD_TIMEOUT'
  readonly table: string
  readonly key: KeyValues
  /** From the beginning of the transaction: `lockTimeoutMs` and `holdTimeoutMs`. */
  readonly limitMs: number

  constructor(facts: { table: string; key: KeyValues; limitMs: number; cause: unknown }) {
    const { table, key, limitMs, cause } = facts
    super(
      `Cannot commit on ${table}: ${limitMs} ms after its beginning, lockTimeoutMs and holdTimeoutMs together, the server ` +
        'ended the transaction, and nothing of it is applied; do less under the lock, or raise holdTimeoutMs',
      { outcome: 'not-applied', cause },
    )
    this.table = table
    this.key = key
    this.limitMs = limitMs
  }
}

/** A statement under the row lock failed and its error was caught, so the commit became a rollback; nothing was applied. */
export class RolledBackError extends QuorateError {
  readonly code = 'QUORATE_ROLLED_BACK'
  readonly table: string

  constructor(table: string) {
    super(
      `Cannot commit on ${table}: a statement of the transaction failed and its error was caught, so all was rolled ` +
        `back; let the error pass, or put the statement into a savepoint`,
      { outcome: 'not-applied' },
    )
    this.table = table
  }
}

/**
 * The function that was given the lock ended its transaction itself, by a `COMMIT` or `ROLLBACK`. What it did up to there is
 * committed or rolled back, what it did after that is committed, and nobody had the row locked for it.
 */
export class RowLockLostError extends QuorateError {
  readonly code = 'QUORATE_ROW_LOCK_LOST'
  readonly table: string

  constructor(facts: { table: string; cause: unknown }) {
    const { table, cause } = facts
    super(
      `Cannot commit on ${table}: the transaction was ended before, by a COMMIT or ROLLBACK under the row lock, and the ` +
        `lock with it; leave both to withRowLock(), and read back what was written`,
      { outcome: 'unknown', cause },
    )
    this.table = table
  }
}
