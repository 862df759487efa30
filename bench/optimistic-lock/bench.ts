// One hot row of a real Postgres, changed by 64 callers at once, and by 4,096; units that are sold out, with what was
// oversold; then rows that nobody fights over.
import { EntitySchema as MikroSchema, MikroORM, OptimisticLockError } from '@mikro-orm/postgresql'
import { localCluster } from '@quorate/local-cluster'
import { hotRowBatcher } from '@quorate/optimistic-lock/batcher'
import { optimisticRepository as kyselyRepository } from '@quorate/optimistic-lock/kysely'
import { optimisticRepository, table } from '@quorate/optimistic-lock/pg'
import { withRowLock } from '@quorate/optimistic-lock/row-lock'
import { stripedCounters, stripesMigration } from '@quorate/optimistic-lock/stripes'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { DataSource, EntitySchema } from 'typeorm'
import { bench, type Load, underLoad } from '../harness/index.ts'

const CALLERS = 64
const MANY_CALLERS = 4_096
/** Units of the sale that ends. */
const UNITS = 100
const PLENTY = 1_000_000_000

interface Stock {
  sku: string
  available: number
  version: number
}

await using cluster = await localCluster({ postgres: { shop: { settings: { max_connections: 250 } } } })
const { url } = cluster.postgres.shop.primary
const pool = new pg.Pool({ connectionString: url, max: CALLERS })
pool.on('error', () => {})
await using closing = new AsyncDisposableStack()
closing.defer(() => pool.end())
await pool.query('CREATE TABLE stock (sku text PRIMARY KEY, available int NOT NULL, version int NOT NULL)')
await pool.query(
  `INSERT INTO stock SELECT 'sku-' || n, ${PLENTY}, 1 FROM generate_series(0, ${CALLERS - 1}) n`,
)

const stock = optimisticRepository(pool, { table: table<Stock>('stock'), key: ['sku'], version: 'version' })
const db = new Kysely<{ stock: Stock }>({ dialect: new PostgresDialect({ pool }) })
const kyselyStock = kyselyRepository(db, { table: 'stock', key: ['sku'], version: 'version' })
const batcher = hotRowBatcher(pool, {
  table: table<Stock>('stock'),
  key: ['sku'],
  counter: 'available',
  version: 'version',
})
closing.defer(() => batcher.stop())
await pool.query(stripesMigration())
const counters = stripedCounters(pool)

const TypeOrmStock = new EntitySchema<Stock>({
  name: 'stock',
  tableName: 'stock',
  columns: {
    sku: { type: 'text', primary: true },
    available: { type: 'int' },
    version: { type: 'int', version: true },
  },
})
const typeOrm = await new DataSource({
  type: 'postgres',
  url,
  entities: [TypeOrmStock],
  poolSize: CALLERS,
}).initialize()
closing.defer(() => typeOrm.destroy())
const typeOrmStock = typeOrm.getRepository(TypeOrmStock)

const MikroStock = new MikroSchema<Stock>({
  name: 'Stock',
  tableName: 'stock',
  properties: {
    sku: { type: 'text', primary: true },
    available: { type: 'integer' },
    version: { type: 'integer', version: true },
  },
})
const mikro = await MikroORM.init({ clientUrl: url, entities: [MikroStock], pool: { max: CALLERS } })
closing.defer(() => mikro.close())
const HOT = 'sku-0'

const READ = 'SELECT available, version FROM stock WHERE sku = $1'
const CAS = 'UPDATE stock SET available = $3, version = version + 1 WHERE sku = $1 AND version = $2'
const CONDITIONAL = `UPDATE stock SET available = available - 1, version = version + 1
  WHERE sku = $1 AND available >= 1 RETURNING available, version`

/** Takes one of the hot row. What it answers is the caller's; `false` and `undefined`: it did not get it. */
type Take = () => Promise<unknown>
const isGranted = (answer: unknown): boolean => answer !== undefined && answer !== false

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
  let isThere = true
  const take = ({ available }: Readonly<Stock>): { available: number } | undefined => {
    isThere = available > 0
    return isThere ? { available: available - 1 } : undefined
  }
  await stock.mutate({ sku: HOT }, take, { deadlineMs: 60_000 })
  return isThere
}
const decrementIf: Take = () => stock.decrementIf({ sku: HOT }, { available: 1 })
const rowLock: Take = async () => {
  const isTaken = await withRowLock(
    pool,
    { table: table<Stock>('stock'), key: { sku: HOT } },
    async ({ row, client }) => {
      if (row.available === 0) return false
      await client.query('UPDATE stock SET available = $2, version = version + 1 WHERE sku = $1', [
        HOT,
        row.available - 1,
      ])
      return true
    },
    { lockTimeoutMs: 60_000 },
  )
  return isTaken === true
}
const batched: Take = () => batcher.decrementIf({ sku: HOT })

/** What the manual of each says: read, change, save; TypeORM has a version column, and does not look at it. */
const typeOrmSave: Take = async () => {
  const row = await typeOrmStock.findOneByOrFail({ sku: HOT })
  if (row.available === 0) return false
  row.available -= 1
  await typeOrmStock.save(row)
  return true
}
const mikroFlush: Take = async () => {
  for (;;) {
    const em = mikro.em.fork()
    const row = await em.findOneOrFail(MikroStock, { sku: HOT })
    if (row.available === 0) return false
    row.available -= 1
    try {
      await em.flush()
      return true
    } catch (error) {
      if (!(error instanceof OptimisticLockError)) throw error
    }
  }
}

/** A batch loop as one writes it in ten minutes: no deadline, no bound, no second key, all or nobody. */
let queue: ((isGranted: boolean) => void)[] = []
let isLooping = false
const loop = async (): Promise<void> => {
  isLooping = true
  while (queue.length > 0) {
    const callers = queue
    queue = []
    const { rowCount } = await pool.query(
      'UPDATE stock SET available = available - $2, version = version + 1 WHERE sku = $1 AND available >= $2',
      [HOT, callers.length],
    )
    for (const tell of callers) tell(rowCount === 1)
  }
  isLooping = false
}
const byHandLoop: Take = () =>
  new Promise((resolve) => {
    queue.push(resolve)
    if (!isLooping) void Promise.resolve().then(() => (isLooping ? undefined : loop()))
  })

/** The same as one leaves it after a year: an amount, an answer and a `left` for each, however short; a bound; errors. */
interface Asked {
  readonly amount: number
  readonly resolve: (grant: { left: number } | undefined) => void
  readonly reject: (error: unknown) => void
}
let asked: Asked[] = []
let isServing = false
const takeAll = async (amount: number): Promise<number | undefined> => {
  const { rows } = await pool.query<Stock>(
    `UPDATE stock SET available = available - $2, version = version + 1 WHERE sku = $1 AND available >= $2
     RETURNING available`,
    [HOT, amount],
  )
  return rows[0] === undefined ? undefined : rows[0].available + amount
}
const takeSome = async (batch: readonly Asked[]): Promise<number> => {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const { rows } = await client.query<Stock>(`${READ} FOR UPDATE`, [HOT])
    const before = rows[0]?.available ?? 0
    let left = before
    for (const { amount } of batch) if (amount <= left) left -= amount
    if (left !== before)
      await client.query('UPDATE stock SET available = $2, version = version + 1 WHERE sku = $1', [HOT, left])
    await client.query('COMMIT')
    return before
  } finally {
    client.release()
  }
}
const serve = async (): Promise<void> => {
  while (asked.length > 0) {
    let batch = asked
    if (batch.length > 4_096) batch = asked.splice(0, 4_096)
    else asked = []
    try {
      let total = 0
      for (const { amount } of batch) total += amount
      let left = (await takeAll(total)) ?? (await takeSome(batch))
      for (const { amount, resolve } of batch)
        resolve(amount <= left ? { left: (left -= amount) } : undefined)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  isServing = false
}
const byHandEach = (amount: number): Promise<{ left: number } | undefined> =>
  new Promise((resolve, reject) => {
    if (asked.length >= 100_000) return reject(new Error('Too many wait'))
    asked.push({ amount, resolve, reject })
    if (isServing) return
    isServing = true
    queueMicrotask(() => void serve())
  })
const byHandEachLoop: Take = () => byHandEach(1)

interface HotSample extends Record<string, number> {
  granted: number
  p50: number
  p99: number
  lost: number
}

/** Runs the load and counts what the row lost against what the callers were told. */
async function onHotRow(
  take: Take,
  { mayLose = false, callers = CALLERS }: { mayLose?: boolean; callers?: number } = {},
): Promise<HotSample> {
  await refill(PLENTY)
  const before = await availableNow()
  let granted = 0
  const load = await underLoad(
    async () => {
      if (isGranted(await take())) granted++
    },
    { concurrency: callers, durationMs: 1_200 }, // a version check may take most of a second
  )
  const lost = granted - (before - (await availableNow()))
  if (lost !== 0 && !mayLose) throw new Error(`${lost} of ${granted} granted decrements are not in the row`)
  return { granted: load.perSecond, p50: load.p50Ms, p99: load.p99Ms, lost: (lost / granted) * 100 }
}

const refill = (units: number): Promise<unknown> =>
  pool.query('UPDATE stock SET available = $2 WHERE sku = $1', [HOT, units])

/** Sells until everybody is refused, and counts what was sold above what there was. */
async function soldOut(take: Take): Promise<{ ms: number; oversold: number }> {
  await refill(UNITS)
  let granted = 0
  const startMs = performance.now()
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      // A bound, because who oversells may never come to an end.
      while (granted < UNITS * 20 && isGranted(await take())) granted++
    }),
  )
  return { ms: performance.now() - startMs, oversold: granted - UNITS }
}
const noCheckSale: Take = async () => {
  const { rows } = await pool.query<Stock>(READ, [HOT])
  const available = rows[0]?.available ?? 0
  if (available <= 0) return false
  await pool.query('UPDATE stock SET available = $2 WHERE sku = $1', [HOT, available - 1])
  return true
}

/** A counter of its own, so that it is judged by its own total. */
async function onStripes(): Promise<HotSample> {
  await counters.create(HOT, PLENTY)
  const before = (await counters.total(HOT)) ?? Number.NaN
  let granted = 0
  const load = await underLoad(
    async () => {
      if (await counters.decrementIf(HOT)) granted++
    },
    { concurrency: CALLERS, durationMs: 1_200 },
  )
  const lost = granted - (before - ((await counters.total(HOT)) ?? Number.NaN))
  if (lost !== 0) throw new Error(`${lost} of ${granted} granted decrements are not in the stripes`)
  return { granted: load.perSecond, p50: load.p50Ms, p99: load.p99Ms, lost: 0 }
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

const MANY_GROUP = 'one hot row, 4,096 callers'
const SALE_GROUP = '100 units, 64 callers, until sold out'
const HOT_GROUP = 'one hot row, 64 callers'
const ALONE_GROUP = 'rows of their own, 8 callers'
await bench({
  workload: 'Postgres 18 of local-cluster, fsync off, pg 8.23 pool of 64, server and client on one machine',
  groups: [
    {
      title: HOT_GROUP,
      units: { granted: 'per s', p50: 'ms', p99: 'ms', lost: '%' },
      cases: [
        { name: 'read, then write (no check)', round: () => onHotRow(noCheck, { mayLose: true }) },
        { name: 'TypeORM save(), version column', round: () => onHotRow(typeOrmSave, { mayLose: true }) },
        { name: 'MikroORM flush(), repeated', round: () => onHotRow(mikroFlush) },
        { name: 'SELECT FOR UPDATE', round: () => onHotRow(forUpdate) },
        { name: 'quorate withRowLock()', round: () => onHotRow(rowLock) },
        { name: 'version check, no back-off', round: () => onHotRow(compareAndSwap) },
        { name: 'quorate mutate()', round: () => onHotRow(mutate) },
        { name: 'conditional UPDATE by hand', round: () => onHotRow(conditional) },
        { name: 'quorate decrementIf()', round: () => onHotRow(decrementIf) },
        { name: 'quorate stripedCounters()', round: onStripes },
        { name: 'batch loop by hand, all or nobody', round: () => onHotRow(byHandLoop) },
        { name: 'batch loop by hand, each its answer', round: () => onHotRow(byHandEachLoop) },
        { name: 'quorate hotRowBatcher()', round: () => onHotRow(batched) },
      ],
    },
    {
      title: MANY_GROUP,
      units: { granted: 'per s', p50: 'ms', p99: 'ms', lost: '%' },
      cases: [
        {
          name: 'batch loop by hand, all or nobody',
          round: () => onHotRow(byHandLoop, { callers: MANY_CALLERS }),
        },
        {
          name: 'batch loop by hand, each its answer',
          round: () => onHotRow(byHandEachLoop, { callers: MANY_CALLERS }),
        },
        { name: 'quorate hotRowBatcher()', round: () => onHotRow(batched, { callers: MANY_CALLERS }) },
      ],
    },
    {
      title: SALE_GROUP,
      units: { ms: 'ms', oversold: 'units' },
      cases: [
        { name: 'read, then write (no check)', round: () => soldOut(noCheckSale) },
        { name: 'TypeORM save(), version column', round: () => soldOut(typeOrmSave) },
        { name: 'MikroORM flush(), repeated', round: () => soldOut(mikroFlush) },
        { name: 'quorate mutate()', round: () => soldOut(mutate) },
        { name: 'quorate withRowLock()', round: () => soldOut(rowLock) },
        { name: 'quorate decrementIf()', round: () => soldOut(decrementIf) },
        { name: 'batch loop by hand, each its answer', round: () => soldOut(byHandEachLoop) },
        { name: 'quorate hotRowBatcher()', round: () => soldOut(batched) },
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
        {
          name: 'Kysely, version check by hand',
          round: async () => {
            await freshVersions()
            return alone(async (worker) => {
              const row = await db
                .updateTable('stock')
                .set((eb) => ({ available: PLENTY, version: eb('version', '+', 1) }))
                .where('sku', '=', `sku-${worker}`)
                .where('version', '=', versions[worker] ?? 0)
                .returningAll()
                .executeTakeFirstOrThrow()
              versions[worker] = row.version
            })
          },
        },
        {
          name: 'quorate update() over Kysely',
          round: async () => {
            await freshVersions()
            return alone(async (worker) => {
              const row = { sku: `sku-${worker}`, version: versions[worker] ?? 0 }
              versions[worker] = (await kyselyStock.update(row, { available: PLENTY })).version
            })
          },
        },
        {
          name: 'TypeORM save()',
          round: async () => {
            const rows = await typeOrmStock.find()
            const mine = new Map(rows.map((row) => [row.sku, row]))
            let units = PLENTY
            return alone(async (worker) => {
              const row = mine.get(`sku-${worker}`)
              if (row === undefined) throw new Error('Every worker has a row')
              row.available = --units // it writes nothing if nothing has changed
              await typeOrmStock.save(row)
            })
          },
        },
        {
          name: 'MikroORM flush()',
          round: async () => {
            const ems = await Promise.all(
              Array.from({ length: 8 }, async (_, worker) => {
                const em = mikro.em.fork()
                return { em, row: await em.findOneOrFail(MikroStock, { sku: `sku-${worker}` }) }
              }),
            )
            let units = PLENTY
            return alone(async (worker) => {
              const mine = ems[worker]
              if (mine === undefined) throw new Error('Every worker has a row')
              mine.row.available = --units
              await mine.em.flush()
            })
          },
        },
      ],
    },
  ],
  ratios: (value) => {
    const granted = (name: string, group = HOT_GROUP): number => value(name, 'granted', group)
    const cpu = (name: string): number => value(name, 'cpu', ALONE_GROUP)
    return {
      'granted/s: decrementIf() / SELECT FOR UPDATE':
        granted('quorate decrementIf()') / granted('SELECT FOR UPDATE'),
      'granted/s: decrementIf() / conditional UPDATE by hand':
        granted('quorate decrementIf()') / granted('conditional UPDATE by hand'),
      'granted/s: mutate() / version check, no back-off':
        granted('quorate mutate()') / granted('version check, no back-off'),
      'granted/s: hotRowBatcher() / SELECT FOR UPDATE':
        granted('quorate hotRowBatcher()') / granted('SELECT FOR UPDATE'),
      ...Object.fromEntries(
        [HOT_GROUP, MANY_GROUP].flatMap((group) =>
          ['all or nobody', 'each its answer'].map((kind) => [
            `granted/s: hotRowBatcher() / batch loop by hand, ${kind}; ${group.replace('one hot row, ', '')}`,
            granted('quorate hotRowBatcher()', group) / granted(`batch loop by hand, ${kind}`, group),
          ]),
        ),
      ),
      'granted/s: stripedCounters() / decrementIf()':
        granted('quorate stripedCounters()') / granted('quorate decrementIf()'),
      'CPU: TypeORM save() / pg by hand': cpu('TypeORM save()') / cpu('pg, version check by hand'),
      'CPU: MikroORM flush() / pg by hand': cpu('MikroORM flush()') / cpu('pg, version check by hand'),
      'CPU: update() over Kysely / Kysely by hand':
        cpu('quorate update() over Kysely') / cpu('Kysely, version check by hand'),
      'CPU: update() / pg by hand': cpu('quorate update()') / cpu('pg, version check by hand'),
    }
  },
})
