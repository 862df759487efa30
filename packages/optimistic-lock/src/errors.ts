import { QuorateError } from '@quorate/core'
import type { KeyValues, Version } from './types.ts'

/** The row exists, but not with the version the caller read: somebody else wrote in between. */
export class StaleVersionError extends QuorateError {
  readonly code = 'QUORATE_STALE_VERSION'
  readonly table: string
  readonly key: KeyValues
  /** The version the caller's row carries. */
  readonly expected: Version
  /** The version found right after the refusal; `undefined` if it could not be read. */
  readonly actual: Version | undefined

  constructor(facts: {
    action: string
    table: string
    key: KeyValues
    expected: Version
    actual: Version | undefined
    cause?: unknown
  }) {
    const { action, table, key, expected, actual, cause } = facts
    super(
      `Cannot ${action} ${describe(table, key)}: its version is ${actual ?? 'another one'}, expected ${expected}; ` +
        `read the row again and decide again, or use mutate()`,
      { outcome: 'not-applied', cause },
    )
    this.table = table
    this.key = key
    this.expected = expected
    this.actual = actual
  }
}

/** There is no row with this key, any more or at all. */
export class RowGoneError extends QuorateError {
  readonly code = 'QUORATE_ROW_GONE'
  readonly table: string
  readonly key: KeyValues

  constructor(facts: { action: string; table: string; key: KeyValues }) {
    const { action, table, key } = facts
    super(`Cannot ${action} ${describe(table, key)}: the row does not exist; insert() it first`, {
      outcome: 'not-applied',
    })
    this.table = table
    this.key = key
  }
}

/** `insert()` found the key taken. */
export class RowExistsError extends QuorateError {
  readonly code = 'QUORATE_ROW_EXISTS'
  readonly table: string
  readonly key: KeyValues

  constructor(facts: { table: string; key: KeyValues }) {
    const { table, key } = facts
    super(`Cannot insert ${describe(table, key)}: the row exists; get() and update() it`, {
      outcome: 'not-applied',
    })
    this.table = table
    this.key = key
  }
}

/** `mutate()` was called inside the caller's transaction, whose snapshot and locks would outlive every attempt. */
export class RetryInTransactionError extends QuorateError {
  readonly code = 'QUORATE_RETRY_IN_TRANSACTION'
  readonly table: string

  constructor(table: string) {
    super(
      `Cannot mutate a row of ${table}: the connection is inside a transaction, which must be repeated as a whole; ` +
        `use get() and update() there, or call mutate() outside`,
      { outcome: 'not-applied' },
    )
    this.table = table
  }
}

/**
 * The write was sent, and its answer did not come: the caller's signal was aborted, a deadline passed, or the connection
 * broke, as `cause` says. The server may still commit it.
 */
export class WriteUnknownError extends QuorateError {
  readonly code = 'QUORATE_WRITE_UNKNOWN'
  readonly table: string

  constructor(facts: { action: string; table: string; cause: unknown }) {
    const { action, table, cause } = facts
    super(
      `Cannot tell what became of the ${action} on ${table}: it was sent, and its answer did not come, see cause; ` +
        `it may have been applied or may still be; read the row back before repeating`,
      { outcome: 'unknown', cause },
    )
    this.table = table
  }
}

function describe(table: string, key: KeyValues): string {
  const columns = Object.entries(key).map(([column, value]) => `${column} = ${String(value)}`)
  return `${table} (${columns.join(', ')})`
}
