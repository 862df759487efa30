import path from 'node:path'
import { NotReadyInTimeError, PortTakenError, ServerExitedError, WrongServerStateError } from '../errors.ts'
import { Mutex } from '../mutex.ts'
import type { HostContext } from './context.ts'
import { freePort, releasePort } from './ports.ts'
import { endOf, type QuitSignal, ServerProcess, tailOf } from './server-process.ts'

/** Does the process exist, and does it run? */
export type NodeState = 'down' | 'running' | 'paused'

/** What is known of a server before it runs. */
export interface ServerNodeOptions {
  /** Engine, group and node, for example `postgres/orders/node-1`. */
  readonly name: string
  readonly dir: string
  readonly logFile: string
  /** Must be this port. Default: any free one. */
  readonly port?: number | undefined
  /** Should be this port if it is free. */
  readonly preferredPort?: number | undefined
}

/** A program, ready to be run. */
export interface PreparedCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Name of the container that the command runs the server in; the command is then run as ourselves. */
  readonly container?: string | undefined
}

const MAX_PORT_ATTEMPTS = 8
const GRACE_MS = 8_000

/** One server of either engine: its folder, its process, its port. Its role is its group's business. */
export abstract class ServerNode {
  readonly name: string
  readonly dir: string
  readonly logFile: string
  /** Its data may contradict the primary's: it must be copied anew before it serves again. */
  stale = false
  protected readonly context: HostContext
  readonly #options: ServerNodeOptions
  #process: ServerProcess | undefined
  #port: number | undefined
  #state: NodeState = 'down'
  /** Calls of kill() and stop(), and what the last one was. */
  #ends = 0
  #ended: 'killed' | 'stopped' = 'stopped'
  /** Settles when the last start has come to its end. */
  #started: Promise<unknown> = Promise.resolve()
  readonly #freezes: Mutex = new Mutex()

  constructor(context: HostContext, options: ServerNodeOptions) {
    this.context = context
    this.#options = options
    this.name = options.name
    this.dir = options.dir
    this.logFile = options.logFile
  }

  /** Address of the server for a client. */
  abstract get url(): string
  /** Ends the server with all its work done. */
  protected abstract readonly orderlySignal: NodeJS.Signals
  /** Ends the server at once, leaving nothing in the system. */
  protected abstract readonly quitSignal: QuitSignal
  /** What the log says when the port belongs to another. */
  protected abstract readonly portTaken: RegExp
  /** Writes the settings and says what to run. */
  protected abstract prepare(port: number): Promise<PreparedCommand>
  /** True when it takes connections, and is the process of this pid and not another on its port. */
  protected abstract isReady(pid: number): Promise<boolean>
  /** What is left of a server that ended badly. */
  protected abstract clearRemains(): Promise<void>

  /** Name within its group, and of its folder. */
  get shortName(): string {
    return path.basename(this.dir)
  }

  get state(): NodeState {
    return this.#process?.exit === undefined ? this.#state : 'down'
  }

  get port(): number {
    return this.#port ?? 0
  }

  get pid(): number | undefined {
    return this.state === 'down' ? undefined : this.#process?.pid
  }

  /**
   * Starts the server and waits until it takes connections. The first start finds a port, later ones
   * keep it.
   *
   * @throws PortTakenError, ServerExitedError, NotReadyInTimeError; it is down then.
   */
  start(): Promise<void> {
    const starting = this.#start()
    this.#started = starting.catch(() => {})
    return starting
  }

  async #start(): Promise<void> {
    const { port: fixedPort, preferredPort } = this.#options
    const mayChoose = this.#port === undefined && fixedPort === undefined
    let next = this.#port ?? fixedPort ?? preferredPort
    for (let attempt = 1; ; attempt++) {
      this.context.signal.throwIfAborted()
      const port = next ?? (await freePort(this.context.random))
      this.#port = port
      try {
        await this.#startOn(port)
        return
      } catch (error) {
        if (!mayChoose || !(error instanceof PortTakenError) || attempt >= MAX_PORT_ATTEMPTS) throw error
        next = undefined
      }
    }
  }

  async #startOn(port: number): Promise<void> {
    const { account, registry, clock } = this.context
    const ends = this.#ends
    const command = await this.prepare(port)
    const logStart = await endOf(this.logFile)
    const { logFile, quitSignal } = this
    const server = await ServerProcess.start({ ...command, account, logFile, registry, quitSignal, clock })
    this.#process = server
    if (this.#ends !== ends) {
      // It came while there was no process yet.
      await this.#quit()
      const remedy = 'restart() it once nobody kills or stops it'
      throw new WrongServerStateError({ server: this.name, action: 'start', state: this.#ended, remedy })
    }
    this.#state = 'running'
    try {
      await this.#ready(server, port, logStart)
    } catch (error) {
      await this.#quit()
      throw error
    }
    server.onExit(({ code: exitCode, signal: exitSignal }) => {
      if (this.#process !== server || this.#state === 'down') return
      this.context.note({ type: 'server-exited', server: this.name, exitCode, exitSignal })
    })
  }

  async #ready(server: ServerProcess, port: number, logStart: number): Promise<void> {
    const { clock, startTimeoutMs, signal } = this.context
    const deadlineMs = clock.monotonic() + startTimeoutMs
    for (;;) {
      if (server.exit === undefined && (await this.isReady(server.pid))) return
      if (server.exit !== undefined) {
        const logTail = await tailOf(this.logFile, logStart)
        if (this.portTaken.test(logTail)) throw new PortTakenError({ server: this.name, port })
        const { code: exitCode, signal: exitSignal } = server.exit
        throw new ServerExitedError({ server: this.name, exitCode, exitSignal, logTail })
      }
      if (clock.monotonic() > deadlineMs) {
        const [what, waitedMs] = ['get ready', startTimeoutMs]
        const logTail = await tailOf(this.logFile, logStart)
        throw new NotReadyInTimeError({ server: this.name, what, waitedMs, logTail })
      }
      await clock.sleep(5, { signal })
    }
  }

  /** SIGKILL to the server and all its processes, as a power cut. Resolves when they are gone. */
  async kill(): Promise<void> {
    this.#end('killed')
    await this.#process?.killTree()
    await this.clearRemains()
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#end('stopped')
    await this.#process?.stop(this.orderlySignal, GRACE_MS)
  }

  /**
   * Freezes all its processes; nothing if they are frozen already.
   *
   * @throws WrongServerStateError if it is down: what waits for a pause would wait for nothing.
   */
  pause(): Promise<void> {
    // One after the other: half of its processes frozen, and half thawed, is no state.
    return this.#freezes.run(async () => {
      if (this.state === 'down') {
        const remedy = 'restart() it first'
        throw new WrongServerStateError({ server: this.name, action: 'pause', state: 'down', remedy })
      }
      if (this.state === 'paused') return
      this.#state = 'paused'
      await this.#process?.pause()
    })
  }

  resume(): Promise<void> {
    return this.#freezes.run(async () => {
      if (this.state !== 'paused') return
      this.#state = 'running'
      await this.#process?.resume()
    })
  }

  /** Not while it starts: a server that has not yet said what it does with the signal would end by it. */
  protected async sendSignal(signal: NodeJS.Signals): Promise<void> {
    await this.#started
    this.#process?.signal(signal)
  }

  /** The end of its log. */
  logTail(): Promise<string> {
    return tailOf(this.logFile)
  }

  /** Ends it for good: in order if its data shall be used again. */
  async destroy({ orderly }: { orderly: boolean }): Promise<void> {
    if (orderly) await this.stop()
    else await this.#quit()
    if (this.#port !== undefined) releasePort(this.#port)
  }

  #end(how: 'killed' | 'stopped'): void {
    this.#ends++
    this.#ended = how
    this.#state = 'down'
  }

  async #quit(): Promise<void> {
    this.#state = 'down'
    await this.#process?.stop(this.quitSignal, GRACE_MS)
    await this.clearRemains()
  }
}
