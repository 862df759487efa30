// Three steps with an effect outside, one durable run after the other and 50 at once, on one Postgres with fsync.
import { DBOS } from '@dbos-inc/dbos-sdk'
import { localCluster } from '@quorate/local-cluster'
import { createSagaEngine, saga } from '@quorate/saga'
import pg from 'pg'
import { bench, type Case, underLoad } from '../harness/index.ts'

const STEPS = ['reserve', 'charge', 'ship'] as const
const POOL = 20

await using cluster = await localCluster({
  postgres: { work: { databases: ['ours', 'dbos'], settings: { max_connections: 100 } } },
  fsync: true,
})
await using closing = new AsyncDisposableStack()
const urlOf = (database: string): string => {
  const url = new URL(cluster.postgres.work.primary.url)
  url.pathname = `/${database}`
  return url.href
}

// What each step does outside: nothing but a turn of the event loop, so that the engine is what is measured.
let effects = 0
const effect = async (): Promise<{ done: number }> => {
  await new Promise((resolve) => setImmediate(resolve))
  return { done: ++effects }
}

const pool = new pg.Pool({ connectionString: urlOf('ours'), max: POOL })
pool.on('error', () => {})
closing.defer(() => pool.end())
const compensate = async (): Promise<void> => {}
const checkout = saga<{ order: number }>('checkout', { version: 1 })
  .step({ name: 'reserve', run: effect, compensate })
  .step({ name: 'charge', run: effect, compensate })
  .step({ name: 'ship', run: effect, compensate })
const engine = createSagaEngine({ pool, sagas: [checkout] })
await engine.migrate()
closing.defer(() => engine.stop())

let ids = 0
const ours = async (): Promise<void> => {
  const id = `order-${ids++}`
  const run = await engine.start(checkout, { order: ids }, { id })
  const end = await run.result()
  if (end.status !== 'completed') throw new Error(`${id} ended ${end.status}`)
}

DBOS.setConfig({
  name: 'bench',
  systemDatabaseUrl: urlOf('dbos'),
  systemDatabasePoolSize: POOL,
  logLevel: 'error',
})
const workflow = DBOS.registerWorkflow(
  async (_order: number): Promise<number> => {
    let last = 0
    for (const name of STEPS) last = (await DBOS.runStep(effect, { name })).done
    return last
  },
  { name: 'checkout' },
)
await DBOS.launch()
closing.defer(() => DBOS.shutdown())
const dbos = async (): Promise<void> => {
  const handle = await DBOS.startWorkflow(workflow, { workflowID: `order-${ids++}` })(ids)
  await handle.getResult()
}

/** Checks that each run made its three effects, once. */
function load(run: () => Promise<void>, concurrency: number): Case['round'] {
  return async () => {
    const before = effects
    const { calls, perSecond, p50Ms, p99Ms, cpuUsPerCall } = await underLoad(run, {
      concurrency,
      durationMs: 1_500,
    })
    if (effects - before !== calls * STEPS.length) {
      throw new Error(`${calls} runs made ${effects - before} effects, expected ${calls * STEPS.length}`)
    }
    return { runs: perSecond, p50: p50Ms, p99: p99Ms, cpu: cpuUsPerCall }
  }
}
const units = { runs: 'per s', p50: 'ms', p99: 'ms', cpu: 'µs per run' }
const SEQUENTIAL = 'one after the other'
const BUSY = '50 at once'

await bench({
  workload: `3 steps and their result, Postgres 18 with fsync on, pools of ${POOL}, server and client on one machine`,
  groups: [
    {
      title: SEQUENTIAL,
      units,
      cases: [
        { name: 'quorate', round: load(ours, 1) },
        { name: 'DBOS 5.3.0', round: load(dbos, 1) },
      ],
    },
    {
      title: BUSY,
      units,
      cases: [
        { name: 'quorate', round: load(ours, 50) },
        { name: 'DBOS 5.3.0', round: load(dbos, 50) },
      ],
    },
  ],
  ratios: (value) => ({
    'p50 one after the other: DBOS / quorate':
      value('DBOS 5.3.0', 'p50', SEQUENTIAL) / value('quorate', 'p50', SEQUENTIAL),
    'runs/s at 50: quorate / DBOS': value('quorate', 'runs', BUSY) / value('DBOS 5.3.0', 'runs', BUSY),
    'CPU per run at 50: DBOS / quorate': value('DBOS 5.3.0', 'cpu', BUSY) / value('quorate', 'cpu', BUSY),
  }),
})
