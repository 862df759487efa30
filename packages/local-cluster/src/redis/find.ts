import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { RedisUnavailableError } from '../errors.ts'
import { type Account, firstUnreachable } from '../host/account.ts'
import { run } from '../host/run.ts'
import { dockerRedis } from './docker.ts'
import { removeUnpacked, unpackRedis, unpackedRedis } from './apt.ts'

/** A Redis (or Valkey) that runs here. */
export interface RedisBinary {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
  readonly version: string
  readonly source: 'QUORATE_REDIS' | 'PATH' | 'cache' | 'apt' | 'docker'
}

/** What {@link findRedis} needs. */
export interface FindRedisOptions {
  readonly account: Account | undefined
  readonly cache: string
  readonly nowMs: number
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly signal?: AbortSignal | undefined
  /** Called with what is going on, while something is fetched. */
  readonly onProgress: (detail: string) => void
}

/**
 * Finds a Redis server: `QUORATE_REDIS`, `redis-server` on PATH, `valkey-server` on PATH, a copy
 * unpacked before, one unpacked now from the system's own packages, one in a container.
 *
 * @throws RedisUnavailableError when there is none; it says what to install.
 */
export async function findRedis(options: FindRedisOptions): Promise<RedisBinary> {
  const { env = process.env, signal } = options
  const helperEnv = environmentOfHelpers(env)
  const tried: string[] = []
  const chosen = env['QUORATE_REDIS']
  if (chosen !== undefined && chosen !== '') {
    const found = await probe({ command: path.resolve(chosen), env: {} }, 'QUORATE_REDIS', options, tried)
    if (found !== undefined) return found
    const remedy = 'let QUORATE_REDIS name a redis-server program, or unset it'
    throw new RedisUnavailableError({ tried, remedy })
  }
  for (const name of ['redis-server', 'valkey-server']) {
    for (const command of await onPath(name, env['PATH'])) {
      const found = await probe({ command, env: {} }, 'PATH', options, tried)
      if (found !== undefined) return found
    }
    tried.push(`no usable ${name} on PATH`)
  }
  const cached = await unpackedRedis(options.cache)
  const fromCache = cached && (await probe(cached, 'cache', options, tried))
  if (fromCache !== undefined) return fromCache
  // Broken, or made for libraries that an upgrade of the system has replaced.
  if (cached !== undefined) await removeUnpacked(options.cache)
  try {
    const unpacked = await unpackRedis({ ...options, env: helperEnv })
    const found = await probe(unpacked, 'apt', options, tried)
    if (found !== undefined) return found
  } catch (error) {
    signal?.throwIfAborted()
    tried.push(`apt-get: ${firstLine(error)}`)
  }
  try {
    const version = versionIn(await dockerRedis({ ...options, env: helperEnv }))
    if (version !== undefined) return { command: 'docker', env: helperEnv, version, source: 'docker' }
    tried.push('docker: its image does not answer --version as Redis does')
  } catch (error) {
    signal?.throwIfAborted()
    tried.push(`docker: ${firstLine(error)}`)
  }
  throw new RedisUnavailableError({ tried, remedy: remedyFor(process.platform) })
}

async function probe(
  { command, env }: { command: string; env: Readonly<Record<string, string>> },
  source: RedisBinary['source'],
  { account, signal }: FindRedisOptions,
  tried: string[],
): Promise<RedisBinary | undefined> {
  const blocked = firstUnreachable(path.dirname(command), account)
  if (blocked !== undefined) {
    tried.push(`${command}: the account ${account?.name ?? ''} that runs the servers cannot enter ${blocked}`)
    return undefined
  }
  try {
    const text = await run(command, ['--version'], { account, env, signal })
    const version = versionIn(text)
    if (version !== undefined) return { command, env, version, source }
    tried.push(`${command}: it does not answer --version as Redis does`)
  } catch (error) {
    signal?.throwIfAborted()
    tried.push(`${command}: ${firstLine(error)}`)
  }
  return undefined
}

const versionIn = (text: string): string | undefined => /v=(\d+(?:\.\d+)*)/.exec(text)?.[1]

/** What apt-get and docker need to know of the user's environment. */
function environmentOfHelpers(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const names = ['PATH', 'HOME', 'http_proxy', 'https_proxy', 'no_proxy', 'DOCKER_HOST', 'DOCKER_CONTEXT']
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

async function onPath(name: string, searchPath = ''): Promise<string[]> {
  const found: string[] = []
  for (const folder of searchPath.split(path.delimiter)) {
    // A relative entry would depend on the working directory.
    if (!path.isAbsolute(folder)) continue
    const file = path.join(folder, name)
    const runs = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) found.push(file)
  }
  return found
}

function remedyFor(platform: NodeJS.Platform): string {
  if (platform === 'darwin') return 'run: brew install redis'
  return (
    'install it (Debian, Ubuntu: sudo apt-get install redis-server; Fedora: sudo dnf install valkey; ' +
    'Arch: sudo pacman -S valkey), or set QUORATE_REDIS to the path of a redis-server'
  )
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 200) ?? ''
