import { access, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import type { HostContext } from '../host/context.ts'
import { type PreparedCommand, ServerNode, type ServerNodeOptions } from '../host/server-node.ts'
import { writeOwned } from '../host/owned-files.ts'
import { removeSharedMemory } from '../host/shared-memory.ts'
import type { PostgresBinaries } from './binaries.ts'
import { type PostgresSettings, renderSettings } from './settings.ts'
import { postgresUrl } from './sql.ts'

/** What is known of a node before it runs. */
export interface PostgresNodeOptions extends ServerNodeOptions {
  readonly binaries: PostgresBinaries
  /** How many standbys confirm a commit. Default 0. */
  readonly synchronous?: number | undefined
  readonly overrides?: PostgresSettings | undefined
}

/** One Postgres server. */
export class PostgresNode extends ServerNode {
  /** Where it streams from as a standby; without meaning on a primary. */
  upstreamPort = 1
  applyDelayMs = 0
  protected readonly orderlySignal = 'SIGINT'
  protected readonly quitSignal = 'SIGQUIT'
  protected readonly portTaken: RegExp = /Address already in use/
  readonly #options: PostgresNodeOptions

  constructor(context: HostContext, options: PostgresNodeOptions) {
    super(context, options)
    this.#options = options
  }

  get url(): string {
    return postgresUrl(this.port)
  }

  urlOf(database: string): string {
    return postgresUrl(this.port, database)
  }

  /** Takes over changed settings without a restart. */
  async reload(): Promise<void> {
    await this.#writeSettings(this.port)
    await this.sendSignal('SIGHUP')
  }

  /** True if there is a data folder. */
  hasData(): Promise<boolean> {
    return exists(path.join(this.dir, 'PG_VERSION'))
  }

  /** True if its folder says standby. */
  isStandby(): Promise<boolean> {
    return exists(this.#standbyFile)
  }

  async setStandby(standby: boolean): Promise<void> {
    if (standby) await writeOwned(this.#standbyFile, '', this.context.account)
    else await rm(this.#standbyFile, { force: true })
  }

  get #standbyFile(): string {
    return path.join(this.dir, 'standby.signal')
  }

  protected async prepare(port: number): Promise<PreparedCommand> {
    await this.#writeSettings(port)
    // Of a server that was killed. It names a pid that may be another process by now.
    await rm(path.join(this.dir, 'postmaster.pid'), { force: true })
    return { command: this.#options.binaries.postgres, args: ['-D', this.dir] }
  }

  /** Line 8 of `postmaster.pid` says `ready`, or `standby` when a standby takes read-only connections. */
  protected async isReady(pid: number): Promise<boolean> {
    const text = await readFile(path.join(this.dir, 'postmaster.pid'), 'utf8').catch(() => '')
    const lines = text.split('\n')
    const status = lines[7]?.trim()
    return Number(lines[0]) === pid && (status === 'ready' || status === 'standby')
  }

  protected async clearRemains(): Promise<void> {
    await removeSharedMemory(this.dir)
  }

  async #writeSettings(port: number): Promise<void> {
    const { synchronous = 0, overrides = {} } = this.#options
    const { upstreamPort, applyDelayMs } = this
    const { fsync, account } = this.context
    const node = this.shortName
    const text = renderSettings({ port, node, upstreamPort, fsync, synchronous, applyDelayMs, overrides })
    await writeOwned(path.join(this.dir, 'postgresql.conf'), text, account)
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
