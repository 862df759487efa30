// A process that is paused at the worst moment: it holds the lock, has just looked, and is about to write.
// Started by paused-holder.int.test.ts: holder.ts REDIS_URL POSTGRES_URL KEY TTL_MS guarded|unguarded
import { once } from 'node:events'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createLocks } from '../src/index.ts'
import { postgresGuard } from '../src/postgres/index.ts'
import { redisLockStore } from '../src/redis/index.ts'

const [redisUrl = '', postgresUrl = '', key = '', ttlMs = '', mode = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl)
const client = new pg.Client(postgresUrl)
await client.connect()
const guard = postgresGuard()
const locks = createLocks({ store: redisLockStore(redis) })

const lock = await locks.acquire(key, { ttlMs: Number(ttlMs) })
const fence = { key, token: lock.token } // still held: the check that is not enough
say({ token: fence.token })
await once(process.stdin, 'data') // paused here; the answer is read only after SIGCONT

const write = (): Promise<unknown> => client.query("UPDATE payout SET paid_by = 'paused holder'")
await client.query('BEGIN')
let refusal: unknown
try {
  await (mode === 'guarded' ? guard.run(client, fence, write) : write())
  await client.query('COMMIT')
} catch (error) {
  await client.query('ROLLBACK')
  refusal = (error as { code?: unknown }).code
}
say({ refusal, aborted: lock.signal.aborted, held: await lock.release() })
await client.end()
redis.disconnect()
process.stdin.destroy()

function say(facts: object): void {
  process.stdout.write(`${JSON.stringify(facts)}\n`)
}
