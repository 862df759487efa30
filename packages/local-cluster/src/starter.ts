import path from 'node:path'
import type { Chaos } from '@quorate/chaos'
import type { HostContext } from './host/context.ts'
import type { ClusterHome } from './host/home.ts'
import type { ServerNode, ServerNodeOptions } from './host/server-node.ts'
import type { Manifest } from './manifest.ts'
import type { GroupPlan } from './plan.ts'
import type { Member, ReplicaSetOptions } from './replica-set.ts'
import { ReplicationLinks } from './replication-links.ts'

/** What the starters of both engines work with. */
export interface Starter {
  readonly context: HostContext
  readonly home: ClusterHome
  /** Only of a cluster that keeps its data. */
  readonly manifest: Manifest | undefined
  readonly chaos: Chaos | undefined
  /** Counts and reports a server that is up. */
  ready(node: ServerNode): void
  /** Waits for all tasks; when one fails, the others are given up and waited for before it is thrown. */
  all(tasks: readonly Promise<void>[]): Promise<void>
}

/** The members of a group, the primary first, each with its folder, its port of last time and its place. */
export async function membersOf<N extends ServerNode>(
  engine: 'postgres' | 'redis',
  plan: GroupPlan<unknown>,
  { context, home, manifest, chaos }: Starter,
  makeNode: (options: ServerNodeOptions) => N,
): Promise<ReplicaSetOptions<N>> {
  const group = `${engine}/${plan.name}`
  const roles = manifest?.rolesOf(group)
  const folder = await home.folder(engine, plan.name)
  const logs = await home.folder('logs')
  const members = Array.from({ length: plan.replicas + 1 }, (_, at): Member<N> => {
    const shortName = `node-${at + 1}`
    const name = `${group}/${shortName}`
    const isPrimary = shortName === (roles?.primary ?? 'node-1')
    const node = makeNode({
      name,
      dir: path.join(folder, shortName),
      logFile: path.join(logs, `${engine}-${plan.name}-${shortName}.log`),
      port: isPrimary ? plan.port : undefined,
      preferredPort: manifest?.portOf(name),
    })
    node.stale = manifest?.doubtful === true || (roles?.stale.includes(shortName) ?? false)
    return { node, region: plan.regions[at] ?? name }
  })
  const primary = members.find(({ node }) => node.shortName === (roles?.primary ?? 'node-1')) ?? members[0]
  return {
    name: plan.name,
    context,
    links: new ReplicationLinks(chaos),
    members: primary === undefined ? members : [primary, ...members.filter((member) => member !== primary)],
    saveRoles: async (name, stale) => manifest?.saveRoles(group, { primary: name, stale }),
  }
}
