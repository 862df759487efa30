import { WrongServerStateError } from '../errors.ts'
import type { WaitOptions } from '../wait.ts'
import type { NodeState } from '../host/server-node.ts'
import type { Member } from '../replica-set.ts'
import type { PostgresMembers } from './members.ts'
import type { PostgresNode } from './node.ts'
import { query } from './sql.ts'

/** One Postgres server. It stays the same object when roles change. */
export interface PostgresServer {
  /** Stable name, for example `postgres/orders/node-1`. */
  readonly name: string
  readonly role: 'primary' | 'replica'
  readonly state: NodeState
  /** Port on 127.0.0.1; it stays the same through kill and restart. */
  readonly port: number
  /** Address of the database `postgres`, as `pg` takes it. No password. */
  readonly url: string
  /** Address of another database of this server. */
  urlOf(database: string): string
  /** Where the server writes what it has to say. */
  readonly logFile: string
  /** Id of the main process; `undefined` while it is down. */
  readonly pid: number | undefined
  /** SIGKILL to the server and all its processes. Resolves when they are gone. */
  kill(): Promise<void>
  /** Freezes all its processes (SIGSTOP): connections stay open and nobody answers. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends it in order: connections are closed, a checkpoint is written. */
  stop(): Promise<void>
  /** Starts it if it is down, on the same port; else ends it in order and starts it again. */
  restart(): Promise<void>
}

/** A Postgres server that streams from a primary. Each call fails with {@link WrongServerStateError} on a primary. */
export interface PostgresReplica extends PostgresServer {
  /** Freezes what readers see; WAL still arrives, and synchronous commits are still confirmed. */
  pauseReplay(): Promise<void>
  resumeReplay(): Promise<void>
  /** Shows each commit only so long after the primary made it, ms. 0 takes the delay away. */
  applyDelay(ms: number): Promise<void>
  /**
   * Resolves when readers here see all that the primary has committed by now. Default deadline 10,000 ms.
   *
   * @throws WrongServerStateError at once if it or its primary is down, NotReadyInTimeError at the deadline.
   */
  caughtUp(options?: WaitOptions): Promise<void>
  /** Throws its data away and copies the primary's, for a replica that fell too far behind. */
  reclone(): Promise<void>
}

/** The public face of a node. */
export class PostgresHandle implements PostgresReplica {
  readonly #members: PostgresMembers
  readonly #member: Member<PostgresNode>

  constructor(members: PostgresMembers, member: Member<PostgresNode>) {
    this.#members = members
    this.#member = member
  }

  get name(): string {
    return this.#member.node.name
  }

  get role(): 'primary' | 'replica' {
    return this.#members.primary === this.#member ? 'primary' : 'replica'
  }

  get state(): NodeState {
    return this.#member.node.state
  }

  get port(): number {
    return this.#member.node.port
  }

  get url(): string {
    return this.#member.node.url
  }

  get logFile(): string {
    return this.#member.node.logFile
  }

  get pid(): number | undefined {
    return this.#member.node.pid
  }

  urlOf(database: string): string {
    return this.#member.node.urlOf(database)
  }

  kill(): Promise<void> {
    return this.#member.node.kill()
  }

  pause(): Promise<void> {
    return this.#member.node.pause()
  }

  resume(): Promise<void> {
    return this.#members.resume(this.#member)
  }

  stop(): Promise<void> {
    return this.#member.node.stop()
  }

  restart(): Promise<void> {
    return this.#members.restart(this.#member)
  }

  async pauseReplay(): Promise<void> {
    this.#mustReplicate('pause replay')
    await this.#members.pauseReplay(this.#member)
  }

  async resumeReplay(): Promise<void> {
    this.#mustReplicate('resume replay')
    await query(this.url, 'SELECT pg_wal_replay_resume()')
  }

  async applyDelay(ms: number): Promise<void> {
    if (!Number.isInteger(ms) || ms < 0) {
      throw new RangeError(`Cannot delay replay: ms must be a whole number from 0, got ${ms}`)
    }
    this.#mustReplicate('delay replay')
    await this.#members.applyDelay(this.#member, ms)
  }

  async caughtUp({ deadlineMs = 10_000, signal }: WaitOptions = {}): Promise<void> {
    this.#mustReplicate('wait for replay')
    await this.#members.caughtUp(this.#member, deadlineMs, signal)
  }

  async reclone(): Promise<void> {
    this.#mustReplicate('clone the primary')
    await this.#members.reclone(this.#member)
  }

  #mustReplicate(action: string): void {
    if (this.role === 'replica') return
    throw new WrongServerStateError({
      server: this.name,
      action,
      state: 'the primary',
      remedy: "use one of the group's replicas",
    })
  }
}
