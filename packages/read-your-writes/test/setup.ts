import { createChaos, type Link } from '@quorate/chaos'
import { localCluster, type PostgresReplica } from '@quorate/local-cluster'
import pg from 'pg'
import {
  readYourWrites,
  type ReadYourWrites,
  type ReadYourWritesEvent,
  type ReadYourWritesOptions,
} from '@quorate/read-your-writes'

export const SECRET = 'a secret that only the tests know'

type ReadEvent = Extract<ReadYourWritesEvent, { type: 'read' }>

/** A primary behind a link, two replicas, and routers over them. */
export interface Bench extends AsyncDisposable {
  /** In front of the primary; after a failover the test leads it to the new one. */
  readonly link: Link
  readonly admin: pg.Pool
  readonly replicas: readonly PostgresReplica[]
  readonly cluster: {
    readonly primary: { readonly port: number; kill(): Promise<void>; restart(): Promise<void> }
    promote(index: number): Promise<void>
    link(one: 'primary', other: `replica-${number}`): Link
  }
  router(options?: Partial<ReadYourWritesOptions> & { readonly count?: number }): Promise<TestRouter>
}

export interface TestRouter extends AsyncDisposable {
  readonly db: ReadYourWrites
  readonly events: ReadYourWritesEvent[]
  /** Queries sent to the primary and to each replica, but for those of the monitor's probes. */
  readonly sent: { primary: string[]; r1: string[]; r2: string[] }
  /** Its own; each has ten connections, of which the monitor uses one. */
  readonly pools: { readonly primary: pg.Pool; readonly replicas: readonly pg.Pool[] }
  readonly lastRead: () => ReadEvent
  readonly until: (condition: () => boolean) => Promise<void>
}

export async function startBench(): Promise<Bench> {
  const cluster = await localCluster({ postgres: { main: { replicas: 2 } } })
  const { main } = cluster.postgres
  const chaos = createChaos({ seed: 1 })
  const link = await chaos.link({ from: 'app', to: 'primary', target: { port: main.primary.port } })
  const admin = poolAt(link.port, 4)
  await admin.query('CREATE TABLE note (id text PRIMARY KEY, n int NOT NULL)')
  await Promise.all(main.replicas.map((replica) => replica.caughtUp()))
  return {
    link,
    admin,
    cluster: main,
    get replicas() {
      return main.replicas
    },
    router: async ({ count = 2, ...options } = {}) => {
      const sent = { primary: [] as string[], r1: [] as string[], r2: [] as string[] }
      const events: ReadYourWritesEvent[] = []
      let wake: (() => void)[] = []
      const primary = counted(poolAt(link.port, 10), sent.primary)
      const pools = main.replicas.slice(0, count).map(({ port }, index) => {
        return counted(poolAt(port, 10), index === 0 ? sent.r1 : sent.r2)
      })
      const db = readYourWrites({
        primary,
        replicas: pools.map((pool, index) => ({ id: `r${index + 1}`, pool })),
        secret: SECRET,
        probeDeadlineMs: 500,
        onEvent: (event) => {
          events.push(event)
          for (const one of wake.splice(0)) one()
        },
        ...options,
      })
      await db.ready()
      return {
        db,
        events,
        sent,
        pools: { primary, replicas: pools },
        lastRead: () => events.findLast(({ type }) => type === 'read') as ReadEvent,
        until: async (condition) => {
          while (!condition()) await new Promise<void>((resolve) => wake.push(resolve))
        },
        [Symbol.asyncDispose]: async () => {
          wake = []
          await db.stop()
          await Promise.all([primary, ...pools].map((pool) => pool.end()))
        },
      }
    },
    [Symbol.asyncDispose]: async () => {
      await admin.end()
      await chaos[Symbol.asyncDispose]()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

function poolAt(port: number, max: number): pg.Pool {
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max })
  pool.on('error', () => {}) // idle connections that a test breaks
  return pool
}

const PROBES = /pg_stat_get_wal_receiver|CASE WHEN pg_is_in_recovery/

/** Notes what is sent, by any connection of the pool. */
function counted(pool: pg.Pool, sent: string[]): pg.Pool {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...input: unknown[]) => unknown
    client.query = ((...input: unknown[]) => {
      if (typeof input[0] === 'string' && !PROBES.test(input[0])) sent.push(input[0])
      return query(...input)
    }) as typeof client.query
  })
  return pool
}
