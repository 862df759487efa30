import type { Link } from '@quorate/chaos'
import { NotReadyInTimeError, WrongServerStateError } from './errors.ts'
import type { HostContext } from './host/context.ts'
import type { ServerNode } from './host/server-node.ts'
import { Mutex } from './mutex.ts'
import type { LinkEnd, ReplicationLinks } from './replication-links.ts'

/** A server and the place it stands in. */
export interface Member<N> {
  readonly node: N
  readonly region: string
}

/** Keeps who is primary, and whose data is not to be trusted, for the next start. */
export type SaveRoles = (primary: string, stale: readonly string[]) => Promise<void>

/** What a {@link ReplicaSet} is made of. */
export interface ReplicaSetOptions<N> {
  readonly name: string
  readonly context: HostContext
  readonly links: ReplicationLinks
  /** The primary first. */
  readonly members: readonly Member<N>[]
  readonly saveRoles: SaveRoles
}

/** Options of `promote()`. */
export interface PromoteOptions {
  /** Clone the old primary from the new one and let it follow. Default `true`; without, it stays down. */
  readonly rejoin?: boolean | undefined
}

/** A wait of {@link ReplicaSet.until}. */
export interface Until {
  /** What has to happen, to say when it did not. */
  readonly what: string
  readonly node: ServerNode
  /** Default: the start timeout. */
  readonly withinMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Servers without which it never will be so. One that is down, and that nobody is starting, ends the wait. */
  readonly needs?: () => readonly ServerNode[]
  /** An error counts as no: servers come and go. */
  readonly isSo: () => Promise<boolean>
}

const POLL_MS = 5

/**
 * Who is primary and who follows. Changes of roles run one at a time; kill and pause do not wait for
 * them, because faults do not ask.
 */
export abstract class ReplicaSet<N extends ServerNode> {
  readonly name: string
  protected readonly context: HostContext
  protected readonly changes: Mutex = new Mutex()
  readonly #links: ReplicationLinks
  readonly #saveRoles: SaveRoles
  #primary: Member<N>
  #replicas: readonly Member<N>[]

  constructor({ name, context, links, members, saveRoles }: ReplicaSetOptions<N>) {
    this.name = name
    this.context = context
    this.#links = links
    this.#saveRoles = saveRoles
    const [primary, ...replicas] = members
    this.#primary = primary as Member<N>
    this.#replicas = replicas
  }

  /** Starts a replica behind the current primary. */
  abstract startReplica(member: Member<N>): Promise<void>
  /** Brings a server that is up or down to life again, whatever its role. Runs as a change. */
  protected abstract revive(member: Member<N>): Promise<void>
  /** Resolves when the replicas that run follow the primary. */
  abstract following(): Promise<void>
  /** Resolves when the replica shows all that the primary has by now. */
  abstract caughtUp(member: Member<N>, withinMs: number, signal: AbortSignal | undefined): Promise<void>
  /** Makes a replica take writes, or fails; then it must not serve as if it did. */
  protected abstract becomePrimary(node: N): Promise<void>
  /** Points a replica to the new primary. It is marked stale if it cannot follow, and when this fails. */
  protected abstract follow(member: Member<N>): Promise<void>
  /** Lets the old primary, which is down, follow the new one. */
  protected abstract rejoin(member: Member<N>): Promise<void>

  get primary(): Member<N> {
    return this.#primary
  }

  get replicas(): readonly Member<N>[] {
    return this.#replicas
  }

  get all(): readonly Member<N>[] {
    return [this.#primary, ...this.#replicas]
  }

  /** The wire between the current primary and one of its replicas. */
  linkOf(member: Member<N>): Link | undefined {
    return this.#links.between(endOf(member), endOf(this.#primary))
  }

  /** The port at which a replica finds the current primary. */
  protected upstreamPort(member: Member<N>): Promise<number> {
    return this.#links.portFor(endOf(member), endOf(this.#primary))
  }

  restart(member: Member<N>): Promise<void> {
    return this.change(() => this.revive(member))
  }

  /** Fail-over; see `Group.promote()`. */
  promote(index: number, { rejoin = true }: PromoteOptions = {}): Promise<void> {
    return this.change(async () => {
      const target = this.#candidate(index)
      const old = this.#primary
      const others = [old, ...this.#replicas.filter((member) => member !== target)]
      await old.node.kill()
      // Written down first: whoever dies now must not come back with the old primary in charge.
      await this.#save(target, others)
      try {
        await this.becomePrimary(target.node)
      } catch (error) {
        await this.#takeBack(target, old)
        throw error
      }
      this.#primary = target
      this.#replicas = this.#replicas.map((member) => (member === target ? old : member))
      old.node.stale = true
      await this.#links.close()
      this.context.note({ type: 'promoted', group: this.name, server: target.node.name })

      // One that fails must not be left at work when the next change begins, nor keep the others waiting.
      const followed = await Promise.allSettled(others.slice(1).map((member) => this.follow(member)))
      if (rejoin) await this.rejoin(old)
      await this.following()
      const stale = this.#replicas.filter(({ node }) => node.stale)
      await this.#save(target, stale)
      const failed = followed.find(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    })
  }

  /** Nobody knows whether it has become primary. The old one is down, but has lost nothing, and stays primary. */
  async #takeBack(target: Member<N>, old: Member<N>): Promise<void> {
    target.node.stale = true
    const stale = this.#replicas.filter(({ node }) => node.stale)
    await this.#save(old, stale)
  }

  /** Runs a change of roles or of data when those before it are through. */
  protected change(task: () => Promise<void>): Promise<void> {
    return this.changes.run(async () => {
      this.context.signal.throwIfAborted()
      await task()
    })
  }

  /** Resolves when no change of roles is under way. */
  settled(): Promise<void> {
    return this.changes.run(async () => {})
  }

  closeLinks(): Promise<void> {
    return this.#links.close()
  }

  /** @throws NotReadyInTimeError when it is not so in time, WrongServerStateError when it cannot become so. */
  async until({ what, node, withinMs, signal, needs = () => [], isSo }: Until): Promise<void> {
    const { clock, startTimeoutMs } = this.context
    const both = signal === undefined ? this.context.signal : AbortSignal.any([signal, this.context.signal])
    const waitedMs = withinMs ?? startTimeoutMs
    const deadlineMs = clock.monotonic() + waitedMs
    for (;;) {
      both.throwIfAborted()
      const missing = needs().find(({ state }) => state === 'down')
      if (missing !== undefined && !this.changes.isBusy) {
        const [server, remedy] = [missing.name, 'restart() it, or promote() a replica, first']
        throw new WrongServerStateError({ server, action: `wait for ${node.name}`, state: 'down', remedy })
      }
      let cause: unknown
      try {
        if (await this.#within(isSo, deadlineMs, both)) return
      } catch (error) {
        cause = error
      }
      if (clock.monotonic() > deadlineMs) {
        const logTail = await node.logTail()
        throw new NotReadyInTimeError({ server: node.name, what, waitedMs, logTail, cause })
      }
      await clock.sleep(POLL_MS, { signal: both })
    }
  }

  /** A question to a server that is frozen would wait longer than its caller wants to. */
  async #within(isSo: () => Promise<boolean>, deadlineMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.context
    const answered = new AbortController()
    const leftMs = deadlineMs - clock.monotonic()
    const late = clock.sleep(leftMs, { signal: AbortSignal.any([signal, answered.signal]) }).then(() => false)
    late.catch(() => {})
    try {
      return await Promise.race([isSo(), late])
    } finally {
      answered.abort()
    }
  }

  #candidate(index: number): Member<N> {
    const target = this.#replicas[index]
    if (target === undefined) {
      const count = this.#replicas.length
      throw new RangeError(`Cannot promote: ${this.name} has ${count} replicas, counted from 0, got ${index}`)
    }
    if (target.node.state !== 'running' || target.node.stale) {
      throw new WrongServerStateError({
        server: target.node.name,
        action: 'promote',
        state: target.node.stale ? 'without trustworthy data' : target.node.state,
        remedy: 'resume or restart it first, or promote another replica',
      })
    }
    return target
  }

  #save(primary: Member<N>, stale: readonly Member<N>[]): Promise<void> {
    const names = stale.map(({ node }) => node.shortName)
    return this.#saveRoles(primary.node.shortName, names)
  }
}

function endOf({ node, region }: Member<ServerNode>): LinkEnd {
  return { name: node.name, region, port: node.port }
}
