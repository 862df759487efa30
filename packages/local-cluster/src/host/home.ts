import { appendFileSync } from 'node:fs'
import { access, chmod, constants, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { FolderUnusableError } from '../errors.ts'
import { type Account, firstUnreachable } from './account.ts'
import { startTimeOf } from './process-identity.ts'
import { startWatchdog, type Watchdog } from './watchdog.ts'

/** Where the pids of the servers are written down, for whoever has to end them after us. */
export interface Registry {
  add(pid: number, quitSignal: 'SIGQUIT' | 'SIGTERM'): void
}

/** The folder of a cluster, guarded by a watchdog from before the first server to after the last. */
export class ClusterHome implements Registry {
  readonly root: string
  readonly temporary: boolean
  readonly #watchdog: Watchdog
  readonly #registryFile: string

  private constructor(root: string, temporary: boolean, registryFile: string, watchdog: Watchdog) {
    this.root = root
    this.temporary = temporary
    this.#registryFile = registryFile
    this.#watchdog = watchdog
  }

  /** A new folder that goes away with the cluster. */
  static async temporary(account: Account | undefined): Promise<ClusterHome> {
    const root = await mkdtemp(path.join(await temporaryBase(account), 'quorate-'))
    await chmod(root, 0o711)
    return ClusterHome.open(root, true)
  }

  /** A folder that exists and stays. */
  static async open(root: string, temporary: boolean): Promise<ClusterHome> {
    const registryFile = path.join(root, 'servers')
    await rm(registryFile, { force: true })
    const watchdog = await startWatchdog({ root, registry: registryFile, remove: temporary })
    return new ClusterHome(root, temporary, registryFile, watchdog)
  }

  get watchdogPid(): number {
    return this.#watchdog.pid
  }

  add(pid: number, quitSignal: 'SIGQUIT' | 'SIGTERM'): void {
    appendFileSync(this.#registryFile, `${pid}\t${startTimeOf(pid) ?? ''}\t${quitSignal.slice(3)}\n`)
  }

  /** A folder below the root, made if need be. */
  async folder(...names: string[]): Promise<string> {
    const folder = path.join(this.root, ...names)
    await mkdir(folder, { recursive: true, mode: 0o755 })
    return folder
  }

  /** Call when every server is gone. */
  async close(): Promise<void> {
    if (this.temporary) await rm(this.root, { recursive: true, force: true, maxRetries: 5 })
    else await rm(this.#registryFile, { force: true })
    await this.#watchdog.close()
  }
}

/** The system's temporary folder, or a usual one if the servers' account cannot reach that. */
async function temporaryBase(account: Account | undefined): Promise<string> {
  const candidates = [os.tmpdir(), '/tmp', '/var/tmp']
  for (const candidate of candidates) {
    const base = await realpath(candidate).catch(() => undefined)
    if (base === undefined || firstUnreachable(base, account) !== undefined) continue
    const writable = await access(base, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    )
    if (writable) return base
  }
  throw new FolderUnusableError({
    folder: os.tmpdir(),
    reason: `it cannot be written, or the account ${account?.name ?? ''} that runs the servers cannot enter it`,
    remedy: 'set TMPDIR to a folder that can',
  })
}
