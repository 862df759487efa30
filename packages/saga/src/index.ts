/**
 * Durable, orchestrated sagas on Postgres: long work across services that ends done or undone.
 * @packageDocumentation
 */
export { createSagaEngine } from './engine.ts'
export type {
  ResultOptions,
  SagaEngine,
  SagaEngineCommonOptions,
  SagaEngineOptions,
  SagaHandle,
  SagaRun,
  SagaStoreEngineOptions,
  StartOptions,
} from './engine-api.ts'
export {
  isNonRetryable,
  NonRetryableError,
  type NonRetryableErrorOptions,
  SagaConflictError,
  SagaEngineStoppedError,
  SagaFencedError,
  SagaNotFoundError,
  SagaStoreError,
  SagaTimeoutError,
  StepTimeoutError,
} from './errors.ts'
export type { SagaEvent } from './events.ts'
export type { SagaFailure } from './failure.ts'
export type { Stored } from './json.ts'
export type { LogRecord, SagaSignal, SagaStatus } from './log.ts'
export type { PgClient, PgPool, PgStatement } from './postgres/pool.ts'
export {
  type AnySaga,
  type CompensateContext,
  type PgTx,
  type Saga,
  saga,
  type SagaInput,
  type SagaOptions,
  type SagaResults,
  type SagaStep,
  type StepContext,
  type StepOptions,
  type StepRetry,
  type StepRetryOptions,
  type TxCompensateContext,
  type TxContext,
  type TxOptions,
  type WaitOptions,
} from './saga.ts'
export type { SchemaResult, StandardSchema } from './schema.ts'
export {
  type RowChange,
  type SagaFilter,
  type SagaStart,
  type SagaStore,
  type SagaSummary,
  type SagaWrite,
  type StoredSaga,
  StoreFault,
  type WriteReply,
} from './store.ts'
export type { SagaResult, SagaStepView, SagaView } from './view.ts'
