import { createChaos, type Link } from '@quorate/chaos'
import { localCluster, type RedisGroup } from '@quorate/local-cluster'
import { Redis } from 'ioredis'
import {
  readYourWritesRedis,
  type ReadYourWritesRedis,
  type ReadYourWritesRedisOptions,
  type RedisReadYourWritesEvent,
} from '@quorate/read-your-writes/ioredis'

export const SECRET = 'a secret that only the tests know'

type ReadEvent = Extract<RedisReadYourWritesEvent, { type: 'read' }>

/** A primary behind a link, two replicas, and routers over them. */
export interface RedisBench extends AsyncDisposable {
  /** In front of the primary; after a failover the test leads it to the new one. */
  readonly link: Link
  /** On the primary, whoever that is. */
  readonly admin: Redis
  readonly cluster: RedisGroup
  router(options?: RedisRouterOptions): Promise<RedisTestRouter>
}

export interface RedisRouterOptions extends Partial<ReadYourWritesRedisOptions<Redis>> {
  /** How many replicas it knows. Default 2. */
  readonly count?: number
  /** Does it wait until all replicas are healthy? Default true. */
  readonly healthy?: boolean
}

export interface RedisTestRouter extends AsyncDisposable {
  readonly db: ReadYourWritesRedis<Redis>
  readonly events: RedisReadYourWritesEvent[]
  readonly primary: Redis
  readonly clients: readonly Redis[]
  readonly lastRead: () => ReadEvent
  readonly until: (condition: () => boolean) => Promise<void>
}

export async function startRedisBench(): Promise<RedisBench> {
  const cluster = await localCluster({ redis: { main: { replicas: 2 } } })
  const { main } = cluster.redis
  const chaos = createChaos({ seed: 1 })
  const link = await chaos.link({ from: 'app', to: 'primary', target: { port: main.primary.port } })
  const admin = clientAt(link.port)
  await admin.set('begin', 1)
  await Promise.all(main.replicas.map((replica) => replica.caughtUp()))
  return {
    link,
    admin,
    cluster: main,
    router: async ({ count = 2, healthy = true, ...options } = {}) => {
      const events: RedisReadYourWritesEvent[] = []
      let wake: (() => void)[] = []
      const primary = clientAt(link.port)
      const clients = main.replicas.slice(0, count).map(({ port }) => clientAt(port))
      const db = readYourWritesRedis({
        primary,
        replicas: clients.map((client, index) => ({ id: `r${index + 1}`, client })),
        secret: SECRET,
        probeDeadlineMs: 500,
        onEvent: (event) => {
          events.push(event)
          for (const one of wake.splice(0)) one()
        },
        ...options,
      })
      const until = async (condition: () => boolean): Promise<void> => {
        while (!condition()) await new Promise<void>((resolve) => wake.push(resolve))
      }
      await db.ready()
      if (healthy) await until(() => db.replicas.every(({ status }) => status === 'healthy'))
      return {
        db,
        events,
        primary,
        clients,
        until,
        lastRead: () => events.findLast(({ type }) => type === 'read') as ReadEvent,
        [Symbol.asyncDispose]: async () => {
          wake = []
          await db.stop()
          for (const client of [primary, ...clients]) client.disconnect()
        },
      }
    },
    [Symbol.asyncDispose]: async () => {
      admin.disconnect()
      await chaos[Symbol.asyncDispose]()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

export function clientAt(port: number): Redis {
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 20 })
  client.on('error', () => {}) // connections that a test breaks
  return client
}
