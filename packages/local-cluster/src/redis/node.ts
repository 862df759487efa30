import path from 'node:path'
import type { HostContext } from '../host/context.ts'
import { makeOwned, writeOwned } from '../host/owned-files.ts'
import { type PreparedCommand, ServerNode, type ServerNodeOptions } from '../host/server-node.ts'
import type { QuitSignal } from '../host/server-process.ts'
import { ask, factsOf } from './commands.ts'
import type { RedisBinary } from './find.ts'
import { renderSettings, type RedisSettings } from './settings.ts'

/** What is known of a node before it runs. */
export interface RedisNodeOptions extends ServerNodeOptions {
  readonly binary: RedisBinary
  readonly overrides?: RedisSettings | undefined
}

/** One Redis server. */
export class RedisNode extends ServerNode {
  /** Where it replicates from; `undefined` on a primary. */
  upstreamPort: number | undefined
  protected readonly orderlySignal = 'SIGTERM'
  protected readonly quitSignal: QuitSignal
  protected readonly portTaken: RegExp = /Address already in use/
  readonly #options: RedisNodeOptions

  constructor(context: HostContext, options: RedisNodeOptions) {
    super(context, options)
    this.#options = options
    // SIGTERM waits for replicas that lag, which is lost time if nobody will read the data again.
    this.quitSignal = context.persistent ? 'SIGTERM' : 'SIGKILL'
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  protected async prepare(port: number): Promise<PreparedCommand> {
    const { account, fsync, persistent } = this.context
    const { binary, overrides = {} } = this.#options
    const { dir, upstreamPort } = this
    const { version } = binary
    await makeOwned(dir, account)
    const text = renderSettings({ port, dir, version, upstreamPort, fsync, persistent, overrides })
    await writeOwned(this.#settingsFile, text, account)
    return { command: binary.command, args: [this.#settingsFile], env: binary.env }
  }

  /** The settings file is named because the port may be held by somebody else's Redis. */
  protected async isReady(): Promise<boolean> {
    const facts = factsOf(await ask(this.port, 'INFO').catch(() => ''))
    return facts.get('config_file') === this.#settingsFile && facts.get('loading') === '0'
  }

  protected async clearRemains(): Promise<void> {}

  get #settingsFile(): string {
    return path.join(this.dir, 'redis.conf')
  }
}
