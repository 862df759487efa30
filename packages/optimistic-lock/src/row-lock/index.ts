/**
 * The pessimistic twin: a row held from the read to the commit.
 * @packageDocumentation
 */
export { RowHoldTimeoutError, RowLockLostError, RolledBackError, RowLockedError } from './errors.ts'
export { type LockedRow, type RowLockOptions, type RowLockTarget, withRowLock } from './row-lock.ts'
export type { PgPool, PgPoolClient } from '../pg-pool.ts'
export { type Table, table } from '../pg/table.ts'
