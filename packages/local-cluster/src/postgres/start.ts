import { stat } from 'node:fs/promises'
import { DataDirMismatchError, FolderUnusableError } from '../errors.ts'
import { limit } from '../host/limit.ts'
import type { PostgresPlan } from '../plan.ts'
import { membersOf, type Starter } from '../starter.ts'
import type { PostgresBinaries } from './binaries.ts'
import { PostgresMembers } from './members.ts'
import { PostgresNode } from './node.ts'
import { postgresTemplate } from './template.ts'

/** Copying files is what a start costs; more at once only makes each slower. */
const COPIES_AT_ONCE = 4

/**
 * Starts the Postgres groups.
 *
 * @param made is told of each group before a server of it starts, so that a failure can end it.
 */
export async function startPostgres(
  plans: readonly PostgresPlan[],
  binaries: PostgresBinaries,
  starter: Starter,
  made: (group: PostgresMembers) => void,
): Promise<void> {
  const { context, manifest } = starter
  const groups = await Promise.all(
    plans.map(async (plan) => {
      const { synchronous, settings: overrides } = plan
      const options = await membersOf('postgres', plan, starter, (node) => {
        return new PostgresNode(context, { ...node, binaries, synchronous, overrides })
      })
      const group = new PostgresMembers(options)
      made(group)
      return { group, plan }
    }),
  )
  if (manifest?.reopened === true) {
    await starter.all(groups.map(({ group }) => reopen(group, starter)))
  } else {
    const template = await postgresTemplate(context, binaries)
    const copy = limit(COPIES_AT_ONCE)
    await starter.all(groups.map(({ group }) => create(group, { template, copy, starter })))
  }
  await starter.all(
    groups.map(async ({ group, plan }) => {
      await group.following()
      await group.createDatabases(plan.databases)
    }),
  )
}

/** All copies of all groups share one queue; a replica starts when its primary has a port. */
async function create(
  group: PostgresMembers,
  { template, copy, starter }: { template: string; copy: ReturnType<typeof limit>; starter: Starter },
): Promise<void> {
  const startPrimary = async (): Promise<void> => {
    await copy(() => group.makeData(group.primary, template))
    await group.primary.node.start()
    starter.ready(group.primary.node)
  }
  const primaryStarted = startPrimary()
  const replicas = group.replicas.map(async (member) => {
    await copy(() => group.makeData(member, template))
    await primaryStarted
    await group.startReplica(member)
    starter.ready(member.node)
  })
  await starter.all([primaryStarted, ...replicas])
}

async function reopen(group: PostgresMembers, starter: Starter): Promise<void> {
  const { node } = group.primary
  await checkData(node, starter)
  // A replica that was to become primary when its owner died.
  await node.setStandby(false)
  node.stale = false
  await node.start()
  starter.ready(node)
  await starter.all(
    group.replicas.map(async (member) => {
      await group.reopenReplica(member)
      starter.ready(member.node)
    }),
  )
}

async function checkData(node: PostgresNode, { home, context }: Starter): Promise<void> {
  const folder = await stat(node.dir).catch(() => undefined)
  if (folder === undefined || !(await node.hasData())) {
    throw new DataDirMismatchError({ dataDir: home.root, reason: `the data of ${node.name} is missing` })
  }
  const uid = context.account?.uid ?? process.geteuid?.()
  if (folder.uid !== uid) {
    throw new FolderUnusableError({
      folder: node.dir,
      reason: `it belongs to uid ${folder.uid}, and the server would run as uid ${String(uid)}`,
      remedy: 'open it as the user who made it',
    })
  }
}
