import type { TestProject } from 'vitest/node'
import { localCluster, type LocalCluster } from '../local-cluster.ts'
import type { SharedServers } from './shared.ts'

/**
 * Vitest `globalSetup`: one Postgres with two replicas and one Redis with one, for the whole run. If one
 * engine cannot be had, only the tests that ask for it fail, with the reason.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running: LocalCluster[] = []
  const keep = <T extends LocalCluster>(cluster: T): T => {
    running.push(cluster)
    return cluster
  }
  // No links: they would run in the process that also prints the report.
  const [postgres, redis] = await Promise.allSettled([
    localCluster({
      postgres: { main: { replicas: 2, settings: { max_connections: 200 } } },
      links: false,
    }).then(keep),
    localCluster({ redis: { main: { replicas: 1, settings: { databases: 1_024 } } }, links: false }).then(
      keep,
    ),
  ])
  const shared: SharedServers = {
    postgres:
      postgres.status === 'fulfilled'
        ? {
            url: postgres.value.postgres.main.primary.url,
            replicaUrls: postgres.value.postgres.main.replicas.map(({ url }) => url),
          }
        : { error: textOf(postgres.reason) },
    redis:
      redis.status === 'fulfilled'
        ? {
            url: redis.value.redis.main.primary.url,
            replicaUrls: redis.value.redis.main.replicas.map(({ url }) => url),
          }
        : { error: textOf(redis.reason) },
  }
  project.provide('quorateServers', shared)
  return async () => {
    await Promise.all(running.map((cluster) => cluster.stop()))
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
