/**
 * Read-your-writes on Redis: the session's token is a position in the replication stream.
 * @packageDocumentation
 */
export { NotPrimaryError, PrimaryBusyError, PrimaryUnavailableError, RouterStoppedError } from '../errors.ts'
export type { PrimaryReason } from '../events.ts'
export type { HealthStatus } from '../health.ts'
export type { Lag } from '../lag.ts'
export { bounded, type BoundedLevel, type Level } from '../level.ts'
export type { ReplicaStatus } from '../router-api.ts'
export type { SessionOptions, SessionRouter } from '../session-router.ts'
export type { Session } from '../session.ts'
export type { TokenRejection } from '../signed-bytes.ts'
export { NotReplicatedError, WriteUnknownError } from './errors.ts'
export type { RedisReadYourWritesEvent } from './events.ts'
export type { ReadYourWritesRedisOptions, RedisReplicaOptions } from './options.ts'
export type { RedisClient, RedisCommand, RedisWork } from './port.ts'
export {
  type ReadYourWritesRedis,
  readYourWritesRedis,
  type RedisPrimaryStatus,
  type RedisReadOptions,
  type RedisWriteOptions,
} from './read-your-writes-redis.ts'
