import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { cachedFolder } from '../host/cache.ts'
import { CommandFailedError, run } from '../host/run.ts'

/** A program and what it needs to find its libraries. */
export interface UnpackedRedis {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

/** What {@link unpackRedis} needs. */
export interface UnpackOptions {
  readonly cache: string
  readonly nowMs: number
  readonly env: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly onProgress: (detail: string) => void
}

/** What redis-server needs that a minimal system may lack, where apt cannot work it out. */
const USUAL_PACKAGES = ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2']

const FOLDER = `redis-apt-${process.arch}`

/** The copy of an earlier {@link unpackRedis}. */
export async function unpackedRedis(cache: string): Promise<UnpackedRedis | undefined> {
  return located(path.join(cache, FOLDER))
}

/** Removes that copy. */
export async function removeUnpacked(cache: string): Promise<void> {
  await rm(path.join(cache, FOLDER), { recursive: true, force: true })
}

/**
 * Fetches the system's own Redis packages with `apt-get download` and unpacks them below the cache. No
 * root, nothing installed, apt's own state untouched: lists are fetched to a private place if the machine
 * has none.
 */
export async function unpackRedis({
  cache,
  nowMs,
  env,
  signal,
  onProgress,
}: UnpackOptions): Promise<UnpackedRedis> {
  const folder = await cachedFolder(cache, FOLDER, nowMs, async (work) => {
    const apt = new PrivateApt(path.join(work, 'apt'), env, signal)
    await apt.prepare()
    if (!(await apt.knows('redis-server'))) {
      onProgress('apt-get update, into lists of our own')
      await apt.update()
    }
    const packages = await apt.missingFor('redis-server')
    onProgress(`apt-get download ${packages.join(' ')}`)
    const files = await apt.download(packages)
    const root = path.join(work, 'root')
    await mkdir(root)
    for (const file of files) await run('dpkg', ['-x', file, root], { env, signal })
    await rm(path.join(work, 'apt'), { recursive: true, force: true })
    await chmod(work, 0o755)
  })
  const found = await located(folder)
  if (found === undefined) throw new Error('the packages hold no redis-server')
  return found
}

async function located(folder: string): Promise<UnpackedRedis | undefined> {
  const root = path.join(folder, 'root')
  const libraries = path.join(root, 'usr', 'lib')
  const command = path.join(root, 'usr', 'bin', 'redis-server')
  const names: string[] = await readdir(path.dirname(command)).catch(() => [])
  if (!names.includes('redis-server')) return undefined
  const folders = (await readdir(libraries).catch((): string[] => [])).filter((name) =>
    name.endsWith('-linux-gnu'),
  )
  const search = [libraries, ...folders.map((name) => path.join(libraries, name))].join(':')
  return { command, env: { LD_LIBRARY_PATH: search } }
}

/** apt-get with all that it writes in a folder of ours. */
class PrivateApt {
  readonly #folder: string
  readonly #env: Readonly<Record<string, string>>
  readonly #signal: AbortSignal | undefined
  #lists: readonly string[] = []

  constructor(folder: string, env: Readonly<Record<string, string>>, signal: AbortSignal | undefined) {
    this.#folder = folder
    this.#env = env
    this.#signal = signal
  }

  async prepare(): Promise<void> {
    for (const name of ['lists/partial', 'cache/archives/partial', 'deb']) {
      await mkdir(path.join(this.#folder, name), { recursive: true })
    }
  }

  async knows(name: string): Promise<boolean> {
    const text = await this.#run('apt-cache', ['policy', name]).catch((error: unknown) => {
      if (error instanceof CommandFailedError) return ''
      throw error
    })
    return /Candidate: (?!\(none\))/.test(text)
  }

  async update(): Promise<void> {
    this.#lists = ['-o', `Dir::State::lists=${path.join(this.#folder, 'lists')}`]
    await this.#run('apt-get', ['update', '-qq', '-o', 'APT::Update::Error-Mode=any'])
  }

  /** The package and all it needs that this machine does not have. */
  async missingFor(name: string): Promise<string[]> {
    const text = await this.#run('apt-get', ['install', '-s', '--no-install-recommends', name]).catch(
      () => '',
    )
    const found = [...text.matchAll(/^Inst (\S+)/gm)].map((match) => match[1] ?? '')
    return found.length > 0 ? found : USUAL_PACKAGES
  }

  async download(packages: readonly string[]): Promise<string[]> {
    const folder = path.join(this.#folder, 'deb')
    await this.#run('apt-get', ['download', '-qq', ...packages], folder)
    return (await readdir(folder))
      .filter((name) => name.endsWith('.deb'))
      .map((name) => path.join(folder, name))
  }

  #run(command: string, args: readonly string[], cwd = '/'): Promise<string> {
    const own = ['-o', `Dir::Cache=${path.join(this.#folder, 'cache')}`, '-o', 'APT::Sandbox::User=']
    return run(command, [...args, ...own, ...this.#lists, '-o', 'Debug::NoLocking=1'], {
      cwd,
      env: this.#env,
      signal: this.#signal,
    })
  }
}
