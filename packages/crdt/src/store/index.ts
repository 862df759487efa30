/**
 * Documents by key over any database: what the stores for Redis, Postgres and memory share, and the port to write
 * another one.
 * @packageDocumentation
 */
export {
  type AnyCrdt,
  type CallOptions,
  type DocumentStore,
  type DocumentType,
  type Edited,
  type EditOptions,
  type StoreClock,
  type StoreOptions,
} from '../store.ts'
export {
  type Backend,
  BackendError,
  type Change,
  type Committed,
  type Position,
  type ReadOptions,
  type Stored,
} from './backend.ts'
export { documentStore, type DocumentStoreOptions } from './document-store.ts'
export { StoreBusyError, StoreError } from './errors.ts'
