/**
 * Atomic commit over several Postgres servers.
 * @packageDocumentation
 */
export { createCoordinator } from './coordinator.ts'
export type { Coordinator } from './coordinator-api.ts'
export {
  CannotPrepareError,
  CoordinatorStoppedError,
  InDoubtError,
  NotMigratedError,
  NotPrimaryError,
  OverrideRefusedError,
  OverrideUnfinishedError,
  ParticipantUnavailableError,
  PreparedTransactionsFullError,
  PreparedTransactionsOffError,
  SameDatabaseError,
  TransactionAbortedError,
  TransactionTimeoutError,
  WarningsHiddenError,
} from './errors.ts'
export type { CoordinatorEvent, How } from './events.ts'
export type { Decision } from './machine.ts'
export {
  type Clients,
  coLocated,
  type CoordinatorOptions,
  type LogPlace,
  type Participants,
  type RecoveryReport,
  type ResolveOptions,
  separateLog,
  type TransactionContext,
  type TransactionOptions,
  type TransactionStatus,
  type WaitOptions,
} from './options.ts'
export type { PgNotice, PgPool, PgPoolClient, PgResult, Queryable } from './postgres/port.ts'
export type { Isolation } from './postgres/sql.ts'
export type { CoordinatorSpans, SpanRecovery, SpanStep } from './spans.ts'
