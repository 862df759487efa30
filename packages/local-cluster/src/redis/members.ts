import type { Link } from '@quorate/chaos'
import { NotReadyInTimeError, WrongServerStateError } from '../errors.ts'
import { Mutex } from '../mutex.ts'
import type { ReplicationLinks } from '../replication-links.ts'
import { ask, factsOf } from './commands.ts'
import type { RedisContext } from './context.ts'
import type { RedisNode } from './node.ts'

/** A node and the place it stands in. */
export interface RedisMember {
  readonly node: RedisNode
  readonly region: string
}

/** Who is primary and who follows; the Redis twin of `PostgresMembers`. */
export class RedisMembers {
  readonly name: string
  readonly #context: RedisContext
  readonly #links: ReplicationLinks
  readonly #saveRoles: (primary: string) => Promise<void>
  readonly #changes = new Mutex()
  #primary: RedisMember
  #replicas: RedisMember[]

  constructor(options: {
    name: string
    context: RedisContext
    links: ReplicationLinks
    members: readonly RedisMember[]
    saveRoles: (primary: string) => Promise<void>
  }) {
    this.name = options.name
    this.#context = options.context
    this.#links = options.links
    this.#saveRoles = options.saveRoles
    const [primary, ...replicas] = options.members
    this.#primary = primary as RedisMember
    this.#replicas = replicas
  }

  get primary(): RedisMember {
    return this.#primary
  }

  get replicas(): readonly RedisMember[] {
    return this.#replicas
  }

  get all(): readonly RedisMember[] {
    return [this.#primary, ...this.#replicas]
  }

  /** The wire between the current primary and one of its replicas. */
  linkOf(member: RedisMember): Link | undefined {
    return this.#links.between(endOf(member), endOf(this.#primary))
  }

  /** Starts a replica behind the current primary. */
  async startReplica(member: RedisMember): Promise<void> {
    member.node.upstreamPort = await this.#links.portFor(endOf(member), endOf(this.#primary))
    await member.node.start()
  }

  /** Resolves when the replicas that run have the primary's data and follow it. */
  async following(): Promise<void> {
    const running = this.#replicas.filter(({ node }) => node.state === 'running')
    for (const member of running) {
      await this.#until('follow its primary', member, undefined, undefined, async () => {
        const facts = factsOf(await ask(member.node.port, 'INFO', 'replication'))
        return facts.get('master_link_status') === 'up'
      })
    }
  }

  /** Resolves when the replica has applied all that the primary has by now. */
  async caughtUp(member: RedisMember, withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    const primary = factsOf(await ask(this.#primary.node.port, 'INFO', 'replication'))
    const offset = Number(primary.get('master_repl_offset'))
    await this.#until('apply what its primary has written', member, withinMs, signal, async () => {
      const facts = factsOf(await ask(member.node.port, 'INFO', 'replication'))
      const sameHistory = facts.get('master_replid') === primary.get('master_replid')
      return sameHistory && Number(facts.get('slave_repl_offset')) >= offset
    })
  }

  restart(member: RedisMember): Promise<void> {
    return this.#changes.run(async () => {
      await member.node.resume()
      await member.node.stop()
      if (member === this.#primary) await member.node.start()
      else await this.startReplica(member)
    })
  }

  /** Fail-over: see `RedisGroup.promote()`. */
  promote(index: number, { rejoin = true }: { rejoin?: boolean | undefined } = {}): Promise<void> {
    return this.#changes.run(async () => {
      const target = this.#replicas[index]
      if (target === undefined) {
        throw new RangeError(
          `Cannot promote: ${this.name} has ${this.#replicas.length} replicas, counted from 0, got ${index}`,
        )
      }
      if (target.node.state !== 'running') {
        throw new WrongServerStateError({
          server: target.node.name,
          action: 'promote',
          state: target.node.state,
          remedy: 'resume or restart it first, or promote another replica',
        })
      }
      const old = this.#primary
      await old.node.kill()
      await this.#saveRoles(target.node.shortName)
      await ask(target.node.port, 'REPLICAOF', 'NO', 'ONE')
      target.node.upstreamPort = undefined
      this.#primary = target
      this.#replicas = this.#replicas.map((member) => (member === target ? old : member))
      this.#context.note({ type: 'promoted', group: this.name, server: target.node.name })
      for (const member of this.#replicas) {
        if (member === old) {
          if (rejoin) await this.startReplica(old)
          continue
        }
        member.node.upstreamPort = await this.#links.portFor(endOf(member), endOf(target))
        if (member.node.state === 'down') continue
        await member.node.resume()
        await ask(member.node.port, 'REPLICAOF', '127.0.0.1', member.node.upstreamPort)
      }
      await this.following()
    })
  }

  /** Polls until the answer is yes; an error while a server comes up or goes is a no. */
  async #until(
    what: string,
    member: RedisMember,
    withinMs: number | undefined,
    signal: AbortSignal | undefined,
    isSo: () => Promise<boolean>,
  ): Promise<void> {
    const { clock, startTimeoutMs } = this.#context
    const waitedMs = withinMs ?? startTimeoutMs
    const deadlineMs = clock.monotonic() + waitedMs
    for (;;) {
      let cause: unknown
      try {
        if (await isSo()) return
      } catch (error) {
        cause = error
      }
      if (clock.monotonic() > deadlineMs) {
        const logTail = await member.node.logTail()
        throw new NotReadyInTimeError({ server: member.node.name, what, waitedMs, logTail, cause })
      }
      await clock.sleep(5, { signal: signal ?? this.#context.signal })
    }
  }
}

function endOf({ node, region }: RedisMember): { name: string; region: string; port: number } {
  return { name: node.name, region, port: node.port }
}
