// One hot row of a real Postgres, changed by 64 connections at once; then rows that nobody fights over.
import { localCluster } from '@quorate/local-cluster'
import { optimisticRepository, table } from '@quorate/optimistic-lock/pg'
import pg from 'pg'
import { bench, type Load, underLoad } from '../harness/index.ts'

const CALLERS = 64
const PLENTY = 1_000_000_000

interface Stock {
  sku: string
  available: number
  version: number
}

await using cluster = await localCluster({ postgres: { shop: { settings: { max_connections: 100 } } } })
const pool = new pg.Pool({ connectionString: cluster.postgres.shop.primary.url, max: CALLERS })
pool.on('error', () => {})
await using closing = new AsyncDisposableStack()
closing.defer(() => pool.end())
await pool.query('CREATE TABLE stock (sku text PRIMARY KEY, available int NOT NULL, version int NOT NULL)')
await pool.query(
  `INSERT INTO stock SELECT 'sku-' || n, ${PLENTY}, 1 FROM generate_series(0, ${CALLERS - 1}) n`,
)

const stock = optimisticRepository(pool, { table: table<Stock>('stock'), key: ['sku'], version: 'version' })
const HOT = 'sku-0'

const READ = 'SELECT available, version FROM stock WHERE sku = $1'
const CAS = 'UPDATE stock SET available = $3, version = version + 1 WHERE sku = $1 AND version = $2'
const CONDITIONAL = `UPDATE stock SET available = available - 1, version = version + 1
  WHERE sku = $1 AND available >= 1 RETURNING available, version`

/** Takes one of the hot row; true if it got it. */
type Take = () => Promise<boolean>

const forUpdate: Take = async () => {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const { rows } = await client.query<Stock>(`${READ} FOR UPDATE`, [HOT])
    await client.query('UPDATE stock SET available = $2, version = version + 1 WHERE sku = $1', [
      HOT,
      (rows[0]?.available ?? 0) - 1,
    ])
    await client.query('COMMIT')
    return true
  } finally {
    client.release()
  }
}
const compareAndSwap: Take = async () => {
  for (;;) {
    const { rows } = await pool.query<Stock>(READ, [HOT])
    const row = rows[0]
    if (row === undefined) return false
    const { rowCount } = await pool.query(CAS, [HOT, row.version, row.available - 1])
    if (rowCount === 1) return true
  }
}
const noCheck: Take = async () => {
  const { rows } = await pool.query<Stock>(READ, [HOT])
  await pool.query('UPDATE stock SET available = $2, version = version + 1 WHERE sku = $1', [
    HOT,
    (rows[0]?.available ?? 0) - 1,
  ])
  return true
}
const conditional: Take = async () => (await pool.query(CONDITIONAL, [HOT])).rowCount === 1
const mutate: Take = async () => {
  await stock.mutate({ sku: HOT }, (row) => ({ available: row.available - 1 }), { deadlineMs: 60_000 })
  return true
}
const decrementIf: Take = async () => (await stock.decrementIf({ sku: HOT }, { available: 1 })) !== undefined

interface HotSample extends Record<string, number> {
  granted: number
  p50: number
  p99: number
  lost: number
}

/** Runs the load and counts what the row lost against what the callers were told. */
async function onHotRow(take: Take, mayLose = false): Promise<HotSample> {
  const before = await availableNow()
  let granted = 0
  const load = await underLoad(
    async () => {
      if (await take()) granted++
    },
    { concurrency: CALLERS, durationMs: 1_500 }, // a version check may take most of a second
  )
  const lost = granted - (before - (await availableNow()))
  if (lost !== 0 && !mayLose) throw new Error(`${lost} of ${granted} granted decrements are not in the row`)
  return { granted: load.perSecond, p50: load.p50Ms, p99: load.p99Ms, lost: (lost / granted) * 100 }
}

async function availableNow(): Promise<number> {
  const { rows } = await pool.query<Stock>(READ, [HOT])
  return rows[0]?.available ?? Number.NaN
}

/** Each caller has a row of its own: what the layer costs when nobody is in the way. */
async function alone(update: (worker: number) => Promise<unknown>): Promise<{ cpu: number; calls: number }> {
  const load: Load = await underLoad((_call, worker) => update(worker), { concurrency: 8, durationMs: 600 })
  return { cpu: load.cpuUsPerCall, calls: load.perSecond }
}
const versions = Array.from({ length: CALLERS }, () => 0)
const current = async (worker: number): Promise<number> => {
  const { rows } = await pool.query<Stock>(READ, [`sku-${worker}`])
  return rows[0]?.version ?? Number.NaN
}
const freshVersions = async (): Promise<void> => {
  for (const worker of versions.keys()) versions[worker] = await current(worker)
}

const HOT_GROUP = 'one hot row, 64 callers'
const ALONE_GROUP = 'rows of their own, 8 callers'
await bench({
  workload: 'Postgres 18 of local-cluster, fsync off, pg 8.23 pool of 64, server and client on one machine',
  groups: [
    {
      title: HOT_GROUP,
      units: { granted: 'per s', p50: 'ms', p99: 'ms', lost: '%' },
      cases: [
        { name: 'read, then write (no check)', round: () => onHotRow(noCheck, true) },
        { name: 'SELECT FOR UPDATE', round: () => onHotRow(forUpdate) },
        { name: 'version check, no back-off', round: () => onHotRow(compareAndSwap) },
        { name: 'quorate mutate()', round: () => onHotRow(mutate) },
        { name: 'conditional UPDATE by hand', round: () => onHotRow(conditional) },
        { name: 'quorate decrementIf()', round: () => onHotRow(decrementIf) },
      ],
    },
    {
      title: ALONE_GROUP,
      units: { cpu: 'µs per call', calls: 'per s' },
      cases: [
        {
          name: 'pg, version check by hand',
          round: async () => {
            await freshVersions()
            return alone(async (worker) => {
              const version = versions[worker] ?? 0
              const { rows } = await pool.query<Stock>(`${CAS} RETURNING *`, [
                `sku-${worker}`,
                version,
                PLENTY,
              ])
              versions[worker] = rows[0]?.version ?? Number.NaN
            })
          },
        },
        {
          name: 'quorate update()',
          round: async () => {
            await freshVersions()
            return alone(async (worker) => {
              const row = { sku: `sku-${worker}`, version: versions[worker] ?? 0 }
              versions[worker] = (await stock.update(row, { available: PLENTY })).version
            })
          },
        },
      ],
    },
  ],
  ratios: (value) => {
    const granted = (name: string): number => value(name, 'granted', HOT_GROUP)
    const cpu = (name: string): number => value(name, 'cpu', ALONE_GROUP)
    return {
      'granted/s: decrementIf() / SELECT FOR UPDATE':
        granted('quorate decrementIf()') / granted('SELECT FOR UPDATE'),
      'granted/s: decrementIf() / conditional UPDATE by hand':
        granted('quorate decrementIf()') / granted('conditional UPDATE by hand'),
      'granted/s: mutate() / version check, no back-off':
        granted('quorate mutate()') / granted('version check, no back-off'),
      'CPU: update() / pg by hand': cpu('quorate update()') / cpu('pg, version check by hand'),
    }
  },
})
