import { WrongServerStateError } from '../errors.ts'
import type { NodeState } from '../host/server-node.ts'
import type { Member } from '../replica-set.ts'
import type { WaitOptions } from '../wait.ts'
import type { RedisMembers } from './members.ts'
import type { RedisNode } from './node.ts'

/** What runs a server: to start others of its kind, as a Sentinel. */
export interface RedisProgram {
  readonly command: string
  /** What it needs to find its libraries, besides the variables of this process. */
  readonly env: Readonly<Record<string, string>>
}

/** One Redis server. It stays the same object when roles change. */
export interface RedisServer {
  /** Stable name, for example `redis/cart/node-1`. */
  readonly name: string
  readonly role: 'primary' | 'replica'
  readonly state: NodeState
  /** Port on 127.0.0.1; it stays the same through kill and restart. */
  readonly port: number
  /** Address as `ioredis` takes it. No password. */
  readonly url: string
  /** Where the server writes what it has to say. */
  readonly logFile: string
  /** Id of the process; `undefined` while it is down. */
  readonly pid: number | undefined
  /** `undefined` if it runs in a container. */
  readonly program: RedisProgram | undefined
  /** SIGKILL. Resolves when it is gone. Without `dataDir`, its data is gone too. */
  kill(): Promise<void>
  /** Freezes it (SIGSTOP): connections stay open and nobody answers. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends it in order. */
  stop(): Promise<void>
  /** Starts it if it is down, on the same port; else ends it in order and starts it again. */
  restart(): Promise<void>
}

/** A Redis server that follows a primary. */
export interface RedisReplica extends RedisServer {
  /**
   * Resolves when readers here see all that the primary has by now. Default deadline 10,000 ms.
   *
   * @throws WrongServerStateError at once if it or its primary is down, NotReadyInTimeError at the deadline.
   */
  caughtUp(options?: WaitOptions): Promise<void>
}

/** The public face of a node. */
export class RedisHandle implements RedisReplica {
  readonly #members: RedisMembers
  readonly #member: Member<RedisNode>

  constructor(members: RedisMembers, member: Member<RedisNode>) {
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

  get program(): RedisProgram | undefined {
    return this.#member.node.program
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

  async caughtUp({ deadlineMs = 10_000, signal }: WaitOptions = {}): Promise<void> {
    if (this.role === 'primary') {
      throw new WrongServerStateError({
        server: this.name,
        action: 'wait for replication',
        state: 'the primary',
        remedy: "use one of the group's replicas",
      })
    }
    await this.#members.caughtUp(this.#member, deadlineMs, signal)
  }
}
