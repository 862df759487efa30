/**
 * N, W and R at the client: quorum reads and writes with read repair over any versioned replicas.
 * @packageDocumentation
 */
export { describe, type DescribeOptions, type QuorumDescription } from './describe.ts'
export {
  QuorumStoppedError,
  QuorumUnavailableError,
  ReplicaBusyError,
  type ReplicaFailure,
} from './errors.ts'
export type { QuorumEvent } from './events.ts'
export type { Level } from './level.ts'
export { quorum } from './quorum.ts'
export type { QuorumReadReplica, QuorumReplica, ReplicaCallOptions, Tag, TaggedRecord } from './replica.ts'
export type {
  Consistency,
  Quorum,
  QuorumOptions,
  QuorumReader,
  QuorumReaderOptions,
  ReadOptions,
  ReadResult,
  WriteOptions,
  WriteResult,
} from './types.ts'
