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
  /** What does not fit into the README, one subject each: `guides/*.md`. */
  readonly guides: readonly Guide[]
  /** Public entry points whose source is there: absolute paths. */
  readonly entries: readonly string[]
}

/** A file of `guides/`. */
export interface Guide {
  /** Of the file, without `.md`. */
  readonly name: string
  /** Its first heading. */
  readonly title: string
  readonly text: string
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
        guides: guidesOf(path),
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

function guidesOf(path: string): Guide[] {
  const folder = join(path, 'guides')
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((file) => file.endsWith('.md'))
  return files.toSorted().map((file) => {
    const text = readFileSync(join(folder, file), 'utf8')
    const name = file.slice(0, -'.md'.length)
    return { name, title: /^# (.+)$/m.exec(text)?.[1] ?? name, text }
  })
}
