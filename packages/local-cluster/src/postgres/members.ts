import type { Link } from '@quorate/chaos'
import { NotReadyInTimeError, WrongServerStateError } from '../errors.ts'
import { Mutex } from '../mutex.ts'
import type { ReplicationLinks } from '../replication-links.ts'
import type { PostgresContext } from './context.ts'
import { copyAtRest, copyRunning } from './data-folder.ts'
import type { PostgresNode } from './node.ts'
import { identifier, postgresUrl, query } from './sql.ts'

/** A node and the place it stands in. */
export interface Member {
  readonly node: PostgresNode
  readonly region: string
}

/** What {@link PostgresMembers} needs to run. */
export interface PostgresMembersOptions {
  readonly name: string
  readonly context: PostgresContext
  readonly links: ReplicationLinks
  /** The primary first. */
  readonly members: readonly Member[]
  /** Called before a promotion takes effect, and when its rejoin is done: who is primary, whose data to trust. */
  readonly saveRoles: (primary: string, stale: readonly string[]) => Promise<void>
}

/** Options of `promote()`. */
export interface PromoteOptions {
  /** Clone the old primary from the new one and let it follow. Default `true`; without, it stays down. */
  readonly rejoin?: boolean | undefined
}

/**
 * Who is primary and who follows. Changes of roles run one at a time; kill, pause and resume do not
 * wait for them, because faults do not ask.
 */
export class PostgresMembers {
  readonly name: string
  readonly #context: PostgresContext
  readonly #links: ReplicationLinks
  readonly #saveRoles: PostgresMembersOptions['saveRoles']
  readonly #changes = new Mutex()
  #primary: Member
  #replicas: Member[]

  constructor({ name, context, links, members, saveRoles }: PostgresMembersOptions) {
    this.name = name
    this.#context = context
    this.#links = links
    this.#saveRoles = saveRoles
    const [primary, ...replicas] = members
    this.#primary = primary as Member
    this.#replicas = replicas
  }

  get primary(): Member {
    return this.#primary
  }

  get replicas(): readonly Member[] {
    return this.#replicas
  }

  get all(): readonly Member[] {
    return [this.#primary, ...this.#replicas]
  }

  /** Fills the folder of a new node. */
  async makeData(member: Member, template: string): Promise<void> {
    await copyAtRest(template, member.node.dir, this.#context)
    await member.node.setStandby(member !== this.#primary)
  }

  /** Starts a replica behind the current primary. */
  async startReplica(member: Member): Promise<void> {
    member.node.upstreamPort = await this.#upstreamPort(member)
    await member.node.start()
  }

  /** Resolves when all running replicas stream from the primary. */
  async streaming(members: readonly Member[] = this.#replicas, withinMs?: number): Promise<void> {
    const names = members.filter(({ node }) => node.state === 'running').map(({ node }) => node.shortName)
    if (names.length === 0) return
    await this.until('stream from its primary', members[0] as Member, withinMs, async () => {
      const rows = await query<{ name: string }>(
        this.#primary.node.url,
        `SELECT application_name AS name FROM pg_stat_replication WHERE state = 'streaming'`,
      )
      return names.every((name) => rows.some((row) => row.name === name))
    })
  }

  async createDatabases(names: readonly string[]): Promise<void> {
    const { url } = this.#primary.node
    for (const name of names) {
      const found = await query(url, 'SELECT FROM pg_database WHERE datname = $1', [name])
      if (found.length === 0) await query(url, `CREATE DATABASE ${identifier(name)}`)
    }
  }

  /** Resolves when the replica has replayed all that the primary has written by now. */
  async caughtUp(member: Member, withinMs: number, signal: AbortSignal | undefined): Promise<void> {
    const [row] = await query<{ lsn: string }>(
      this.#primary.node.url,
      'SELECT pg_current_wal_insert_lsn()::text AS lsn',
    )
    await this.until(
      'replay what its primary has written',
      member,
      withinMs,
      async () => {
        const rows = await query(member.node.url, 'SELECT WHERE pg_last_wal_replay_lsn() >= $1::pg_lsn', [
          row?.lsn,
        ])
        return rows.length > 0
      },
      signal,
    )
  }

  /** Polls until the answer is yes; an error while a server comes up or goes is a no. */
  async until(
    what: string,
    member: Member,
    withinMs: number | undefined,
    isSo: () => Promise<boolean>,
    signal: AbortSignal | undefined = this.#context.signal,
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
      await clock.sleep(10, { signal })
    }
  }

  /** Sets how far behind a replica shows commits, and waits until it knows. */
  async applyDelay(member: Member, ms: number): Promise<void> {
    member.node.applyDelayMs = ms
    await member.node.reload()
    await this.until('take over its apply delay', member, undefined, async () => {
      const rows = await query(
        member.node.url,
        `SELECT FROM pg_settings WHERE name = 'recovery_min_apply_delay' AND setting = $1`,
        [String(ms)],
      )
      return rows.length > 0
    })
  }

  async #upstreamPort(member: Member): Promise<number> {
    return this.#links.portFor(endOf(member), endOf(this.#primary))
  }

  /** The wire between the current primary and one of its replicas. */
  linkOf(member: Member): Link | undefined {
    return this.#links.between(endOf(member), endOf(this.#primary))
  }

  /** Starts a node that is down, or restarts it; one with doubtful data is cloned. */
  restart(member: Member): Promise<void> {
    return this.#changes.run(async () => {
      const { node } = member
      await node.resume()
      await node.stop('fast')
      if (member === this.#primary) await node.start()
      else if (node.stale) await this.#clone(member, 'its data was doubtful')
      else await this.startReplica(member)
    })
  }

  /** Thaws a node; if roles changed while it was frozen, it is cloned. */
  async resume(member: Member): Promise<void> {
    if (!member.node.stale) return member.node.resume()
    await this.#changes.run(() => this.#clone(member, 'roles changed while it was paused'))
  }

  /** Throws a replica's data away and copies the primary's. */
  reclone(member: Member): Promise<void> {
    return this.#changes.run(() => this.#clone(member, 'asked to'))
  }

  async #clone(member: Member, reason: string): Promise<void> {
    const { node } = member
    if (this.#primary.node.state !== 'running') {
      throw new WrongServerStateError({
        server: node.name,
        action: 'clone the primary',
        state: `behind a primary that is ${this.#primary.node.state}`,
        remedy: 'restart the primary or promote another replica first',
      })
    }
    await node.kill()
    await copyRunning(this.#primary.node, node.dir, this.#context)
    node.stale = false
    await this.startReplica(member)
    this.#context.note({ type: 'cloned', server: node.name, reason })
  }

  /** Fail-over: see `PostgresGroup.promote()`. */
  promote(index: number, { rejoin = true }: PromoteOptions = {}): Promise<void> {
    return this.#changes.run(async () => {
      const target = this.#replicas[index]
      if (target === undefined) {
        throw new RangeError(
          `Cannot promote: ${this.name} has ${this.#replicas.length} replicas, counted from 0, got ${index}`,
        )
      }
      if (target.node.state !== 'running' || target.node.stale) {
        throw new WrongServerStateError({
          server: target.node.name,
          action: 'promote',
          state: target.node.state,
          remedy: 'resume or restart it first, or promote another replica',
        })
      }
      const old = this.#primary
      const followers = this.#replicas.filter((member) => member !== target)
      await old.node.kill()
      old.node.stale = true
      // Written down first: whoever dies now must not come back with the old primary in charge.
      await this.#saveRoles(
        target.node.shortName,
        [old, ...followers].map(({ node }) => node.shortName),
      )
      await makePrimary(target.node)
      this.#primary = target
      this.#replicas = this.#replicas.map((member) => (member === target ? old : member))
      this.#context.note({ type: 'promoted', group: this.name, server: target.node.name })

      const forkLsn = await forkOf(target.node)
      await Promise.all(followers.map((member) => this.#follow(member, forkLsn)))
      if (rejoin) {
        await old.node.setStandby(true)
        await this.#clone(old, 'it was the primary')
      }
      await this.streaming()
      const stale = this.#replicas.filter(({ node }) => node.stale)
      await this.#saveRoles(
        target.node.shortName,
        stale.map(({ node }) => node.shortName),
      )
    })
  }

  /** Points a follower to the new primary. One that has seen more than the new primary cannot follow it. */
  async #follow(member: Member, forkLsn: string): Promise<void> {
    const { node } = member
    node.upstreamPort = await this.#upstreamPort(member)
    if (node.state !== 'running') {
      node.stale = true
      return
    }
    const ahead = await query(
      node.url,
      'SELECT WHERE greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) > $1::pg_lsn',
      [forkLsn],
    )
    if (ahead.length > 0) await this.#clone(member, 'it had received more than the new primary')
    else await node.reload()
  }
}

/** Ends a standby's replay, with all it has received, and waits until it takes writes. */
async function makePrimary(node: PostgresNode): Promise<void> {
  node.applyDelayMs = 0
  await node.reload()
  await query(node.url, 'SELECT pg_wal_replay_resume()')
  await query(node.url, 'SELECT pg_promote(wait => true, wait_seconds => 60)')
}

/** Where the primary's timeline left its parent's: the last line of its history file. */
async function forkOf(node: PostgresNode): Promise<string> {
  const [row] = await query<{ history: string }>(
    node.url,
    // The control file still tells the old timeline here; the name of the current WAL file does not.
    `SELECT pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history') AS history`,
  )
  const lines = (row?.history ?? '').trim().split('\n')
  return lines.at(-1)?.split('\t')[1] ?? '0/0'
}

function endOf({ node, region }: Member): { name: string; region: string; port: number } {
  return { name: node.name, region, port: node.port }
}

/** Address of a database on a node. */
export function urlOf(node: PostgresNode, database?: string): string {
  return postgresUrl(node.port, database)
}
