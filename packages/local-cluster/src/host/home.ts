import { appendFileSync } from 'node:fs'
import {
  access,
  chmod,
  constants,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Clock } from '@quorate/core'
import { FolderUnusableError } from '../errors.ts'
import { type Account, firstUnreachable } from './account.ts'
import { endLeftovers } from './leftovers.ts'
import { isOwned, lockFolder, type OwnerLock } from './owner-lock.ts'
import { startTimeOf, uniqueName } from './process-identity.ts'
import type { QuitSignal } from './server-process.ts'
import { startWatchdog, type Watchdog } from './watchdog.ts'

/** Where the pids of the servers are written down, for whoever has to end them after us. */
export interface Registry {
  add(pid: number, quitSignal: QuitSignal): void
}

const PREFIX = 'quorate-cluster-'

/**
 * The folder of a cluster: locked by us, and guarded by a watchdog from before the first server to after
 * the last.
 */
export class ClusterHome implements Registry {
  readonly root: string
  readonly temporary: boolean
  /** The last owner died; what it had open was not closed in order. */
  readonly tookOver: boolean
  /** Made by us, and not there before. */
  readonly #isNew: boolean
  readonly #lock: OwnerLock
  readonly #watchdog: Watchdog
  readonly #registryFile: string

  private constructor(facts: {
    root: string
    temporary: boolean
    isNew: boolean
    lock: OwnerLock
    watchdog: Watchdog
    registryFile: string
  }) {
    this.root = facts.root
    this.temporary = facts.temporary
    this.#isNew = facts.isNew
    this.tookOver = facts.lock.tookOver
    this.#lock = facts.lock
    this.#watchdog = facts.watchdog
    this.#registryFile = facts.registryFile
  }

  /** A new folder that goes away with the cluster. Those of dead owners are cleared away first. */
  static async temporary(account: Account | undefined, clock: Clock): Promise<ClusterHome> {
    const base = await temporaryBase(account)
    await sweep(base, clock)
    const root = await mkdtemp(path.join(base, PREFIX))
    await chmod(root, 0o711)
    return ClusterHome.#open(root, { temporary: true, isNew: true }, clock)
  }

  /**
   * A folder that stays, made if need be.
   *
   * @throws DataDirLockedError while another process has it open.
   * @throws FolderUnusableError if the servers' account cannot enter it.
   */
  static async persistent(dataDir: string, account: Account | undefined, clock: Clock): Promise<ClusterHome> {
    const root = path.resolve(dataDir)
    let isNew = false
    try {
      isNew = (await mkdir(root, { recursive: true, mode: 0o755 })) !== undefined
      await access(root, constants.R_OK | constants.W_OK | constants.X_OK)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new FolderUnusableError({
        folder: root,
        reason,
        remedy: 'name a folder that can be written',
        cause,
      })
    }
    const blocked = firstUnreachable(root, account)
    if (blocked !== undefined) {
      throw new FolderUnusableError({
        folder: root,
        reason: `the servers run as ${account?.name ?? ''}, because we are root, and that account cannot enter ${blocked}`,
        remedy: `name a folder elsewhere, run: chmod o+x '${blocked}', or run as an ordinary user`,
      })
    }
    return ClusterHome.#open(root, { temporary: false, isNew }, clock)
  }

  static async #open(
    root: string,
    kind: { temporary: boolean; isNew: boolean },
    clock: Clock,
  ): Promise<ClusterHome> {
    const lock = await lockFolder(root)
    try {
      if (lock.tookOver) await endLeftovers(root, clock)
      // A name of its own: the watchdog of a dead owner may still be about to read that owner's.
      const registryFile = path.join(root, `servers.${uniqueName()}`)
      const watchdog = await startWatchdog({ root, registry: registryFile, remove: kind.temporary })
      return new ClusterHome({ root, ...kind, lock, watchdog, registryFile })
    } catch (error) {
      await lock.release()
      if (kind.temporary) await rm(root, { recursive: true, force: true })
      throw error
    }
  }

  get watchdogPid(): number {
    return this.#watchdog.pid
  }

  add(pid: number, quitSignal: QuitSignal): void {
    const line = `${pid}\t${startTimeOf(pid) ?? ''}\t${quitSignal.slice(3)}`
    this.#watchdog.add(line)
    appendFileSync(this.#registryFile, `${line}\n`)
  }

  /** A folder below the root, made if need be. */
  async folder(...names: string[]): Promise<string> {
    const folder = path.join(this.root, ...names)
    await mkdir(folder, { recursive: true, mode: 0o755 })
    return folder
  }

  /**
   * Call when every server is gone.
   *
   * @param unused nothing came of it: a folder that we made, and that is empty, goes as well.
   */
  async close({ unused }: { unused: boolean }): Promise<void> {
    await rm(this.#registryFile, { force: true })
    if (this.temporary) await rm(this.root, { recursive: true, force: true, maxRetries: 5 })
    await this.#watchdog.close()
    await this.#lock.release()
    if (unused && this.#isNew) await rmdir(this.root).catch(() => {})
  }
}

/** Clears away what owners left who died together with their watchdogs, as in a power cut. */
async function sweep(base: string, clock: Clock): Promise<void> {
  for (const name of await readdir(base)) {
    if (!name.startsWith(PREFIX)) continue
    const root = path.join(base, name)
    try {
      const facts = await stat(root)
      // One that is just being made has no lock yet.
      const isNew = clock.now() - facts.mtimeMs < 60_000
      if (!facts.isDirectory() || facts.uid !== process.geteuid?.() || isNew || (await isOwned(root)))
        continue
      await endLeftovers(root, clock)
      await rm(root, { recursive: true, force: true })
    } catch {
      // Someone else sweeps it at the same time, or it is not ours to remove: not our start's problem.
    }
  }
}

/** The system's temporary folder, or a usual one if the servers' account cannot reach that. */
async function temporaryBase(account: Account | undefined): Promise<string> {
  for (const candidate of [os.tmpdir(), '/tmp', '/var/tmp']) {
    const base = await realpath(candidate).catch(() => undefined)
    if (base === undefined || firstUnreachable(base, account) !== undefined) continue
    const writable = await access(base, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    )
    if (writable) return base
  }
  const who =
    account === undefined ? '' : `, or the account ${account.name} that runs the servers cannot enter it`
  throw new FolderUnusableError({
    folder: os.tmpdir(),
    reason: `it cannot be written${who}`,
    remedy: 'set TMPDIR to a folder that can',
  })
}
