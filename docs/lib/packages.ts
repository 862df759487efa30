import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** A package that has pages. */
export interface DocumentedPackage {
  /** Name of its folder in `packages/`, also of its pages. */
  readonly folder: string
  /** Absolute path of that folder. */
  readonly path: string
  readonly name: string
  readonly description: string
  /** Its README, if it has one yet. */
  readonly readme: string | undefined
  /** Public entry points whose source is there: absolute paths. */
  readonly entries: readonly string[]
}

interface Manifest {
  readonly name: string
  readonly description?: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, unknown>>>>
}

/**
 * The packages we publish, by name. One that has no entry point yet is left out, so that the docs build while
 * a package is being written.
 */
export function documentedPackages(): DocumentedPackage[] {
  const folders = readdirSync(join(root, 'packages')).filter((folder) => !/^[._]/.test(folder))
  return folders.toSorted().flatMap((folder) => {
    const path = join(root, 'packages', folder)
    if (!existsSync(join(path, 'package.json'))) return []
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest
    const entries = manifest.private === true ? [] : entriesOf(path, manifest)
    if (entries.length === 0) return []
    const readme = join(path, 'README.md')
    return [
      {
        folder,
        path,
        name: manifest.name,
        description: manifest.description ?? '',
        readme: existsSync(readme) ? readFileSync(readme, 'utf8') : undefined,
        entries,
      },
    ]
  })
}

function entriesOf(path: string, { exports = {} }: Manifest): string[] {
  return Object.values(exports).flatMap((target) => {
    const source = typeof target === 'string' ? undefined : target['@quorate/source']
    return typeof source === 'string' && existsSync(join(path, source)) ? [join(path, source)] : []
  })
}
