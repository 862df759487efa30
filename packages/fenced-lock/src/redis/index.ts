/**
 * Locks in Redis 6.2 or later, through a client like `ioredis`.
 * @packageDocumentation
 */
export type { RedisLike, RedisSubscriberLike } from './client.ts'
export { type RedisLockStore, redisLockStore, type RedisLockStoreOptions } from './store.ts'
