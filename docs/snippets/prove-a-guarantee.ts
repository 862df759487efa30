import { writeFile } from 'node:fs/promises'
import { createChaos, kill, mergeTopologies, partition, pause } from '@quorate/chaos'
import { checkLinearizable, checkSessions, createHistory, register } from '@quorate/checker'
import { renderTimeline } from '@quorate/checker/timeline'
import { clusterTopology, localCluster } from '@quorate/local-cluster'
import pg from 'pg'

// #region service
/** The service under test: writes go to the primary, reads to the replica, to spare the primary. */
class Prices {
  readonly #primary: pg.Pool
  readonly #replica: pg.Pool

  constructor(primaryPort: number, replicaPort: number) {
    const pool = (port: number): pg.Pool =>
      new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', max: 1, connectionTimeoutMillis: 500 })
    this.#primary = pool(primaryPort).on('error', () => {})
    this.#replica = pool(replicaPort).on('error', () => {})
  }

  async set(sku: string, cents: number): Promise<void> {
    await this.#primary.query('UPDATE prices SET cents = $2 WHERE sku = $1', [sku, cents])
  }

  async get(sku: string): Promise<number> {
    const { rows } = await this.#replica.query<{ cents: number }>('SELECT cents FROM prices WHERE sku = $1', [
      sku,
    ])
    return rows[0]?.cents ?? 0
  }

  async close(): Promise<void> {
    await Promise.all([this.#primary.end(), this.#replica.end()])
  }
}
// #endregion service

// #region topology
await using cluster = await localCluster({ postgres: { shop: { replicas: 1 } } })
await using chaos = createChaos({ seed: process.argv[2] ?? 42 })
const { primary, replicas } = cluster.postgres.shop
const [replica] = replicas

const setUp = new pg.Client(primary.url)
await setUp.connect()
await setUp.query(
  "CREATE TABLE prices (sku text PRIMARY KEY, cents int); INSERT INTO prices VALUES ('mug', 0)",
)
await setUp.end()
await replica.caughtUp()

const toPrimary = await chaos.link({ from: 'clients', to: 'primary', target: { port: primary.port } })
const topology = mergeTopologies(clusterTopology(cluster), {
  nodes: [{ name: 'clients', role: 'client' }],
  links: [{ from: 'clients', to: 'postgres.shop.primary', link: toPrimary }],
})
// #endregion topology

// #region record
const refused = (error: unknown): boolean => String(error).includes('ECONNREFUSED')
const history = createHistory({
  name: 'prices',
  initial: 0,
  classify: (error) => (refused(error) ? 'fail' : 'unknown'), // only what was surely not sent did not happen
})
let last = 0

/** One customer: a session of its own, one thing at a time, until told to stop. */
async function customer(id: string, signal: AbortSignal): Promise<void> {
  const prices = new Prices(toPrimary.port, replica.port)
  while (!signal.aborted) {
    const cents = ++last // every value once, so that a read tells which write it saw
    const write = { process: id, op: 'write', key: 'mug', input: cents }
    await history.record(write, () => prices.set('mug', cents)).catch(() => {})
    await history.record({ process: id, op: 'read', key: 'mug' }, () => prices.get('mug')).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await prices.close()
}
// #endregion record

// #region break
const stopping = new AbortController()
const customers = ['ann', 'ben', 'eve'].map((id) => customer(id, stopping.signal))
const { text } = await chaos.nemesis([partition('one'), kill('primary'), pause('replica')], {
  topology,
  history,
  everyMs: [300, 900],
  forMs: 5_000,
})
stopping.abort()
await Promise.all(customers)
// #endregion break

// #region judge
// All writes go to one primary: the order in which they were answered is the order of the versions.
const sessions = checkSessions(history, { versionOrder: 'real-time' })
const linearizable = checkLinearizable(history, register())
console.log(
  'sessions:',
  sessions.verdict,
  [...new Set(sessions.violations.map(({ name }) => name))].join(', '),
)
console.log('linearizable:', linearizable.verdict)
await writeFile(process.argv[3] ?? 'prices.html', renderTimeline(history, sessions))
console.error(`${sessions.violations[0]?.message ?? ''}\nagain with these faults: ${text}`)
// #endregion judge
