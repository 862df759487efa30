/**
 * Updates that carry the version they read, and counters that never go below their bound.
 * The repositories are in `@quorate/optimistic-lock/kysely` and `@quorate/optimistic-lock/pg`.
 * @packageDocumentation
 */
export {
  KeyNotUniqueError,
  RetryInTransactionError,
  RowExistsError,
  RowGoneError,
  StaleVersionError,
  type VersionKind,
  WriteRefusedError,
  WriteUnknownError,
} from './errors.ts'
export type { OptimisticEvent } from './events.ts'
export type {
  AdjustAllResult,
  AdjustItem,
  AdjustOptions,
  Amount,
  AmountsOf,
  CallOptions,
  GetOrInsertResult,
  KeyOf,
  KeyValues,
  MutateContext,
  MutateOptions,
  OptimisticRepository,
  RepositoryOptions,
  RepositoryTypes,
  TransactionRepository,
  Version,
  VersionedKeyOf,
} from './types.ts'
