import { QuorateError } from '@quorate/core'
import type { KeyValues, Version } from './types.ts'

/** What a version is: an integer column, `xmin`, a time, or the old values themselves. */
export type VersionKind = 'number' | 'xmin' | 'time' | 'values'

/** The row exists, but not with the version the caller read: somebody else wrote in between. */
export class StaleVersionError extends QuorateError {
  readonly code = 'QUORATE_STALE_VERSION'
  readonly table: string
  readonly key: KeyValues
  /** The version the caller's row carries; of `byValues`, the values that have changed, as JSON. */
  readonly expected: Version
  /** The version found right after the refusal, in the same form; `undefined` if it could not be read. */
  readonly actual: Version | undefined
  /** What the two are. */
  readonly versionKind: VersionKind

  constructor(facts: {
    action: string
    table: string
    key: KeyValues
    expected: Version
    actual: Version | undefined
    versionKind?: VersionKind | undefined
    cause?: unknown
  }) {
    const { action, table, key, expected, actual, versionKind = 'number', cause } = facts
    // Old values may be anything, also what nobody should find in a log.
    const difference =
      versionKind === 'values'
        ? 'its values are not those it was read with'
        : `its version is ${actual ?? 'another one'}, expected ${expected}`
    super(
      `Cannot ${action} ${describe(table, key)}: ${difference}; read the row again and decide again, or use mutate()`,
      { outcome: 'not-applied', cause },
    )
    this.versionKind = versionKind
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

/**
 * A write by this key could change several rows: there is no unique index on its columns or some of them, but for those
 * named in `uncounted`. Found by the catalog before the first write; nothing was sent.
 */
export class KeyNotUniqueError extends QuorateError {
  readonly code = 'QUORATE_KEY_NOT_UNIQUE'
  readonly table: string
  /** Names of the key columns, as the caller spells them. */
  readonly key: readonly string[]
  /** SQL that makes the index that is missing. */
  readonly index: string
  /**
   * Unique indexes on the key that let two rows have it all the same, each with the reason: it has a `WHERE`, it is on an
   * expression, or it is not valid (`REINDEX` it).
   */
  readonly uncounted: readonly string[]

  constructor(facts: {
    table: string
    key: readonly string[]
    index: string
    uncounted?: readonly string[] | undefined
  }) {
    const { table, key, index, uncounted = [] } = facts
    const but = uncounted.length === 0 ? '' : ` (${uncounted.join(', ')}, and does not count)`
    super(
      `Cannot write to ${table} by ${key.join(', ')}: no unique index is on these columns or some of them${but}, so several ` +
        `rows could be meant; name the columns of one as key, or make it: ${index}`,
      { outcome: 'not-applied' },
    )
    this.table = table
    this.key = key
    this.index = index
    this.uncounted = uncounted
  }
}

/**
 * The database kept the write from being made, without an error of its own: a trigger that returns NULL, a rule, or a
 * row-level security policy. The row has the version that was expected, so nobody else was faster, and `mutate()` does
 * not try again.
 */
export class WriteRefusedError extends QuorateError {
  readonly code = 'QUORATE_WRITE_REFUSED'
  readonly table: string
  /** The row's key; `undefined` if the write was of several rows. */
  readonly key: KeyValues | undefined

  constructor(facts: { action: string; table: string; key: KeyValues | undefined; cause?: unknown }) {
    const { action, table, key, cause } = facts
    super(
      `Cannot ${action} ${key === undefined ? table : describe(table, key)}: the database skipped the write without an ` +
        `error; look for a trigger that returns NULL, a rule or a row-level security policy`,
      { outcome: 'not-applied', cause },
    )
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
 * broke, as `cause` says. The server may still commit it. Or the answer does not tell: more rows than one were written
 * through a view, or an inserted row could not be read back.
 */
export class WriteUnknownError extends QuorateError {
  readonly code = 'QUORATE_WRITE_UNKNOWN'
  readonly table: string

  constructor(facts: { action: string; table: string; cause: unknown }) {
    const { action, table, cause } = facts
    super(
      `Cannot tell what became of the ${action} on ${table}: it was sent, and its answer did not come or does not tell, see cause; ` +
        `it may have been applied or may still be; read the row back before repeating`,
      { outcome: 'unknown', cause },
    )
    this.table = table
  }
}

function describe(table: string, key: KeyValues): string {
  const columns = Object.entries(key).map(([column, value]) => `${column} = ${String(value)}`)
  return columns.length === 0 ? `a row of ${table}` : `${table} (${columns.join(', ')})`
}
