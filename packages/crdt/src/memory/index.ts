/**
 * Documents within one process: for tests and first steps.
 * @packageDocumentation
 */
export { memoryBackend, type MemoryBackendOptions } from './backend.ts'
export { memoryStore, type MemoryStoreOptions } from './store.ts'
