// Holders on real servers that are killed, paused and cut off, some of them late: what they were told is judged by
// @quorate/checker.
import { type Chaos, createChaos, kill, mergeTopologies, partition, pause, slowLinks } from '@quorate/chaos'
import { createHistory, type RecordedHistory } from '@quorate/checker'
import { isQuorateError, type Random, seededRandom, systemClock } from '@quorate/core'
import { clusterTopology, localCluster } from '@quorate/local-cluster'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createLocks, type Fence, type Lock, type LockStore } from '../src/index.ts'
import { judgeTokens, judgeWrites } from '../src/judge.test-helper.ts'
import { postgresGuard, postgresLockStore } from '../src/postgres/index.ts'
import { redisLockStore } from '../src/redis/index.ts'

const SEED = process.env['QUORATE_SEED'] ?? '7'
const KEY = 'payout'
const FOR_MS = 5_000
/** Short, so that many leases end while somebody is late. */
const TTL_MS = 200
const ANSWER_MS = 500

const guard = postgresGuard()

/** Surely undone, or never sent. */
class NotWrittenError extends Error {
  readonly outcome = 'not-applied'
}

interface Servers {
  /** `undefined`: the locks are in Postgres as well. */
  readonly redisPort: number | undefined
  readonly postgresPort: number
}

/** One holder after the other, all in one process: `guarded: false` is for showing what the guard is for. */
class Client {
  readonly id: string
  readonly #pool: pg.Pool
  readonly #redis: Redis | undefined
  readonly #store: LockStore & Partial<AsyncDisposable>
  readonly #history: RecordedHistory
  readonly #guarded: boolean
  #writes = 0

  constructor(id: string, servers: Servers, history: RecordedHistory, guarded = true) {
    this.id = id
    this.#history = history
    this.#guarded = guarded
    this.#pool = new pg.Pool({
      host: '127.0.0.1',
      port: servers.postgresPort,
      user: 'postgres',
      database: 'postgres',
      max: 2,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      idle_in_transaction_session_timeout: 1_000,
    })
    // Each call reports its own.
    this.#pool.on('error', () => {})
    this.#pool.on('connect', (client) => client.on('error', () => {}))
    if (servers.redisPort === undefined) {
      this.#store = postgresLockStore(this.#pool)
      return
    }
    this.#redis = new Redis(servers.redisPort, {
      retryStrategy: () => 20,
      connectTimeout: ANSWER_MS,
      commandTimeout: ANSWER_MS,
    })
    this.#redis.on('error', () => {})
    this.#store = redisLockStore(this.#redis)
  }

  async work(random: Random, stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const lock = await this.acquire(random)
      // A server that is down refuses at once: do not ask it a thousand times.
      if (lock === undefined) await systemClock.sleep(10)
      else {
        // Long enough for others to take over.
        const lateMs = random() < 0.3 ? 2 * TTL_MS : 0
        await systemClock.sleep(lateMs + random() * 60)
        await this.write(lock.fence)
        await this.read()
        await this.release(lock.lock)
      }
    }
  }

  /** `undefined` without the lock. Its token goes on to the guard, lost or not. */
  async acquire(random?: Random): Promise<{ lock: Lock; fence: Fence } | undefined> {
    const locks = createLocks({ store: this.#store, random })
    const call = this.#history.start({ process: this.id, op: 'acquire' })
    try {
      const lock = await locks.acquire(KEY, { ttlMs: TTL_MS, waitMs: 500 })
      const fence = { key: KEY, token: lock.token }
      call.ok(fence.token)
      return { lock, fence }
    } catch (error) {
      if (isQuorateError(error) && error.code === 'QUORATE_LOCK_TIMEOUT') call.fail()
      else call.unknown()
      return undefined
    }
  }

  async write(fence: Fence): Promise<'written' | 'refused' | 'unknown'> {
    const input = [fence.token, `${this.id} ${++this.#writes}`]
    try {
      const call = { process: this.id, op: 'write', input }
      await this.#history.record(call, () => this.#write(fence, input[1]))
      return 'written'
    } catch (error) {
      const { cause } = error as Error
      return isQuorateError(cause) && cause.code === 'QUORATE_STALE_TOKEN' ? 'refused' : 'unknown'
    }
  }

  async read(): Promise<void> {
    const read = async (): Promise<unknown> => {
      const { rows } = await this.#pool.query<{ value: string | null }>('SELECT value FROM payout')
      return rows[0]?.value
    }
    await this.#history.record({ process: this.id, op: 'read' }, read).catch(() => {})
  }

  async release(lock: Lock): Promise<void> {
    const call = { process: this.id, op: 'release' }
    await this.#history.record(call, () => lock.release()).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#store[Symbol.asyncDispose]?.()
    this.#redis?.disconnect()
    await this.#pool.end()
  }

  async #write(fence: Fence, value: unknown): Promise<void> {
    const write = (): Promise<unknown> => tx.query('UPDATE payout SET value = $1', [value])
    const notWritten = (cause: unknown): never => {
      throw new NotWrittenError('no COMMIT was sent', { cause })
    }
    const tx = await this.#pool.connect().catch(notWritten)
    let failure: Error | undefined
    try {
      await tx.query('BEGIN').catch(notWritten)
      await (this.#guarded ? guard.run(tx, fence, write) : write()).catch(notWritten)
      await tx.query('COMMIT')
    } catch (error) {
      failure = error as Error
      throw error
    } finally {
      tx.release(failure) // what failed is thrown away, and its transaction with it
    }
  }
}

async function setUp(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await guard.migrate(client)
  await postgresLockStore(client).migrate()
  await client.query('CREATE TABLE payout (value text); INSERT INTO payout VALUES (NULL)')
  await client.end()
}

/** One client holds the lock until another one has taken over and written, and writes then. */
async function lateWrite(late: Client, next: Client): Promise<'written' | 'refused'> {
  const { fence } = await persist(() => late.acquire())
  await persist(async () => {
    const own = await next.acquire()
    return own !== undefined && (await next.write(own.fence)) === 'written' ? own : undefined
  })
  const answer = await persist(async () => {
    const outcome = await late.write(fence)
    return outcome === 'unknown' ? undefined : outcome
  })
  await late.read()
  return answer
}

/** A server that was down a moment ago may still refuse. */
async function persist<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await attempt()
    if (answer !== undefined) return answer
    await systemClock.sleep(20)
  }
}

async function linkedClient(
  id: string,
  chaos: Chaos,
  servers: Servers,
  history: RecordedHistory,
): Promise<{
  client: Client
  links: Array<{ from: string; to: string; link: Awaited<ReturnType<Chaos['link']>> }>
}> {
  const linkTo = async (to: string, port: number) => ({
    from: id,
    to,
    link: await chaos.link({ from: id, to, target: { port } }),
  })
  const postgres = await linkTo('postgres.bank.primary', servers.postgresPort)
  const redis =
    servers.redisPort === undefined ? [] : [await linkTo('redis.locks.primary', servers.redisPort)]
  const ports = { postgresPort: postgres.link.port, redisPort: redis[0]?.link.port }
  return { client: new Client(id, ports, history), links: [postgres, ...redis] }
}

test.each(['Redis', 'Postgres'])(
  'locks in %s, a guard in Postgres, servers killed and paused, clients cut off: tokens grow, no late write passes',
  async (where) => {
    const withRedis = where === 'Redis'
    await using cluster = await localCluster({
      postgres: { bank: {} },
      redis: withRedis ? { locks: {} } : {},
    })
    await using chaos = createChaos({ seed: `${SEED} ${where}` })
    const { primary } = cluster.postgres.bank
    await setUp(primary.url)
    const servers = { postgresPort: primary.port, redisPort: cluster.redis['locks']?.primary.port }
    const history = createHistory({ name: `fenced lock in ${where}` })
    const made = []
    for (const id of ['ann', 'ben', 'eve']) made.push(await linkedClient(id, chaos, servers, history))
    const topology = mergeTopologies(clusterTopology(cluster), {
      nodes: made.map((_, at) => ({ name: ['ann', 'ben', 'eve'][at] ?? '', role: 'client' })),
      links: made.flatMap(({ links }) => links),
    })

    const stopping = new AbortController()
    const work = made.map(({ client }) => client.work(seededRandom(`${SEED} ${client.id}`), stopping.signal))
    const faults = [
      partition('one', { role: 'client', mode: ['drop', 'reset'] }),
      pause('one'),
      kill('primary'),
      slowLinks('one', { ms: [20, 100] }),
    ]
    const report = await chaos
      .nemesis(faults, { topology, history, everyMs: [200, 600], lastsMs: [100, 700], forMs: FOR_MS })
      .finally(() => stopping.abort())
    await Promise.all(work)
    const [ann, ben] = made.map(({ client }) => client)
    const late = await lateWrite(ann!, ben!)
    for (const { client } of made) await client.close()

    const count = (op: string): number =>
      history.operations.filter((operation) => operation.op === op && operation.status === 'ok').length
    const again = `QUORATE_SEED=${SEED}, faults ${report.text}`
    expect(judgeTokens(history), again).toMatchObject({ verdict: 'ok' })
    expect(judgeWrites(history), again).toMatchObject({ verdict: 'ok' })
    // Without answers, late holders and faults it would show nothing.
    expect(Math.min(count('acquire'), count('write'), count('read')), again).toBeGreaterThan(5)
    expect(late, again).toBe('refused')
    expect(history.faults.length, again).toBeGreaterThan(2)
  },
)

test('the same without a guard: the late write passes, and the judge finds it', async () => {
  await using cluster = await localCluster({ postgres: { bank: {} } })
  const { primary } = cluster.postgres.bank
  await setUp(primary.url)
  const history = createHistory()
  const servers = { postgresPort: primary.port, redisPort: undefined }
  const [ann, ben] = ['ann', 'ben'].map((id) => new Client(id, servers, history, false)) as [Client, Client]
  expect(await lateWrite(ann, ben)).toBe('written')
  await Promise.all([ann.close(), ben.close()])
  expect(judgeTokens(history)).toMatchObject({ verdict: 'ok' })
  expect(judgeWrites(history)).toMatchObject({ verdict: 'violated' })
})
