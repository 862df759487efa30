/**
 * Anti-entropy: replicas on the two ends of any channel are brought to the same state.
 * @packageDocumentation
 */
export {
  type Channel,
  portChannel,
  type PortLike,
  streamChannel,
  type StreamLike,
  webSocketChannel,
  type WebSocketLike,
} from './channel.ts'
export { SyncError, type SyncProblem } from './errors.ts'
export {
  localReplica,
  type ReplicaReading,
  type ReplicaVersion,
  storedReplica,
  type SyncReplica,
} from './replica.ts'
export { type OpenOptions, type Sync, type SyncedDocument, syncOver, type SyncOptions } from './sync.ts'
