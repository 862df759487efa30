/**
 * Group commit for hot rows: thousands of callers, one statement, and each its own yes or no.
 * @packageDocumentation
 */
export { BatcherFullError, BatcherStoppedError, BatchTimeoutError } from './errors.ts'
export type { BatcherEvent } from './events.ts'
export { hotRowBatcher, type HotRowBatcher, type HotRowBatcherOptions } from './hot-row-batcher.ts'
export type { BatcherOptions, Grant, RequestOptions } from './options.ts'
export type { BatcherClient, BatcherPool } from './pg-store.ts'
export type { PgPoolClient } from '../pg-pool.ts'
export { type Table, table } from '../pg/table.ts'
