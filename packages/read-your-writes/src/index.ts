/**
 * Every user sees their own writes, and replicas still do the reading.
 * @packageDocumentation
 */
export {
  CommitUnknownError,
  NoSynchronousStandbyError,
  NotPrimaryError,
  PrimaryBusyError,
  PrimaryUnavailableError,
  ReadInterruptedError,
  RouterStoppedError,
  TransactionAbortedError,
  UnavailableError,
} from './errors.ts'
export type { PrimaryReason, ReadYourWritesEvent } from './events.ts'
export type { HealthStatus } from './health.ts'
export type { Lag } from './lag.ts'
export { bounded, type BoundedLevel, type Level } from './level.ts'
export type { ReadYourWritesOptions, ReplicaOptions, Work } from './options.ts'
export type { PgPool, PgPoolClient, PgResult, PgStatement, Queryable } from './postgres/port.ts'
export type { LeaseCommitOptions, LeaseExecuteOptions, LeaseOptions, PrimaryLease } from './primary-lease.ts'
export { readYourWrites } from './read-your-writes.ts'
export type {
  ExecuteOptions,
  PrimaryStatus,
  ReadOptions,
  ReadYourWrites,
  ReplicaStatus,
  WriteOptions,
} from './router-api.ts'
export type { Session } from './session.ts'
export type { SessionOptions, SessionRouter } from './session-router.ts'
export { mayWrite } from './sql-kind.ts'
export type { TokenRejection } from './signed-bytes.ts'
export type { SnapshotIsolation } from './transaction.ts'
