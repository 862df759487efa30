import { lstat, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { FolderUnusableError } from '../errors.ts'
import { type Account, firstUnreachable } from './account.ts'

/** Unfinished work this old belongs to a process that died. */
const ABANDONED_MS = 3_600_000

/**
 * The folder for what is made once: the Postgres template, an unpacked Redis, copies of binaries that
 * the servers' account could not read. Ours, not writable by others, never a link: what lies in it is
 * executed. `QUORATE_CACHE` overrides where.
 *
 * @throws FolderUnusableError when no candidate will do.
 */
export async function cacheFolder(account: Account | undefined): Promise<string> {
  const chosen = process.env['QUORATE_CACHE']
  const candidates = chosen === undefined || chosen === '' ? usualPlaces() : [path.resolve(chosen)]
  const refusals: string[] = []
  for (const folder of candidates) {
    const refusal = await whyUnusable(folder, account)
    if (refusal === undefined) return folder
    refusals.push(`${folder}: ${refusal}`)
  }
  throw new FolderUnusableError({
    folder: candidates[0] ?? '',
    reason: `it cannot serve as cache (${refusals.join('; ')})`,
    remedy: 'set QUORATE_CACHE to a folder of your own that others cannot write to',
  })
}

/**
 * A folder in the cache, built once, whoever comes first: the builder works in a place of its own and
 * the result appears whole, by one rename. Of two that build at once, one result is kept.
 */
export async function cachedFolder(
  cache: string,
  name: string,
  nowMs: number,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const target = path.join(cache, name)
  if (await isFolder(target)) return target
  await removeAbandoned(cache, nowMs)
  const work = await mkdtemp(path.join(cache, `.making-${name}-`))
  try {
    await build(work)
    await rename(work, target)
  } catch (error) {
    await rm(work, { recursive: true, force: true, maxRetries: 3 })
    if (!isTaken(error)) throw error
  }
  return target
}

function usualPlaces(): string[] {
  const uid = process.geteuid?.() ?? 0
  const temporary = [...new Set([os.tmpdir(), '/tmp'])].map((base) => path.join(base, `quorate-cache-${uid}`))
  if (uid === 0) return ['/var/cache/quorate', ...temporary]
  const home = process.env['XDG_CACHE_HOME'] ?? homeCache()
  return [...(home === undefined ? [] : [path.join(home, 'quorate')]), ...temporary]
}

function homeCache(): string | undefined {
  const home = os.homedir()
  if (!path.isAbsolute(home) || home === '/') return undefined
  return process.platform === 'darwin' ? path.join(home, 'Library', 'Caches') : path.join(home, '.cache')
}

async function whyUnusable(folder: string, account: Account | undefined): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 })
    const facts = await lstat(folder)
    if (!facts.isDirectory()) return 'it is not a folder of its own'
    if (facts.uid !== process.geteuid?.()) return `it belongs to another user (uid ${facts.uid})`
    if ((facts.mode & 0o022) !== 0) return 'others can write to it'
    const blocked = firstUnreachable(folder, account)
    if (blocked !== undefined) return `the account ${account?.name ?? ''} cannot enter ${blocked}`
    await rm(await mkdtemp(path.join(folder, '.try-')), { recursive: true })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function removeAbandoned(cache: string, nowMs: number): Promise<void> {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith('.making-')) continue
    const folder = path.join(cache, entry)
    const facts = await stat(folder).catch(() => undefined)
    if (facts !== undefined && nowMs - facts.mtimeMs > ABANDONED_MS) {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

async function isFolder(target: string): Promise<boolean> {
  return stat(target).then(
    (facts) => facts.isDirectory(),
    () => false,
  )
}

function isTaken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOTEMPTY' || code === 'EEXIST'
}
