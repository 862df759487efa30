// A process that owns a cluster, for tests that kill it: prints what it owns as one line, and stays.
import { localCluster, type ClusterOptions, type LocalCluster } from '@quorate/local-cluster'

const options = JSON.parse(process.argv[2] ?? '{}') as ClusterOptions
const cluster: LocalCluster = await localCluster(options)
const servers = [...Object.values(cluster.postgres), ...Object.values(cluster.redis)].flatMap((group) => [
  group.primary,
  ...group.replicas,
])
const facts = servers.map(({ name, url, port, pid }) => ({ name, url, port, pid }))
process.stdout.write(`${JSON.stringify({ dir: cluster.dir, servers: facts })}\n`)
setInterval(() => {}, 60_000)
