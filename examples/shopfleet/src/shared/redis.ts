import { Redis } from 'ioredis'
import type { Logger } from './logging.ts'
import type { RedisRole } from './redis-role.ts'

/** Where a Redis is: a URL, or a role, whoever plays it. */
export type RedisAddress = string | RedisRole

/** A client that says "away" soon instead of queueing for ever. It connects at its first command. */
export function redisClient(address: RedisAddress, { log }: { log: Logger }): Redis {
  const options = {
    lazyConnect: true,
    // Not enableAutoPipelining: ioredis 6 then loses the name of a command that goes through call().
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 1,
    // What was not answered is looked after by who had sent it: by now another server may play the role.
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 500),
  }
  const redis =
    typeof address === 'string'
      ? new Redis(address, options)
      : new Redis({ ...options, Connector: address.Connector })
  redis.on('error', (error: unknown) => log.warn({ err: error }, 'redis connection lost'))
  return redis
}

/** The same, connected. @throws what ioredis says of a server that does not answer. */
export async function openRedis(address: RedisAddress, options: { log: Logger }): Promise<Redis> {
  const redis = redisClient(address, options)
  await redis.connect()
  return redis
}
