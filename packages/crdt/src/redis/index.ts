/**
 * Documents in Redis 6.2 or later, through a client like `ioredis`.
 * @packageDocumentation
 */
export type { RedisLike } from './client.ts'
export { redisStore, type RedisStoreOptions } from './store.ts'
