// One row in each of two real Postgres servers, changed together: not atomically, by hand, and by coordinators. All
// servers write through to the disk, which is what such a commit waits for.
import { localCluster } from '@quorate/local-cluster'
import { coLocated, type Coordinator, createCoordinator, separateLog } from '@quorate/two-phase-commit'
import pg from 'pg'
import { bench, type Group, underLoad } from '../harness/index.ts'

const MOST = 32
/** Records that are deleted at once, as the coordinator does. */
const BATCH = 64
const settings = { max_connections: 100, max_prepared_transactions: 100 }

await using cluster = await localCluster({
  postgres: { payments: { settings }, orders: { settings }, log: { settings } },
  fsync: true,
})
await using closing = new AsyncDisposableStack()
const open = (url: string): pg.Pool => {
  // Two more than callers: one for recovery's lock, one for its work.
  const pool = new pg.Pool({ connectionString: url, max: MOST + 2 })
  pool.on('error', () => {})
  closing.defer(() => pool.end())
  return pool
}
const payments = open(cluster.postgres.payments.primary.url)
const orders = open(cluster.postgres.orders.primary.url)
const log = open(cluster.postgres.log.primary.url)
for (const pool of [payments, orders]) {
  await pool.query(`CREATE TABLE account (id int PRIMARY KEY, cents bigint NOT NULL);
    INSERT INTO account SELECT n, 0 FROM generate_series(0, ${MOST - 1}) n`)
}
await payments.query('CREATE TABLE decision (id text PRIMARY KEY, decision text NOT NULL)')

const ADD = 'UPDATE account SET cents = cents + 1 WHERE id = $1'
const SUBTRACT = 'UPDATE account SET cents = cents - 1 WHERE id = $1'

/** Moves a cent between the rows of one worker. */
type Move = (worker: number) => Promise<unknown>

/** Two connections, given back whatever happens. */
async function withBoth(work: (from: pg.PoolClient, to: pg.PoolClient) => Promise<void>): Promise<void> {
  const from = await payments.connect()
  try {
    const to = await orders.connect()
    try {
      await Promise.all([from.query('BEGIN'), to.query('BEGIN')])
      await work(from, to)
    } finally {
      to.release()
    }
  } finally {
    from.release()
  }
}

const twoCommits: Move = (worker) =>
  withBoth(async (from, to) => {
    await from.query(SUBTRACT, [worker])
    await to.query(ADD, [worker])
    await from.query('COMMIT')
    await to.query('COMMIT')
  })

/** The most that one can do without caring: both wait for their disks at the same time. */
const twoCommitsAtOnce: Move = (worker) =>
  withBoth(async (from, to) => {
    await Promise.all([from.query(SUBTRACT, [worker]), to.query(ADD, [worker])])
    await Promise.all([from.query('COMMIT'), to.query('COMMIT')])
  })

let hands = 0
let done: string[] = []
const byHand: Move = (worker) =>
  withBoth(async (from, to) => {
    await from.query(SUBTRACT, [worker])
    await to.query(ADD, [worker])
    const id = `hand-${hands++}`
    await to.query(`PREPARE TRANSACTION '${id}'`)
    await from.query(`INSERT INTO decision VALUES ('${id}', 'commit'); COMMIT`)
    await to.query(`COMMIT PREPARED '${id}'`)
    done.push(id)
    if (done.length < BATCH) return
    const ids = done
    done = []
    await from.query('DELETE FROM decision WHERE id = ANY($1)', [ids])
  })

const participants = { payments, orders }
const coordinators: Coordinator<typeof participants>[] = []
async function moveBy(coordinator: Coordinator<typeof participants>): Promise<Move> {
  coordinators.push(coordinator)
  closing.defer(() => coordinator.stop())
  await coordinator.migrate()
  await coordinator.start()
  return (worker) =>
    coordinator.transaction(async (on) => {
      await on.payments.query(SUBTRACT, [worker])
      await on.orders.query(ADD, [worker])
    })
}
const withCoLocated = await moveBy(createCoordinator({ participants, log: coLocated('payments') }))
const withSeparate = await moveBy(createCoordinator({ participants, log: separateLog(log) }))

const CASES: readonly (readonly [string, Move])[] = [
  ['two plain commits (not atomic)', twoCommits],
  ['the same, all at once (not atomic)', twoCommitsAtOnce],
  ['co-located loop by hand, no recovery', byHand],
  ['quorate, co-located log', withCoLocated],
  ['quorate, separate log', withSeparate],
]

const titleOf = (callers: number): string => `${callers} at once`
const groupOf = (callers: number): Group => ({
  title: titleOf(callers),
  units: { moves: 'per s', p50: 'ms', p99: 'ms', cpu: 'µs per move' },
  cases: CASES.map(([name, move]) => ({
    name,
    round: async () => {
      const load = await underLoad((_call, worker) => move(worker), {
        concurrency: callers,
        durationMs: 1_500,
      })
      await requireWhole()
      return { moves: load.perSecond, p50: load.p50Ms, p99: load.p99Ms, cpu: load.cpuUsPerCall }
    },
  })),
})

/** No cent is lost, and nothing stays prepared. */
async function requireWhole(): Promise<void> {
  const sums = await Promise.all(
    [payments, orders].map((pool) =>
      pool.query<{ cents: string; prepared: number }>(
        'SELECT (SELECT sum(cents) FROM account) AS cents, (SELECT count(*)::int FROM pg_prepared_xacts) AS prepared',
      ),
    ),
  )
  const rows = sums.flatMap((answer) => answer.rows)
  const cents = rows.reduce((sum, row) => sum + Number(row.cents), 0)
  const prepared = rows.reduce((sum, row) => sum + row.prepared, 0)
  if (cents !== 0 || prepared !== 0) throw new Error(`${cents} cents too many, ${prepared} still prepared`)
}

await bench({
  workload:
    'one row on each of two Postgres 18 servers of local-cluster, fsync on, one disk for all, rows of their own for each ' +
    'caller; pg 8.23, servers and client on one machine',
  groups: [groupOf(1), groupOf(MOST)],
  ratios: (value) => {
    const moves = (name: string, callers: number): number => value(name, 'moves', titleOf(callers))
    const both = (what: string, one: string, other: string): [string, number][] =>
      [1, MOST].map((callers) => [
        `${what}, ${titleOf(callers)}`,
        moves(one, callers) / moves(other, callers),
      ])
    return Object.fromEntries([
      ...both(
        'moves/s: co-located / by hand',
        'quorate, co-located log',
        'co-located loop by hand, no recovery',
      ),
      ...both(
        'moves/s: co-located / two plain commits',
        'quorate, co-located log',
        'two plain commits (not atomic)',
      ),
      ...both(
        'moves/s: co-located / two plain commits, all at once',
        'quorate, co-located log',
        'the same, all at once (not atomic)',
      ),
      ...both('moves/s: separate / co-located', 'quorate, separate log', 'quorate, co-located log'),
    ])
  },
})
