import { type Member, ReplicaSet } from '../replica-set.ts'
import { ask, factsOf } from './commands.ts'
import type { RedisNode } from './node.ts'

/** A Redis primary and its replicas. A replica with a history of its own copies the primary's by itself. */
export class RedisMembers extends ReplicaSet<RedisNode> {
  async startReplica(member: Member<RedisNode>): Promise<void> {
    member.node.upstreamPort = await this.upstreamPort(member)
    await member.node.start()
  }

  /** Resolves when the replicas that run have the primary's data and follow it. */
  async following(): Promise<void> {
    const running = this.replicas.filter(({ node }) => node.state === 'running')
    for (const { node } of running) {
      const isSo = async (): Promise<boolean> => {
        if (node.state !== 'running') return true // since then it was killed or frozen
        const facts = factsOf(await ask(node.port, 'INFO', 'replication'))
        return facts.get('master_link_status') === 'up'
      }
      await this.until({ what: 'follow its primary', node, isSo })
    }
  }

  async caughtUp(
    { node }: Member<RedisNode>,
    withinMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { port } = this.primary.node
    let primary: ReadonlyMap<string, string> | undefined
    const isSo = async (): Promise<boolean> => {
      const facts = factsOf(await ask(node.port, 'INFO', 'replication'))
      const isSame = (): boolean => facts.get('master_replid') === primary?.get('master_replid')
      // A primary begins a new history when its first replica comes: what it said before is then worth nothing.
      if (primary === undefined || !isSame()) primary = factsOf(await ask(port, 'INFO', 'replication'))
      const offset = Number(primary.get('master_repl_offset'))
      return isSame() && Number(facts.get('slave_repl_offset')) >= offset
    }
    const needs = (): RedisNode[] => (primary === undefined ? [this.primary.node, node] : [node])
    await this.until({ what: 'apply what its primary has written', node, withinMs, signal, needs, isSo })
  }

  /** Thaws a node; if roles changed while it was frozen, it is told whom to follow. */
  async resume({ node }: Member<RedisNode>): Promise<void> {
    await node.resume()
    if (!node.stale || node.state !== 'running') return
    await this.change(() => this.#obey(node))
  }

  protected async revive(member: Member<RedisNode>): Promise<void> {
    await member.node.stop()
    if (member === this.primary) await member.node.start()
    else await this.startReplica(member)
    member.node.stale = false
  }

  protected async becomePrimary(node: RedisNode): Promise<void> {
    await ask(node.port, 'REPLICAOF', 'NO', 'ONE')
    node.upstreamPort = undefined
  }

  protected async follow(member: Member<RedisNode>): Promise<void> {
    const { node } = member
    node.upstreamPort = await this.upstreamPort(member)
    node.stale = true
    try {
      if (node.state === 'running') await this.#obey(node)
    } catch (error) {
      if (node.state === 'running') throw error // else it was killed or frozen meanwhile
    }
    if (node.state === 'down') node.stale = false // its settings say whom to follow
  }

  protected async rejoin(member: Member<RedisNode>): Promise<void> {
    await this.startReplica(member)
    member.node.stale = false
  }

  async #obey(node: RedisNode): Promise<void> {
    await ask(node.port, 'REPLICAOF', '127.0.0.1', node.upstreamPort ?? this.primary.node.port)
    node.stale = false
  }
}
