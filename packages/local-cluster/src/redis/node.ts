import { chmod, chown, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { NotReadyInTimeError, PortTakenError, ServerExitedError } from '../errors.ts'
import { freePort, releasePort } from '../host/ports.ts'
import { endOf, ServerProcess, tailOf } from '../host/server-process.ts'
import { writeOwned } from '../postgres/data-folder.ts'
import type { NodeState } from '../postgres/node.ts'
import { ask, factsOf } from './commands.ts'
import type { RedisContext } from './context.ts'
import { renderSettings, type RedisSettings } from './settings.ts'

/** What is known of a node before it runs. */
export interface RedisNodeOptions {
  readonly name: string
  readonly dir: string
  readonly logFile: string
  readonly port?: number | undefined
  readonly preferredPort?: number | undefined
  readonly overrides?: RedisSettings | undefined
}

const MAX_PORT_ATTEMPTS = 8
const STOP_GRACE_MS = 5_000

/** One Redis server: its folder, its process, its port. */
export class RedisNode {
  readonly name: string
  readonly dir: string
  readonly logFile: string
  /** Where it replicates from; `undefined` on a primary. */
  upstreamPort: number | undefined
  readonly #context: RedisContext
  readonly #options: RedisNodeOptions
  #process: ServerProcess | undefined
  #port: number | undefined
  #state: NodeState = 'down'

  constructor(context: RedisContext, options: RedisNodeOptions) {
    this.#context = context
    this.#options = options
    this.name = options.name
    this.dir = options.dir
    this.logFile = options.logFile
  }

  get shortName(): string {
    return path.basename(this.dir)
  }

  get state(): NodeState {
    return this.#process?.exit === undefined ? this.#state : 'down'
  }

  get port(): number {
    return this.#port ?? 0
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get pid(): number | undefined {
    return this.state === 'down' ? undefined : this.#process?.pid
  }

  /** Makes its folder, if it has none. */
  async makeFolder(): Promise<void> {
    const { account } = this.#context
    await mkdir(this.dir, { recursive: true })
    await chmod(this.dir, 0o700)
    if (account !== undefined) await chown(this.dir, account.uid, account.gid)
  }

  /**
   * Starts the server and waits until it answers. The first start finds a port, later ones keep it.
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
        return
      } catch (error) {
        if (!isFree || !(error instanceof PortTakenError) || attempt >= MAX_PORT_ATTEMPTS) throw error
        next = undefined
      }
    }
  }

  async #startOn(port: number): Promise<void> {
    const { binary, account, registry, clock, fsync, persistent } = this.#context
    this.#port = port
    const { upstreamPort } = this
    const { overrides = {} } = this.#options
    const settings = renderSettings({ port, dir: this.dir, upstreamPort, fsync, persistent, overrides })
    const file = path.join(this.dir, 'redis.conf')
    await writeOwned(file, settings, account)
    const logStart = await endOf(this.logFile)
    const server = await ServerProcess.start({
      command: binary.command,
      args: [...binary.args, file],
      env: binary.env,
      account,
      logFile: this.logFile,
      registry,
      quitSignal: 'SIGTERM',
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

  /** Answers, has loaded its data, and is the process that we started and not another on this port. */
  async #ready(server: ServerProcess, port: number, logStart: number): Promise<void> {
    const { clock, startTimeoutMs, signal } = this.#context
    const deadlineMs = clock.monotonic() + startTimeoutMs
    for (;;) {
      const facts = factsOf(await ask(port, 'INFO').catch(() => ''))
      if (facts.get('process_id') === String(server.pid) && facts.get('loading') === '0') return
      if (server.exit !== undefined) {
        const logTail = await tailOf(this.logFile, logStart)
        if (/bind: Address already in use|Failed listening/.test(logTail)) {
          throw new PortTakenError({ server: this.name, port })
        }
        const { code: exitCode, signal: exitSignal } = server.exit
        throw new ServerExitedError({ server: this.name, exitCode, exitSignal, logTail })
      }
      if (clock.monotonic() > deadlineMs) {
        const logTail = await tailOf(this.logFile, logStart)
        throw new NotReadyInTimeError({
          server: this.name,
          what: 'answer',
          waitedMs: startTimeoutMs,
          logTail,
        })
      }
      await clock.sleep(5, { signal })
    }
  }

  /** SIGKILL, as a power cut. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#state = 'down'
    await this.#process?.killTree()
  }

  async stop(): Promise<void> {
    this.#state = 'down'
    await this.#process?.stop('SIGTERM', STOP_GRACE_MS)
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

  /** The end of its log. */
  logTail(): Promise<string> {
    return tailOf(this.logFile)
  }

  /** Ends it for good. */
  async destroy(): Promise<void> {
    if (this.#process !== undefined) await this.#end(this.#process)
    if (this.#port !== undefined) releasePort(this.#port)
  }

  async #end(server: ServerProcess): Promise<void> {
    this.#state = 'down'
    await server.stop('SIGTERM', STOP_GRACE_MS)
  }
}
