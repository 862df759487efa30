import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isQuorateError, systemRandom } from '@quorate/core'
import { localCluster, type RedisGroup } from '@quorate/local-cluster'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import type { Session } from '@quorate/read-your-writes'
import {
  readYourWritesRedis,
  type ReadYourWritesRedis,
  type RedisReadYourWritesEvent,
} from '@quorate/read-your-writes/ioredis'
import { clientAt, SECRET } from './ioredis-setup.ts'

const NAME = 'carts'

/** One Sentinel, which is a majority by itself; it ends with this process. */
async function startSentinel({ primary }: RedisGroup): Promise<{
  port: number
  /** From now on it takes a server that is silent for a moment for dead. */
  loseTrust(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}> {
  const { program } = primary
  if (program === undefined) throw new Error('a Sentinel is not started in a container')
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'))
  const settings = join(folder, 'sentinel.conf')
  await writeFile(
    settings,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 1`,
      `sentinel down-after-milliseconds ${NAME} 60000`, // a busy machine is not a dead server
      `sentinel failover-timeout ${NAME} 1000`,
      '',
    ].join('\n'),
  )
  // The shell reads until this process has gone, whatever becomes of it.
  const script = '"$@" >"$LOG" 2>&1 & read -r end; kill $!; wait'
  const child = spawn('/bin/sh', ['-c', script, 'sh', program.command, settings, '--sentinel'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, ...program.env, LOG: join(folder, 'log') },
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return {
    port,
    loseTrust: async () => {
      const admin = new Redis(port, { enableReadyCheck: false })
      await admin.call('SENTINEL', 'SET', NAME, 'down-after-milliseconds', '300')
      admin.disconnect()
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await ended
      await rm(folder, { recursive: true })
    },
  }
}

/** Below those that a cluster draws and those of outgoing connections: nobody takes it before the Sentinel does. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(systemRandom() * 5_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Writes 1, 2, 3, … and reads each back, in one session. */
class Visitor {
  readonly key: string
  /** Reads that showed less than was written, of servers that must show it. */
  readonly stale: { readonly written: number; readonly seen: number; readonly on: 'primary' | 'replica' }[] =
    []
  /** Reads that a replica has served. */
  onReplicas = 0
  #written = 0
  #acknowledged = 0

  constructor(key: string) {
    this.key = key
  }

  /** @param mayBeLost writes that were acknowledged by the old primary may be gone, and the new one says so. */
  async pair(
    db: ReadYourWritesRedis<Redis>,
    session: Session,
    primary: Redis,
    mayBeLost: () => boolean,
  ): Promise<void> {
    const n = ++this.#written
    let isPrimary = true
    try {
      await db.write((redis) => redis.set(this.key, n), { session })
      this.#acknowledged = n
    } catch (error) {
      if (!isQuorateError(error)) throw error // nobody knows whether it is written
    }
    try {
      const seen = await db.read(
        async (redis) => {
          isPrimary = Object.getPrototypeOf(redis) === primary
          return Number(await redis.get(this.key))
        },
        { session },
      )
      if (!isPrimary) this.onReplicas++
      if (seen >= this.#acknowledged) return
      if (!isPrimary || !mayBeLost()) {
        this.stale.push({ written: this.#acknowledged, seen, on: isPrimary ? 'primary' : 'replica' })
      }
      this.#acknowledged = seen
    } catch (error) {
      if (!isQuorateError(error)) throw error // there is no primary now
    }
  }
}

test('a failover by Sentinel in the middle of writes and reads: no replica shows less than it must', async () => {
  await using cluster = await localCluster({ redis: { main: { replicas: 2 } }, links: false })
  const { main } = cluster.redis
  await using sentinel = await startSentinel(main)
  const events: RedisReadYourWritesEvent[] = []
  let wake: (() => void)[] = []
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => wake.push(resolve))
  }
  const primary = new Redis({
    sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
    name: NAME,
    retryStrategy: () => 20,
    sentinelRetryStrategy: () => 20,
    failoverDetector: true,
  })
  primary.on('error', () => {}) // that Sentinel knows of no primary, for a while
  // All servers: which of them is the primary now, it says itself.
  await using clients = {
    servers: [main.primary, ...main.replicas].map(({ port }) => clientAt(port)),
    [Symbol.asyncDispose]: async () => {
      wake = []
      for (const client of [primary, ...clients.servers]) client.disconnect()
    },
  }
  await using db = readYourWritesRedis({
    primary,
    replicas: clients.servers.map((client, index) => ({ id: `s${index}`, client })),
    secret: SECRET,
    waitMs: 1_000,
    maxLagMs: 60_000,
    deadlineMs: 2_000,
    probeDeadlineMs: 500,
    onEvent: (event) => {
      events.push(event)
      for (const one of wake.splice(0)) one()
    },
  })
  const healthy = (): number => db.replicas.filter(({ status }) => status === 'healthy').length
  await until(() => db.replicas[0]?.status === 'promoted' && healthy() === 2)
  const keeper = db.session()
  await db.write((redis) => redis.set('kept', 1), {
    session: keeper,
    waitReplicas: 2,
    waitDeadlineMs: 10_000,
  })

  const over = new AbortController()
  /** From here on; the router may hear of it later than a read meets the new primary. */
  const fallen = new AbortController()
  const failedOver = (): boolean => events.some(({ type }) => type === 'history')
  const visitors = Array.from({ length: 4 }, (_, index) => new Visitor(`visitor-${index}`))
  const visits = visitors.map(async (visitor) => {
    const session = db.session({ key: visitor.key })
    while (!over.signal.aborted) await visitor.pair(db, session, primary, () => fallen.signal.aborted)
  })
  const servedBy = (): number => visitors.reduce((sum, { onReplicas }) => sum + onReplicas, 0)
  await until(() => servedBy() >= 50)

  // A last write that reaches no replica: they are frozen, and the primary has dropped them.
  const loser = db.session()
  await Promise.all(main.replicas.map((replica) => replica.pause()))
  await primary.call('CLIENT', 'KILL', 'TYPE', 'replica')
  await db.write((redis) => redis.set('lost', 1), { session: loser })
  fallen.abort()
  await main.primary.kill()
  await Promise.all(main.replicas.map((replica) => replica.resume()))
  await sentinel.loseTrust()

  await until(failedOver)
  await until(() => healthy() === 1)
  const before = servedBy()
  await until(() => servedBy() >= before + 50)
  over.abort()
  await Promise.all(visits)
  expect(visitors.flatMap(({ stale }) => stale)).toEqual([])

  expect(Number(await db.read((redis) => redis.get('kept'), { session: keeper }))).toBe(1)
  expect(await db.read((redis) => redis.get('lost'), { session: loser })).toBeNull()
  expect(events.findLast(({ type }) => type === 'read')).toMatchObject({
    target: 'primary',
    reason: 'old-timeline',
  })
  await db.write((redis) => redis.set('lost', 2), { session: loser })
  expect(await db.read((redis) => redis.get('lost'), { session: loser })).toBe('2')
})
