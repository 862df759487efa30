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
      `Cannot lock ${table} (${columns.join(', ')}): somebody else has it, after ${waitedMs} ms; ` +
        `try later, or raise lockTimeoutMs`,
      { outcome: 'not-applied', cause },
    )
    this.table = table
    this.key = key
    this.waitedMs = waitedMs
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
