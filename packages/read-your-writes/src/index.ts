/**
 * Every user sees their own writes, and replicas still do the reading.
 * @packageDocumentation
 */
export {
  CommitUnknownError,
  NotPrimaryError,
  PrimaryBusyError,
  RouterStoppedError,
  TransactionAbortedError,
} from './errors.ts'
export type { PrimaryReason, ReadYourWritesEvent } from './events.ts'
export type { HealthStatus } from './health.ts'
export type { Lag } from './lag.ts'
export type { Level, ReadYourWritesOptions, ReplicaOptions, Work } from './options.ts'
export type { PgPool, PgPoolClient, PgResult, Queryable } from './postgres/port.ts'
export {
  type PrimaryStatus,
  type ReadOptions,
  type ReadYourWrites,
  readYourWrites,
  type ReplicaStatus,
  type WriteOptions,
} from './read-your-writes.ts'
export type { Session } from './session.ts'
export type { SessionOptions, SessionRouter } from './session-router.ts'
export type { TokenRejection } from './token.ts'
