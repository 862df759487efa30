import type { Link, Topology, TopologyLink, TopologyNode } from '@quorate/chaos'
import type { Group, PostgresGroup, RedisGroup, RoleName } from './groups.ts'
import type { PostgresServer } from './postgres/server.ts'
import type { RedisServer } from './redis/server.ts'

/**
 * What a nemesis of `@quorate/chaos` needs to know of a cluster: each server as `postgres.orders.primary`,
 * `postgres.orders.replica-1`, `redis.cart.primary` …, in the roles `primary` and `replica`, one group each,
 * with the links by which replicas reach their primary (none if the cluster was made with `links: false`).
 *
 * Names follow roles: after a promotion `postgres.orders.primary` is the new primary. A server that was
 * killed before a promotion is still the one that the end of that fault restarts.
 *
 * @example
 * ```ts
 * await chaos.nemesis([kill('primary'), partition('one')], {
 *   topology: clusterTopology(cluster),
 *   forMs: 30_000,
 * })
 * ```
 */
export function clusterTopology(cluster: {
  readonly postgres: Readonly<Record<string, PostgresGroup>>
  readonly redis: Readonly<Record<string, RedisGroup>>
}): Topology {
  const groups = [
    ...Object.values(cluster.postgres).map((group) => ({ name: `postgres.${group.name}`, group })),
    ...Object.values(cluster.redis).map((group) => ({ name: `redis.${group.name}`, group })),
  ]
  return {
    get nodes() {
      return groups.flatMap(({ name, group }) => nodesOf(name, group))
    },
    get links() {
      return groups.flatMap(({ name, group }) => linksOf(name, group))
    },
  }
}

type AnyGroup = Group<Server, readonly Server[]>
type Server = PostgresServer | RedisServer

function nodesOf(name: string, { primary, replicas }: AnyGroup): TopologyNode[] {
  return [
    nodeOf(name, 'primary', 'primary', primary),
    ...replicas.map((server, at) => nodeOf(name, `replica-${at + 1}`, 'replica', server)),
  ]
}

function nodeOf(group: string, short: RoleName, role: string, server: Server): TopologyNode {
  return {
    name: `${group}.${short}`,
    role,
    group,
    kill: () => server.kill(),
    // A promotion may have brought it back by now.
    restart: async () => {
      if (server.state === 'down') await server.restart()
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
  }
}

function linksOf(name: string, group: AnyGroup): TopologyLink[] {
  return group.replicas.flatMap((_, at) => {
    const replica = `replica-${at + 1}` as const
    const link = linkOrNone(() => group.link('primary', replica))
    return link === undefined ? [] : { from: `${name}.${replica}`, to: `${name}.primary`, link }
  })
}

/** A replica that is down since a promotion has no wire until it comes back. */
function linkOrNone(find: () => Link): Link | undefined {
  try {
    return find()
  } catch {
    return undefined
  }
}
