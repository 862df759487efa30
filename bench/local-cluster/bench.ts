// Processor time is the figure to trust on a machine that is busy.
// What ShopFleet needs: 13 Postgres servers (5 primaries, 8 standbys) and 6 Redis servers (3 and 3).
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { localCluster, type LocalCluster } from '@quorate/local-cluster'
import { bench } from '../harness/index.ts'
import { cpuSeconds, ownCpuSeconds, proportionalMb, withDescendants } from './footprint.ts'

const SHOP = {
  postgres: {
    payments: { replicas: 2 },
    inventory: { replicas: 2 },
    orders: { replicas: 2 },
    catalog: { replicas: 1 },
    profiles: { replicas: 1 },
  },
  redis: { cart: { replicas: 1 }, stock: { replicas: 1 }, jobs: { replicas: 1 } },
} as const
const IDLE_MS = 2_000

const cacheWithRedis = await mkdtemp(join(tmpdir(), 'quorate-bench-'))
process.env['QUORATE_CACHE'] = cacheWithRedis
await chmod(cacheWithRedis, 0o755)
// Fetches Redis if the system has none; a download is not what is measured here.
await (await localCluster({ redis: { main: {} } })).stop()

try {
  await bench({
    workload: '13 Postgres 18 (5 primaries, 8 standbys) and 6 Redis (3, 3), fsync off',
    groups: [
      {
        title: 'start',
        units: { ready: 'ms', 'cpu until ready': 's', stop: 'ms', memory: 'MB', idle: '% of a core' },
        cases: [
          { name: 'empty cache', round: () => measured({ cold: true, links: true }) },
          { name: 'warm', round: () => measured({ cold: false, links: true }) },
          { name: 'warm, links: false', round: () => measured({ cold: false, links: false }) },
        ],
      },
    ],
    ratios: (value) => ({
      'empty cache / warm, cpu until ready':
        value('empty cache', 'cpu until ready') / value('warm', 'cpu until ready'),
    }),
  })
} finally {
  await rm(cacheWithRedis, { recursive: true, force: true })
}

async function measured(how: { cold: boolean; links: boolean }): Promise<Record<string, number>> {
  if (how.cold) await forgetTemplates()
  const ownBefore = ownCpuSeconds()
  const startMs = performance.now()
  const cluster = await localCluster({ ...SHOP, links: how.links })
  const ready = performance.now() - startMs
  const pids = withDescendants(serversOf(cluster))
  const cpu = ownCpuSeconds() - ownBefore + cpuSeconds(pids)
  const memory = proportionalMb(pids)
  const cpuBefore = cpuSeconds(pids)
  await sleep(IDLE_MS)
  const idle = ((cpuSeconds(pids) - cpuBefore) / (IDLE_MS / 1_000)) * 100
  const stopMs = performance.now()
  await cluster.stop()
  return { ready, 'cpu until ready': cpu, stop: performance.now() - stopMs, memory, idle }
}

async function forgetTemplates(): Promise<void> {
  for (const name of await readdir(cacheWithRedis)) {
    if (name.startsWith('template-')) await rm(join(cacheWithRedis, name), { recursive: true, force: true })
  }
}

function serversOf(cluster: LocalCluster<typeof SHOP>): number[] {
  const groups = [...Object.values(cluster.postgres), ...Object.values(cluster.redis)]
  return groups.flatMap(({ primary, replicas }) => [primary, ...replicas].flatMap(({ pid }) => pid ?? []))
}
