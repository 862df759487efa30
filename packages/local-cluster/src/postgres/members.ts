import { rename, rm } from 'node:fs/promises'
import { NotReadyInTimeError, WrongServerStateError } from '../errors.ts'
import { type Member, ReplicaSet } from '../replica-set.ts'
import { copyAtRest, copyRunning } from './data-folder.ts'
import type { PostgresNode } from './node.ts'
import { identifier, query } from './sql.ts'

/** How long a standby that has its own data gets to prove that it can follow. */
const FOLLOW_PROOF_MS = 3_000

/** A Postgres primary and its standbys. */
export class PostgresMembers extends ReplicaSet<PostgresNode> {
  /** Fills the folder of a new node. It appears whole or not at all. */
  async makeData({ node }: Member<PostgresNode>, template: string): Promise<void> {
    const work = `${node.dir}.new`
    await rm(work, { recursive: true, force: true })
    await copyAtRest(template, work, this.context)
    await rename(work, node.dir)
    await node.setStandby(node !== this.primary.node)
  }

  async startReplica(member: Member<PostgresNode>): Promise<void> {
    member.node.upstreamPort = await this.upstreamPort(member)
    await member.node.start()
  }

  /**
   * Starts a standby on the data it had in an earlier life. If that is missing, doubtful, or does not
   * lead to streaming, it gets a copy of the primary's instead.
   */
  async reopenReplica(member: Member<PostgresNode>): Promise<void> {
    const { node } = member
    if (node.stale || !(await node.hasData()) || !(await node.isStandby())) {
      await this.#clone(member, 'its data was missing or doubtful')
      return
    }
    try {
      await this.startReplica(member)
      await this.#streaming([member], FOLLOW_PROOF_MS)
    } catch {
      this.context.signal.throwIfAborted()
      await this.#clone(member, 'its data did not lead to the primary')
    }
  }

  following(): Promise<void> {
    return this.#streaming(this.replicas)
  }

  async #streaming(members: readonly Member<PostgresNode>[], withinMs?: number): Promise<void> {
    const running = (): PostgresNode[] =>
      members.filter(({ node }) => node.state === 'running').map(({ node }) => node)
    const [node] = running()
    if (node === undefined) return
    const { url } = this.primary.node
    const isSo = async (): Promise<boolean> => {
      const rows = await this.#ask<{ name: string }>(
        url,
        `SELECT application_name AS name FROM pg_stat_replication WHERE state = 'streaming'`,
      )
      const missing = running().filter(({ shortName }) => rows.every(({ name }) => name !== shortName))
      return (await Promise.all(missing.map((one) => this.#isReplayPaused(one)))).every(Boolean)
    }
    await this.until({ what: 'stream from its primary', node, withinMs, isSo })
  }

  async caughtUp(
    { node }: Member<PostgresNode>,
    withinMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { url } = this.primary.node
    let lsn: string | undefined
    const isSo = async (): Promise<boolean> => {
      lsn ??= await this.#currentLsn(url)
      const text = 'SELECT WHERE pg_last_wal_replay_lsn() >= $1::pg_lsn'
      return (await this.#ask(node.url, text, [lsn])).length > 0
    }
    const needs = (): PostgresNode[] => (lsn === undefined ? [this.primary.node, node] : [node])
    await this.until({ what: 'replay what its primary has written', node, withinMs, signal, needs, isSo })
  }

  async createDatabases(names: readonly string[]): Promise<void> {
    const { url } = this.primary.node
    for (const name of names) {
      const found = await this.#ask(url, 'SELECT FROM pg_database WHERE datname = $1', [name])
      if (found.length === 0) await this.#ask(url, `CREATE DATABASE ${identifier(name)}`)
    }
  }

  /** Sets how far behind a replica shows commits, and waits until it knows. */
  async applyDelay({ node }: Member<PostgresNode>, ms: number): Promise<void> {
    node.applyDelayMs = ms
    await node.reload()
    const isSo = async (): Promise<boolean> => {
      const text = `SELECT FROM pg_settings WHERE name = 'recovery_min_apply_delay' AND setting = $1`
      return (await this.#ask(node.url, text, [String(ms)])).length > 0
    }
    await this.until({ what: 'take over its apply delay', node, isSo })
  }

  /** Freezes what readers of a replica see, and waits until it stands still. */
  async pauseReplay({ node }: Member<PostgresNode>): Promise<void> {
    await this.#ask(node.url, 'SELECT pg_wal_replay_pause()')
    const isSo = async (): Promise<boolean> => {
      const text = `SELECT WHERE pg_get_wal_replay_pause_state() = 'paused'`
      return (await this.#ask(node.url, text)).length > 0
    }
    await this.until({ what: 'pause its replay', node, isSo })
  }

  /** Thaws a node; if roles changed while it was frozen, it is cloned. */
  async resume(member: Member<PostgresNode>): Promise<void> {
    const { node } = member
    if (!node.stale || node.state !== 'paused') return node.resume()
    await this.change(async () => {
      if (node.stale) await this.#clone(member, 'roles changed while it was paused')
      else await node.resume()
    })
  }

  /** Throws a replica's data away and copies the primary's. */
  reclone(member: Member<PostgresNode>): Promise<void> {
    return this.change(() => this.#clone(member, 'asked to'))
  }

  protected async revive(member: Member<PostgresNode>): Promise<void> {
    const { node } = member
    if (node.stale) {
      await this.#clone(member, 'its data was doubtful')
      return
    }
    await node.stop()
    if (member === this.primary) await node.start()
    else await this.startReplica(member)
  }

  /** Ends a standby's replay, with all it has received, and waits until it takes writes. */
  protected async becomePrimary(node: PostgresNode): Promise<void> {
    try {
      node.applyDelayMs = 0
      await node.reload()
      await this.#ask(node.url, 'SELECT pg_wal_replay_resume()')
      const waitedMs = this.context.startTimeoutMs
      const text = 'SELECT pg_promote(wait => true, wait_seconds => $1) AS done'
      const [row] = await this.#ask<{ done: boolean }>(node.url, text, [Math.ceil(waitedMs / 1_000)])
      if (row?.done === true) return
      const logTail = await node.logTail()
      throw new NotReadyInTimeError({ server: node.name, what: 'become primary', waitedMs, logTail })
    } catch (error) {
      // It may take writes by now, or later.
      await node.kill()
      throw error
    }
  }

  /** One that has seen more than the new primary cannot follow it. */
  protected async follow(member: Member<PostgresNode>): Promise<void> {
    const { node } = member
    node.upstreamPort = await this.upstreamPort(member)
    // Until it is known: one that is killed or frozen from here on may have seen more.
    node.stale = true
    if (node.state !== 'running') return
    const seen = 'greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())'
    const forkLsn = await this.#fork()
    let ahead: unknown[]
    try {
      ahead = await this.#ask(node.url, `SELECT WHERE ${seen} > $1::pg_lsn`, [forkLsn])
    } catch (error) {
      if (node.state === 'running') throw error
      return
    }
    if (ahead.length > 0) return this.#clone(member, 'it had received more than the new primary')
    await node.reload()
    node.stale = false
  }

  /** Never on its own data: an old primary as a standby would start cleanly and serve rows that never were. */
  protected rejoin(member: Member<PostgresNode>): Promise<void> {
    return this.#clone(member, 'it was the primary')
  }

  async #clone(member: Member<PostgresNode>, reason: string): Promise<void> {
    const { node } = member
    const primary = this.primary.node
    const isPrimary = node === primary // by a promotion since this was asked for
    if (primary.state !== 'running' || isPrimary) {
      throw new WrongServerStateError({
        server: node.name,
        action: 'clone the primary',
        state: isPrimary ? 'the primary' : `behind a primary that is ${primary.state}`,
        remedy: isPrimary
          ? "use one of the group's replicas"
          : 'restart the primary or promote another replica first',
      })
    }
    // Should this fail half-way, the next restart() begins anew.
    node.stale = true
    await node.kill()
    await rm(node.dir, { recursive: true, force: true, maxRetries: 3 })
    const work = `${node.dir}.new`
    await copyRunning(primary, work, this.context)
    await rename(work, node.dir)
    node.stale = false
    await this.startReplica(member)
    this.context.note({ type: 'cloned', server: node.name, reason })
  }

  /** A standby whose replay is paused asks nobody for more; it connects when it goes on. */
  async #isReplayPaused({ url }: PostgresNode): Promise<boolean> {
    return (await this.#ask(url, 'SELECT WHERE pg_is_wal_replay_paused()')).length > 0
  }

  /**
   * The end of a record written just for this. The server's own idea of its end would do, but lies beyond
   * the next page's header when a record ends with a page, and no replica gets there before the next write.
   */
  async #currentLsn(url: string): Promise<string> {
    const text = `SELECT pg_logical_emit_message(false, 'quorate', '', flush => true)::text AS lsn`
    const rows = await this.#ask<{ lsn: string }>(url, text)
    return rows[0]?.lsn ?? '0/0'
  }

  /** Where the primary's timeline left its parent's: the last line of its history file. */
  async #fork(): Promise<string> {
    const [row] = await this.#ask<{ history: string }>(
      this.primary.node.url,
      // The control file still tells the old timeline here; the name of the current WAL file does not.
      `SELECT pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history') AS history`,
    )
    const lines = (row?.history ?? '').trim().split('\n')
    return lines.at(-1)?.split('\t')[1] ?? '0/0'
  }

  /** One that is frozen must not keep the end of the cluster waiting. */
  #ask<Row>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return query(url, text, values, this.context.signal)
  }
}
