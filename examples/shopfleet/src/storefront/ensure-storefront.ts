import { createHash } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const WEB = resolve(import.meta.dirname, '../../web')
const API = ['../api.ts', '../limits.ts'].map((name) => resolve(import.meta.dirname, name))
const WEB_SOURCES = join(WEB, 'src')
/** What the page has of the shop and of the packages, whether those are sources or built. */
const SHARED = [
  resolve(import.meta.dirname, '../device'),
  ...['@quorate/crdt', '@quorate/vector-clock'].map((name) =>
    dirname(fileURLToPath(import.meta.resolve(name))),
  ),
]

/**
 * The built storefront, built again only when its sources have changed. Each state of the sources has a
 * folder of its own, put in place by a rename, so that two shops that start at once do not see half a page.
 *
 * @returns the folder to serve.
 */
export async function ensureStorefront(): Promise<string> {
  const digest = await sourceDigest()
  const built = join(WEB, 'dist', digest)
  if (existsSync(join(built, 'index.html'))) return built
  const { build } = await import('vite')
  const fresh = `${built}.${process.pid}`
  await mkdir(join(WEB, 'dist'), { recursive: true })
  // Nobody waits for the build who presses Ctrl-C.
  const tidy = (): void => rmSync(fresh, { recursive: true, force: true })
  process.once('exit', tidy)
  await build({ configFile: join(WEB, 'vite.config.ts'), build: { outDir: fresh }, logLevel: 'error' })
  try {
    await rename(fresh, built)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Somebody else was quicker with the same page.
    if (!existsSync(join(built, 'index.html'))) throw error
  } finally {
    process.off('exit', tidy)
  }
  await removeOthers(digest)
  return built
}

async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256')
  const [page, ...shared] = await Promise.all([WEB_SOURCES, ...SHARED].map(sourcesIn))
  const files = [
    join(WEB, 'index.html'),
    join(WEB, 'vite.config.ts'),
    ...(page ?? []),
    ...API,
    ...shared.flat(),
  ]
  for (const file of files) hash.update(relative(WEB, file)).update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

async function sourcesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  return names
    .filter((name) => /\.(tsx?|css|js)$/.test(name) && !/\.test\b/.test(name))
    .toSorted()
    .map((name) => join(folder, name))
}

const DAY_MS = 86_400_000

/** Builds of older sources, unless so young that a running shop may still serve them. */
async function removeOthers(digest: string): Promise<void> {
  for (const name of await readdir(join(WEB, 'dist'))) {
    const folder = join(WEB, 'dist', name)
    // One that is gone was another shop's, which has put it in its place by now.
    const builtMs = (await stat(folder).catch(() => undefined))?.mtimeMs
    if (name === digest || builtMs === undefined || Date.now() - builtMs < DAY_MS) continue
    await rm(folder, { recursive: true, force: true })
  }
}
