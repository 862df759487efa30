/**
 * Locks within one process: for tests and first steps.
 * @packageDocumentation
 */
export { memoryLockStore, type MemoryLockStoreOptions } from './store.ts'
