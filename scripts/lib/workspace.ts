import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const ROOT: string = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Where runs leave their reports, logs and tarballs; not tracked. */
export const REPORTS: string = join(ROOT, '.reports')

export interface ConditionalExport {
  readonly '@quorate/source'?: string
  readonly import?: { readonly types: string; readonly default: string }
  readonly require?: { readonly types: string; readonly default: string }
}

/** The part of a package.json that the checks read. */
export interface Manifest {
  readonly name: string
  readonly version?: string
  readonly private?: boolean
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly license?: string
  readonly type?: string
  readonly sideEffects?: unknown
  readonly files?: readonly string[]
  readonly bin?: Readonly<Record<string, string>>
  readonly engines?: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | ConditionalExport>>
  readonly publishConfig?: { readonly access?: string; readonly exports?: Readonly<Record<string, unknown>> }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly 'size-limit'?: ReadonlyArray<{
    readonly name?: string
    readonly path: string
    readonly limit: string
  }>
}

export interface Package {
  /** Name of its folder under `packages/`. */
  readonly folder: string
  /** The folder, absolute. */
  readonly path: string
  readonly manifest: Manifest
}

/** Every package under `packages/`, the template among them. */
export function packages(root: string = ROOT): Package[] {
  return members(join(root, 'packages'))
}

/** Every example under `examples/`. */
export function examples(root: string = ROOT): Package[] {
  return members(join(root, 'examples'))
}

function members(parent: string): Package[] {
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .filter((folder) => existsSync(join(parent, folder, 'package.json')))
    .toSorted()
    .map((folder) => {
      const path = join(parent, folder)
      return {
        folder,
        path,
        manifest: JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest,
      }
    })
}

/** Subpaths a package exports, `package.json` left out: `.`, `./redis`. */
export function entries({ manifest }: Package): Array<[subpath: string, target: ConditionalExport]> {
  return Object.entries(manifest.exports ?? {}).filter(
    (entry): entry is [string, ConditionalExport] => typeof entry[1] === 'object',
  )
}

/** How a consumer names an entry: `@quorate/fenced-lock/redis`. */
export function specifier(name: string, subpath: string): string {
  return subpath === '.' ? name : `${name}/${subpath.slice(2)}`
}
