import { seededRandom, systemClock, type Random } from '@quorate/core'
import { testDatabase, testRedis } from '@quorate/local-cluster/vitest'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { createLocks, type Lock, type Locks } from '../src/index.ts'
import { postgresLockStore } from '../src/postgres/index.ts'
import { redisLockStore } from '../src/redis/index.ts'

const seed = process.env['SEED'] ?? String(systemClock.now())

/** What the clients of one storm saw. */
class Observer {
  readonly tokens: number[] = []
  readonly problems: string[] = []
  grants = 0
  lost = 0
  #inside: Lock | undefined

  /** From the grant until the lock is released or its signal fires, nobody else may be inside. */
  enter(lock: Lock): () => void {
    const { token } = lock
    this.grants++
    if (this.#inside?.signal.aborted === false)
      this.problems.push(`${token} entered while another was inside`)
    this.tokens.push(token)
    this.#inside = lock
    const leave = (): void => {
      if (this.#inside === lock) this.#inside = undefined
    }
    lock.signal.addEventListener('abort', leave, { once: true })
    return leave
  }
}

/** Takes the lock again and again: holds it shortly or too long, gives up, forgets to release. */
async function client(locks: Locks, observer: Observer, random: Random, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const stop = new AbortController()
    const patience = random() < 0.2 ? systemClock.sleep(random() * 40).then(() => stop.abort()) : undefined
    const options = { ttlMs: 60, waitMs: 20_000, signal: stop.signal }
    const lock = await locks.acquire('storm', options).catch((error: unknown) => {
      if (!stop.signal.aborted) observer.problems.push(String(error))
    })
    await patience
    if (lock === undefined) continue
    let leave: () => void
    try {
      leave = observer.enter(lock)
    } catch {
      observer.lost++ // handed over, and too late to be of use
      continue
    }
    const kind = random()
    if (kind < 0.05) continue // crashed: never released
    await systemClock.sleep(kind < 0.1 ? 80 : random() * 4)
    if (kind < 0.15) await lock.extend().catch(() => {})
    leave()
    if (!(await lock.release())) observer.lost++
  }
}

async function storm(stores: readonly Locks[], rounds: number): Promise<Observer> {
  const observer = new Observer()
  await Promise.all(
    Array.from({ length: 24 }, (_, index) =>
      client(stores[index % stores.length] as Locks, observer, seededRandom(`${seed} ${index}`), rounds),
    ),
  )
  return observer
}

/** What a storm must look like; on a failure it names the command that repeats it. */
const repeat = `SEED=${seed} vitest run --project integration packages/fenced-lock/test/storm`
const ORDERLY = { repeat, problems: [], rising: true, tokensOfEnough: true, someLost: true }

function summary({ tokens, problems, lost, grants }: Observer): typeof ORDERLY {
  return {
    repeat,
    problems: problems as never[],
    rising: tokens.every((token, index) => index === 0 || token > (tokens[index - 1] as number)),
    // The storm must have had both, or it proved nothing.
    tokensOfEnough: grants > 50,
    someLost: lost > 0,
  }
}

test('redis: in a storm of crashes, late releases and aborts, nobody overlaps and tokens keep their order', async () => {
  const server = await testRedis()
  const clients = [new Redis(server.url), new Redis(server.url)]
  const stores = clients.map((redis) => redisLockStore(redis))
  onTestFinished(async () => {
    for (const store of stores) await store[Symbol.asyncDispose]()
    for (const redis of clients) redis.disconnect()
  })
  const observer = await storm(
    stores.map((store) => createLocks({ store })),
    12,
  )
  expect(summary(observer)).toEqual(ORDERLY)
})

test('postgres: in a storm of crashes, late releases and aborts, nobody overlaps and tokens keep their order', async () => {
  const database = await testDatabase()
  const pool = new pg.Pool({ connectionString: database.url, max: 12 })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  const store = postgresLockStore(pool)
  await store.migrate()
  const observer = await storm([createLocks({ store }), createLocks({ store })], 6)
  expect(summary(observer)).toEqual(ORDERLY)
})
