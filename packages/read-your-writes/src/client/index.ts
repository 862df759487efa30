/**
 * Read-your-writes for browsers: a `fetch` that carries tokens where a cookie does not, across tabs, and updates that
 * are shown before they are confirmed.
 * @packageDocumentation
 */
export { type Client, type ClientOptions, createClient } from './client.ts'
export { AnswerError, NoAnswerError, RollbackError } from './errors.ts'
export type { ClientEvent, LostReason } from './events.ts'
export type { ChannelLike, StorageLike } from './ports.ts'
export { optimistic } from './optimistic.ts'
export type { RollbackReason } from './optimistic-state.ts'
export type {
  AttemptContext,
  Optimistic,
  OptimisticOptions,
  OptimisticSnapshot,
  OptimisticUpdate,
  UpdateResult,
} from './optimistic-types.ts'
