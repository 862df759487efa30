import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { isProcessAlive, processStartedAt } from './process-identity.ts'
import { UsageError } from './usage-error.ts'

/** Where a replay keeps its databases and its journal, and what tells an interrupted one from a running one. */
export interface StateDirectory {
  readonly path: string
  readonly dataDir: string
  /** Removes all of it: the replay ended, nobody will resume it. */
  remove(): void
}

const OWNER = 'owner.json'

/**
 * The folder of all this project's replays. It lies in the temporary folder, because the databases run
 * under another account when we are root, and that account may not look into our home.
 */
function defaultRoot(): string {
  const project = createHash('sha256')
    .update(resolve(import.meta.dirname))
    .digest('hex')
    .slice(0, 12)
  return join(tmpdir(), `shopfleet-${userInfo().uid}-${project}`)
}

export function createState(chosen: string | undefined): StateDirectory {
  if (chosen !== undefined) {
    const path = resolve(chosen)
    if (existsSync(join(path, OWNER))) {
      if (ownerIsAlive(path))
        throw new UsageError(`Cannot use ${path}: another replay is running there; give another --state`)
      throw new UsageError(
        `Cannot use ${path}: it holds a replay that was cut off; add --resume, or remove that folder`,
      )
    }
    return claim(path, true)
  }
  return claim(join(defaultRoot(), `replay-${process.pid}-${Date.now().toString(36)}`), false)
}

/** @throws UsageError when there is nothing to go on with. */
export function resumeState(chosen: string | undefined): StateDirectory {
  const path = chosen === undefined ? newestInterrupted() : resolve(chosen)
  if (path === undefined || !existsSync(join(path, 'replay.json'))) {
    const where = chosen === undefined ? '' : ` in ${path}`
    throw new UsageError(
      `Nothing to resume${where}: no replay was cut off there; start one with --orders FILE`,
    )
  }
  if (ownerIsAlive(path))
    throw new UsageError(`Cannot resume ${path}: the replay is still running; end it first`)
  return claim(path, chosen !== undefined)
}

/** How many replays were cut off and wait for `--resume`, newest first. */
export function interruptedReplays(): string[] {
  const root = defaultRoot()
  if (!existsSync(root)) return []
  return readdirSync(root)
    .map((name) => join(root, name))
    .filter((path) => existsSync(join(path, 'replay.json')) && !ownerIsAlive(path))
    .toSorted((a, b) => statSync(join(b, OWNER)).mtimeMs - statSync(join(a, OWNER)).mtimeMs)
}

const newestInterrupted = (): string | undefined => interruptedReplays()[0]

function claim(path: string, isChosen: boolean): StateDirectory {
  try {
    mkdirSync(path, { recursive: true, mode: 0o711 })
    writeFileSync(
      join(path, OWNER),
      JSON.stringify({ pid: process.pid, startedAt: processStartedAt(process.pid) }),
    )
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(
      `Cannot write to ${path} (${code}); give a folder that you may write to with --state DIR`,
      { cause: error },
    )
  }
  return {
    path,
    dataDir: join(path, 'data'),
    remove: () => {
      for (const name of ['data', 'journal.ndjson', 'replay.json', 'shop.log', OWNER])
        rmSync(join(path, name), { recursive: true, force: true })
      // A folder that the person chose may hold other things and stays.
      if (!isChosen) rmSync(path, { recursive: true, force: true })
      const root = defaultRoot()
      if (existsSync(root) && readdirSync(root).length === 0) rmSync(root, { recursive: true, force: true })
    },
  }
}

function ownerIsAlive(path: string): boolean {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(join(path, OWNER), 'utf8')) as {
      pid: number
      startedAt: string
    }
    return isProcessAlive(pid) && processStartedAt(pid) === startedAt
  } catch {
    return false
  }
}
