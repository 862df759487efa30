import path from 'node:path'
import type { HostContext } from '../host/context.ts'
import { makeOwned, writeOwned } from '../host/owned-files.ts'
import { type PreparedCommand, ServerNode, type ServerNodeOptions } from '../host/server-node.ts'
import type { QuitSignal } from '../host/server-process.ts'
import { ask, factsOf } from './commands.ts'
import { dockerRun } from './docker.ts'
import type { RedisBinary } from './find.ts'
import type { RedisProgram } from './server.ts'
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
    // SIGTERM calls fsync(2), which can take seconds on a busy disk. Without `fsync` all that was
    // confirmed is with the system already, and SIGKILL loses nothing of it.
    // A container would outlive the SIGKILL of its client, which can pass on SIGTERM.
    const isOrderly = (context.persistent && context.fsync) || options.binary.source === 'docker'
    this.quitSignal = isOrderly ? 'SIGTERM' : 'SIGKILL'
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get program(): RedisProgram | undefined {
    const { command, env, source } = this.#options.binary
    return source === 'docker' ? undefined : { command, env }
  }

  protected async prepare(port: number): Promise<PreparedCommand> {
    const { account, fsync, persistent } = this.context
    const { binary, overrides = {} } = this.#options
    const { dir, upstreamPort } = this
    const { version } = binary
    await makeOwned(dir, account)
    const text = renderSettings({ port, dir, version, upstreamPort, fsync, persistent, overrides })
    await writeOwned(this.#settingsFile, text, account)
    const { command, env } = binary
    const settingsFile = this.#settingsFile
    if (binary.source !== 'docker') return { command, args: [settingsFile], env }
    const container = `${path.basename(path.resolve(dir, '..', '..', '..'))}-${this.name.replaceAll('/', '-')}`
    const uid = account?.uid ?? process.getuid?.() ?? 0
    const gid = account?.gid ?? process.getgid?.() ?? 0
    return { command, env, container, args: dockerRun({ container, dir, uid, gid, settingsFile }) }
  }

  /** The settings file is named because the port may be held by somebody else's Redis. */
  protected async isReady(): Promise<boolean> {
    const facts = factsOf(await ask(this.port, 'INFO').catch(() => ''))
    return facts.get('config_file') === this.#settingsFile && facts.get('loading') === '0'
  }

  override async destroy({ orderly }: { orderly: boolean }): Promise<void> {
    await super.destroy({ orderly: orderly && this.context.fsync })
  }

  protected async clearRemains(): Promise<void> {}

  get #settingsFile(): string {
    return path.join(this.dir, 'redis.conf')
  }
}
