import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/**
 * The folders of our packages that a bench links, with those they need, in the order to build them.
 *
 * @param folder the bench's folder.
 */
export function linkedPackages(folder: string): string[] {
  const ordered: string[] = []
  const visit = (path: string): void => {
    if (ordered.includes(path)) return
    for (const [name, range] of Object.entries(readManifest(path).dependencies ?? {})) {
      const [, short] = /^@quorate\/(.+)$/.exec(name) ?? []
      if (short !== undefined && range.startsWith('workspace:')) visit(join(path, '..', short))
    }
    ordered.push(path)
  }
  const { dependencies, devDependencies } = readManifest(folder)
  for (const range of Object.values({ ...devDependencies, ...dependencies })) {
    if (range.startsWith('link:')) visit(resolve(folder, range.slice('link:'.length)))
  }
  return ordered
}

/** Is `dist` missing, or older than the newest source? */
export function isStale(path: string): boolean {
  const built = join(path, 'dist', 'index.js')
  if (!existsSync(built)) return true
  const builtMs = statSync(built).mtimeMs
  if (statSync(join(path, 'package.json')).mtimeMs > builtMs) return true
  return readdirSync(join(path, 'src'), { recursive: true, withFileTypes: true }).some(
    (entry) =>
      entry.isFile() &&
      !/\.test\.tsx?$/.test(entry.name) &&
      statSync(join(entry.parentPath, entry.name)).mtimeMs > builtMs,
  )
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}
