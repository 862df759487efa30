import { access, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { NotReadyInTimeError, PortTakenError, ServerExitedError } from '../errors.ts'
import { freePort, releasePort } from '../host/ports.ts'
import { endOf, ServerProcess, tailOf } from '../host/server-process.ts'
import { removeSharedMemory } from '../host/shared-memory.ts'
import type { PostgresContext } from './context.ts'
import { writeOwned } from './data-folder.ts'
import { type PostgresSettings, renderSettings } from './settings.ts'
import { postgresUrl } from './sql.ts'

/** What is known of a node before it runs. */
export interface PostgresNodeOptions {
  /** For errors and events, for example `postgres/orders/node-1`. */
  readonly name: string
  readonly dir: string
  readonly logFile: string
  /** Must be this port. Default: any free one. */
  readonly port?: number | undefined
  /** Should be this port if it is free. */
  readonly preferredPort?: number | undefined
  readonly synchronous?: number | undefined
  readonly overrides?: PostgresSettings | undefined
}

/** Is the process there, and does it run? */
export type NodeState = 'down' | 'running' | 'paused'

const MAX_PORT_ATTEMPTS = 8
const STOP_GRACE_MS = 5_000

/** One Postgres server: its folder, its process, its port. Which role it has is its group's business. */
export class PostgresNode {
  readonly name: string
  readonly dir: string
  readonly logFile: string
  upstreamPort = 1
  applyDelayMs = 0
  /** Its data may contradict the primary's: it must be copied anew before it serves again. */
  stale = false
  readonly #context: PostgresContext
  readonly #options: PostgresNodeOptions
  #process: ServerProcess | undefined
  #port: number | undefined
  #state: NodeState = 'down'

  constructor(context: PostgresContext, options: PostgresNodeOptions) {
    this.#context = context
    this.#options = options
    this.name = options.name
    this.dir = options.dir
    this.logFile = options.logFile
  }

  get state(): NodeState {
    return this.#process?.exit === undefined ? this.#state : 'down'
  }

  /** Name within its group: of its folder, and under which its primary knows it. */
  get shortName(): string {
    return path.basename(this.dir)
  }

  get port(): number {
    return this.#port ?? 0
  }

  get url(): string {
    return postgresUrl(this.port)
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
  async start(): Promise<void> {
    const { random, signal } = this.#context
    const { port: fixedPort, preferredPort } = this.#options
    const isFree = this.#port === undefined && fixedPort === undefined
    let next = this.#port ?? fixedPort ?? preferredPort
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted()
      const port = next ?? (await freePort(random))
      try {
        await this.#startOn(port)
        this.#port = port
        return
      } catch (error) {
        if (!isFree || !(error instanceof PortTakenError) || attempt >= MAX_PORT_ATTEMPTS) throw error
        next = undefined
      }
    }
  }

  async #startOn(port: number): Promise<void> {
    const { binaries, account, registry, clock } = this.#context
    this.#port = port
    await this.#writeSettings()
    await rm(path.join(this.dir, 'postmaster.pid'), { force: true })
    const logStart = await endOf(this.logFile)
    const server = await ServerProcess.start({
      command: binaries.postgres,
      args: ['-D', this.dir],
      account,
      logFile: this.logFile,
      registry,
      quitSignal: 'SIGQUIT',
      clock,
    })
    this.#process = server
    this.#state = 'running'
    try {
      await this.#ready(server, port, logStart)
    } catch (error) {
      await this.#end(server)
      throw error
    }
  }

  /** Line 8 of `postmaster.pid` says `ready`, or `standby` when a standby takes read-only connections. */
  async #ready(server: ServerProcess, port: number, logStart: number): Promise<void> {
    const { clock, startTimeoutMs, signal } = this.#context
    const deadlineMs = clock.monotonic() + startTimeoutMs
    for (;;) {
      const lines = (await readFile(path.join(this.dir, 'postmaster.pid'), 'utf8').catch(() => '')).split(
        '\n',
      )
      const status = lines[7]?.trim()
      if (Number(lines[0]) === server.pid && (status === 'ready' || status === 'standby')) return
      if (server.exit !== undefined) {
        const logTail = await tailOf(this.logFile, logStart)
        if (/could not bind|Address already in use/.test(logTail)) {
          throw new PortTakenError({ server: this.name, port })
        }
        const { code: exitCode, signal: exitSignal } = server.exit
        throw new ServerExitedError({ server: this.name, exitCode, exitSignal, logTail })
      }
      if (clock.monotonic() > deadlineMs) {
        const logTail = await tailOf(this.logFile, logStart)
        throw new NotReadyInTimeError({
          server: this.name,
          what: 'get ready',
          waitedMs: startTimeoutMs,
          logTail,
        })
      }
      await clock.sleep(5, { signal })
    }
  }

  /** SIGKILL to the server and all its processes, as a power cut. Resolves when they are gone. */
  async kill(): Promise<void> {
    this.#state = 'down'
    await this.#process?.killTree()
  }

  /** `fast` ends connections and writes a checkpoint; `immediate` just ends, and recovers at the next start. */
  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    this.#state = 'down'
    await this.#process?.stop(mode === 'fast' ? 'SIGINT' : 'SIGQUIT', STOP_GRACE_MS)
  }

  async pause(): Promise<void> {
    if (this.state !== 'running') return
    this.#state = 'paused'
    await this.#process?.pause()
  }

  async resume(): Promise<void> {
    if (this.state !== 'paused') return
    this.#state = 'running'
    await this.#process?.resume()
  }

  /** Takes over changed settings without a restart. */
  async reload(): Promise<void> {
    await this.#writeSettings()
    this.#process?.signal('SIGHUP')
  }

  /** The end of its log. */
  logTail(): Promise<string> {
    return tailOf(this.logFile)
  }

  /** True if its folder says standby. */
  async isStandby(): Promise<boolean> {
    return access(path.join(this.dir, 'standby.signal')).then(
      () => true,
      () => false,
    )
  }

  async setStandby(standby: boolean): Promise<void> {
    const file = path.join(this.dir, 'standby.signal')
    if (standby) await writeOwned(file, '', this.#context.account)
    else await rm(file, { force: true })
  }

  /** Ends it for good. */
  async destroy(): Promise<void> {
    if (this.#process !== undefined) await this.#end(this.#process)
    if (this.#port !== undefined) releasePort(this.#port)
  }

  async #end(server: ServerProcess): Promise<void> {
    this.#state = 'down'
    await server.stop('SIGQUIT', STOP_GRACE_MS)
    await removeSharedMemory(this.dir)
  }

  async #writeSettings(): Promise<void> {
    const { synchronous = 0, overrides = {} } = this.#options
    const text = renderSettings({
      port: this.port,
      node: this.shortName,
      upstreamPort: this.upstreamPort,
      fsync: this.#context.fsync,
      synchronous,
      applyDelayMs: this.applyDelayMs,
      overrides,
    })
    await writeOwned(path.join(this.dir, 'postgresql.conf'), text, this.#context.account)
  }
}
