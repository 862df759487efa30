import { Redis } from 'ioredis'
import type { Logger } from './logging.ts'

/** A client that says "away" soon instead of queueing for ever. It connects at its first command. */
export function redisClient(url: string, { log }: { log: Logger }): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    // Not enableAutoPipelining: ioredis 6 then loses the name of a command that goes through call().
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  })
  redis.on('error', (error: unknown) => log.warn({ err: error }, 'redis connection lost'))
  return redis
}

/** The same, connected. @throws what ioredis says of a server that does not answer. */
export async function openRedis(url: string, options: { log: Logger }): Promise<Redis> {
  const redis = redisClient(url, options)
  await redis.connect()
  return redis
}
