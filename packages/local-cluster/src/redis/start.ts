import type { RedisPlan } from '../plan.ts'
import { membersOf, type Starter } from '../starter.ts'
import { findRedis } from './find.ts'
import { RedisMembers } from './members.ts'
import { RedisNode } from './node.ts'

/**
 * Starts the Redis groups.
 *
 * @param made is told of each group before a server of it starts, so that a failure can end it.
 */
export async function startRedis(
  plans: readonly RedisPlan[],
  starter: Starter,
  made: (group: RedisMembers) => void,
): Promise<void> {
  if (plans.length === 0) return
  const { context } = starter
  const binary = await findRedis({
    account: context.account,
    cache: context.cache,
    nowMs: context.clock.now(),
    signal: context.signal,
    onProgress: (detail) => context.note({ type: 'preparing', what: 'redis', detail }),
  })
  const start = async (plan: RedisPlan): Promise<void> => {
    const options = await membersOf('redis', plan, starter, (node) => {
      return new RedisNode(context, { ...node, binary, overrides: plan.settings })
    })
    const group = new RedisMembers(options)
    made(group)
    const { node } = group.primary
    node.stale = false
    await node.start()
    starter.ready(node)
    await starter.all(
      group.replicas.map(async (member) => {
        await group.startReplica(member)
        // It copies whatever differs from the primary by itself.
        member.node.stale = false
        starter.ready(member.node)
      }),
    )
    await group.following()
  }
  await starter.all(plans.map(start))
}
