/**
 * Real Postgres with streaming replicas and real Redis with replicas, in one call: no Docker, no root.
 * @packageDocumentation
 */
export {
  DataDirLockedError,
  DataDirMismatchError,
  FolderUnusableError,
  NotReadyInTimeError,
  NoUnprivilegedAccountError,
  PortTakenError,
  PostgresUnavailableError,
  RedisUnavailableError,
  ServerExitedError,
  type ServerFacts,
  WrongServerStateError,
} from './errors.ts'
export type { ClusterEvent } from './events.ts'
export type { Group, Many, PostgresGroup, RedisGroup, RoleName } from './groups.ts'
export type { NodeState } from './host/server-node.ts'
export { localCluster, type LocalCluster } from './local-cluster.ts'
export type { ClusterOptions, PostgresGroupOptions, RedisGroupOptions } from './options.ts'
export type { PostgresReplica, PostgresServer } from './postgres/server.ts'
export type { PostgresSettings } from './postgres/settings.ts'
export type { PromoteOptions } from './replica-set.ts'
export type { RedisProgram, RedisReplica, RedisServer } from './redis/server.ts'
export type { RedisSettings } from './redis/settings.ts'
export { clusterTopology } from './topology.ts'
export type { WaitOptions } from './wait.ts'
