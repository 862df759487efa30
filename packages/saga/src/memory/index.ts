/**
 * A saga store in memory, for tests and first steps.
 * @packageDocumentation
 */
export {
  type MemorySagaStore,
  memorySagaStore,
  type MemorySagaStoreOptions,
  type MemoryTx,
} from './memory-store.ts'
