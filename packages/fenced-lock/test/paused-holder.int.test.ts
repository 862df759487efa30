import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { testDatabase, testRedis } from '@quorate/local-cluster/vitest'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { createLocks } from '../src/index.ts'
import { postgresGuard } from '../src/postgres/index.ts'
import { redisLockStore } from '../src/redis/index.ts'

const server = await testRedis()
const database = await testDatabase()
const redis = new Redis(server.url)
const store = redisLockStore(redis)
const pool = new pg.Pool({ connectionString: database.url, max: 4 })
pool.on('error', () => {})
const guard = postgresGuard()
await guard.migrate(pool)
await pool.query(`CREATE TABLE payout (paid_by text); INSERT INTO payout VALUES ('nobody')`)

afterAll(async () => {
  await store[Symbol.asyncDispose]()
  redis.disconnect()
  await pool.end()
})

/**
 * A process takes the lock, looks that it still has it, and is stopped by SIGSTOP before it writes.
 * The next holder takes over and writes; then the first one goes on.
 */
async function pausedHolder(key: string, mode: 'guarded' | 'unguarded'): Promise<Record<string, unknown>> {
  const script = fileURLToPath(new URL('holder.ts', import.meta.url))
  const argv = ['--conditions=@quorate/source', script, server.url, database.url, key, '800', mode]
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const hear = async (): Promise<Record<string, unknown>> => JSON.parse(String((await lines.next()).value))
  try {
    const { token } = await hear()
    child.kill('SIGSTOP')
    child.stdin.write('go on\n')

    const locks = createLocks({ store })
    await using lock = await locks.acquire(key, { ttlMs: 10_000 })
    expect(lock.token).toBeGreaterThan(Number(token))
    const tx = await pool.connect()
    await tx.query('BEGIN')
    await guard.run(tx, lock, () => tx.query("UPDATE payout SET paid_by = 'next holder'"))
    await tx.query('COMMIT')
    tx.release()

    child.kill('SIGCONT')
    const answer = await hear()
    if (child.exitCode === null) await once(child, 'exit')
    return answer
  } finally {
    child.kill('SIGKILL')
  }
}

async function paidBy(): Promise<string> {
  const { rows } = await pool.query<{ paid_by: string }>('SELECT paid_by FROM payout')
  return rows[0]?.paid_by ?? ''
}

test('a holder paused for longer than its lease wakes up, and its guarded write is refused', async () => {
  expect(await pausedHolder('payout guarded', 'guarded')).toEqual({
    refusal: 'QUORATE_STALE_TOKEN',
    aborted: true, // and it knows, once it looks again
    held: false,
  })
  expect(await paidBy()).toBe('next holder')
})

test('without the guard the same write goes through: this is what the guard is for', async () => {
  expect(await pausedHolder('payout unguarded', 'unguarded')).toMatchObject({ aborted: true, held: false })
  expect(await paidBy()).toBe('paused holder')
})
