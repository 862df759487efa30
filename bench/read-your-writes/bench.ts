import { localCluster } from '@quorate/local-cluster'
import { readYourWrites, type Queryable } from '@quorate/read-your-writes'
import pg from 'pg'
import { bench, underLoad } from '../harness/index.ts'

/** So many that each is back after some seconds, as on a site; with a few, nobody is ever at rest after a write. */
const USERS = 4_000
const WORKERS = 12
const READS_PER_WRITE = 9
const ROUND_MS = 2_500
/** About as often comes each user's write: 10 operations each, some thousands of them a second. */
const CYCLE_MS = 8_000
/** How replicas lag, one after the other, ms; each for a fifth of a second. */
const SWING_MS = [0, 500, 100, 300, 0, 200]
const READ = 'SELECT n FROM note WHERE id = $1'
const WRITE = 'UPDATE note SET n = n + 1 WHERE id = $1'

await using cluster = await localCluster({
  postgres: { main: { replicas: 2, settings: { max_connections: 100 } } },
  links: false,
})
const { main } = cluster.postgres
const poolOf = (url: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max: 16 })
  pool.on('error', () => {})
  return pool
}
const primary = poolOf(main.primary.url)
const replicas = main.replicas.map(({ url }) => poolOf(url))
await primary.query(
  `CREATE TABLE note (id int PRIMARY KEY, n int NOT NULL); INSERT INTO note SELECT g, 0 FROM generate_series(0, ${USERS - 1}) g`,
)
await Promise.all(main.replicas.map((replica) => replica.caughtUp()))

let fromPrimary = 0
const db = readYourWrites({
  primary,
  replicas: replicas.map((pool, index) => ({ id: `r${index + 1}`, pool })),
  secret: 'the secret of the benchmark',
  probeDeadlineMs: 1_000, // two cores for three servers and the load
  onEvent: (event) => {
    if (event.type === 'read' && event.target === 'primary') fromPrimary++
  },
})
await db.ready()

/** A way to decide where a user's read goes. */
interface Strategy {
  /** Puts it where it stands after hours of this load: each user has written within the last so many ms. */
  settle?(cycleMs: number): void
  read(user: number): Promise<number>
  write(user: number): Promise<void>
}
const one = async (pool: pg.Pool, user: number): Promise<number> =>
  ((await pool.query<{ n: number }>(READ, [user])).rows[0] as { n: number }).n
const plainWrite = async (user: number): Promise<void> => {
  await primary.query(WRITE, [user])
}
const pick = (index: number): pg.Pool => replicas[index % replicas.length] as pg.Pool

let turn = 0
const roundRobin: Strategy = { read: (user) => one(pick(turn++), user), write: plainWrite }
const sticky: Strategy = { read: (user) => one(pick(user), user), write: plainWrite }
const primaryOnly: Strategy = {
  read: (user) => {
    fromPrimary++
    return one(primary, user)
  },
  write: plainWrite,
}
function window(ms: number): Strategy {
  const until = new Map<number, number>()
  return {
    settle: (cycleMs) => {
      const nowMs = performance.now()
      for (let user = 0; user < USERS; user++) until.set(user, nowMs - (cycleMs * user) / USERS + ms)
    },
    read: (user) => {
      if ((until.get(user) ?? 0) <= performance.now()) return one(pick(turn++), user)
      return primaryOnly.read(user)
    },
    write: async (user) => {
      await plainWrite(user)
      until.set(user, performance.now() + ms)
    },
  }
}
const tokens = new Map<number, string>()
/** As over HTTP: a session for each request, made from the token that the last one left. */
async function inSession<T>(
  user: number,
  work: (session: ReturnType<typeof db.session>) => Promise<T>,
): Promise<T> {
  const token = tokens.get(user)
  const session = db.session(token === undefined ? {} : { token })
  const result = await work(session)
  if (session.changed && session.token !== undefined) tokens.set(user, session.token)
  return result
}
const readOne =
  (user: number) =>
  async (q: Queryable): Promise<number> =>
    ((await q.query<{ n: number }>(READ, [user])).rows[0] as { n: number }).n
const quorate: Strategy = {
  read: (user) => inSession(user, (session) => db.read(readOne(user), { session })),
  write: async (user) => {
    await inSession(user, (session) => db.execute(WRITE, [user], { session }))
  },
}

async function swing(signal: AbortSignal): Promise<void> {
  for (let step = 0; !signal.aborted; step++) {
    await Promise.all(
      main.replicas.map((replica, index) =>
        replica.applyDelay(SWING_MS[(step + index * 2) % SWING_MS.length] ?? 0),
      ),
    )
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await Promise.all(main.replicas.map((replica) => replica.applyDelay(0)))
}

/** Each user acts alone, so that every read has one right answer at least. */
async function shop(
  strategy: Strategy,
): Promise<Record<'stale reads' | 'reads on the primary' | 'operations', number>> {
  const written = new Map<number, number>()
  const { rows } = await primary.query<{ id: number; n: number }>('SELECT id, n FROM note')
  for (const { id, n } of rows) written.set(id, n)
  await Promise.all(main.replicas.map((replica) => replica.caughtUp()))
  strategy.settle?.(CYCLE_MS)
  fromPrimary = 0
  let reads = 0
  let stale = 0
  const free = Array.from({ length: USERS }, (_, user) => user)
  let count = 0
  const stop = new AbortController()
  const swinging = swing(stop.signal)
  const { perSecond } = await underLoad(
    async () => {
      const user = free.shift() as number
      const writes = count++ % (READS_PER_WRITE + 1) === 0
      if (writes) {
        await strategy.write(user)
        written.set(user, (written.get(user) ?? 0) + 1)
        free.unshift(user) // and looks at once at what it wrote
      } else {
        reads++
        if ((await strategy.read(user)) < (written.get(user) ?? 0)) stale++
        free.push(user)
      }
    },
    { concurrency: WORKERS, durationMs: ROUND_MS },
  )
  stop.abort()
  await swinging
  return {
    'stale reads': (100 * stale) / reads,
    'reads on the primary': (100 * fromPrimary) / reads,
    operations: perSecond,
  }
}

const cost = async (read: () => Promise<unknown>): Promise<{ cpu: number; p50: number }> => {
  const { cpuUsPerCall, p50Ms } = await underLoad(read, { concurrency: 8, durationMs: 1_000 })
  return { cpu: cpuUsPerCall, p50: p50Ms }
}
const first = replicas[0] as pg.Pool
/** What lending a connection to a callback costs by itself. */
async function lentOut(pool: pg.Pool, user: number): Promise<number> {
  const client = await pool.connect()
  try {
    return ((await client.query<{ n: number }>(READ, [user])).rows[0] as { n: number }).n
  } finally {
    client.release()
  }
}
const idle = db.session({ key: 'somebody' })
await db.write((tx) => tx.query(WRITE, [1]), { session: idle })
const written = idle.token ?? ''

const SHOP = 'replicas that lag 0 to 500 ms'
const COST = 'one read of a replica that is up to date'
await bench({
  workload: `${USERS} users, each of whom has written within ${CYCLE_MS / 1_000} s, ${READS_PER_WRITE} reads per write, each of its own row, the first right after the write, ${WORKERS} at a time; Postgres 18, 2 replicas whose lag swings ${Math.min(...SWING_MS)}-${Math.max(...SWING_MS)} ms; fsync off, all on one machine`,
  groups: [
    {
      title: SHOP,
      units: { 'stale reads': '%', 'reads on the primary': '%', operations: 'per s' },
      cases: [
        { name: 'any replica', round: () => shop(roundRobin) },
        { name: 'sticky replica', round: () => shop(sticky) },
        { name: 'primary for 2 s', round: () => shop(window(2_000)) },
        { name: 'primary for 30 s', round: () => shop(window(30_000)) },
        { name: 'primary always', round: () => shop(primaryOnly) },
        { name: 'quorate', round: () => shop(quorate) },
      ],
    },
    {
      title: COST,
      units: { cpu: 'µs per read', p50: 'ms' },
      cases: [
        { name: 'pool.query', round: () => cost(() => one(first, 1)) },
        { name: 'connect, query, release', round: () => cost(() => lentOut(first, 1)) },
        {
          name: 'quorate, read-your-writes',
          round: () => cost(() => db.read(readOne(1), { session: idle })),
        },
        {
          name: 'quorate, a session from its token for each read',
          round: () =>
            cost(() => db.read(readOne(1), { session: db.session({ token: written, key: 'somebody' }) })),
        },
        {
          name: 'quorate, monotonic',
          round: () => cost(() => db.read(readOne(1), { session: idle, level: 'monotonic' })),
        },
      ],
    },
  ],
  ratios: (value) => ({
    'reads on the primary, 30 s window / quorate':
      value('primary for 30 s', 'reads on the primary', SHOP) /
      value('quorate', 'reads on the primary', SHOP),
    'reads on the primary, 2 s window / quorate':
      value('primary for 2 s', 'reads on the primary', SHOP) / value('quorate', 'reads on the primary', SHOP),
    'CPU, quorate / connect, query, release':
      value('quorate, read-your-writes', 'cpu', COST) / value('connect, query, release', 'cpu', COST),
    'CPU, quorate / pool.query':
      value('quorate, read-your-writes', 'cpu', COST) / value('pool.query', 'cpu', COST),
  }),
})
await db.stop()
await Promise.all([primary, ...replicas].map((pool) => pool.end()))
