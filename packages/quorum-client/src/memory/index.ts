/**
 * Replicas in the memory of the process, for tests and first steps.
 * @packageDocumentation
 */
export { memoryReplica, type MemoryReplica, type MemoryReplicaOptions } from './memory-replica.ts'
