import { isBuiltin } from 'node:module'
import { dirname, relative, resolve, sep } from 'node:path'
import type { Place, SourceFile } from './find-problems.ts'

/** A driver is the caller's: a core asks for a structural interface, an adapter may name the driver's types. */
const DRIVERS = new Set([
  '@nestjs/common',
  '@nestjs/core',
  'express',
  'fastify',
  'hono',
  'ioredis',
  'kysely',
  'koa',
  'mysql2',
  'pg',
  'pino',
  'postgres',
  'redis',
])

/** Modules that tell the time, set timers or draw lots behind the injected clock's back. */
const AMBIENT_MODULES = new Set(['timers', 'timers/promises', 'perf_hooks'])
const CHANCE_PACKAGES = new Set(['uuid', 'nanoid', 'ulid', 'cuid', '@paralleldrive/cuid2'])

export interface ImportFacts {
  readonly specifier: string
  readonly typeOnly: boolean
  readonly place: Place
  readonly source: SourceFile
}

/** Why an import is forbidden where it stands, or `undefined`. */
export function importProblem({ specifier, typeOnly, place, source }: ImportFacts): string | undefined {
  const { file, package: one } = source
  if (specifier.startsWith('.')) {
    const target = resolve(dirname(file), specifier)
    return relative(one.path, target).startsWith('..') && target.split(sep).includes('src')
      ? `import from another package's src: ${specifier}; import the package by its name`
      : undefined
  }
  if (/^(@quorate\/[^/]+|packages\/[^/]+)\/src(\/|$)/.test(specifier)) {
    return `import from another package's src: ${specifier}; import what the package exports`
  }
  if (!place.isSource) return undefined

  const builtin = isBuiltin(specifier)
  const bare = specifier.replace(/^node:/, '')
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (builtin && AMBIENT_MODULES.has(bare) && !file.endsWith(`${sep}system-clock.ts`)) {
    return `hidden clock: ${specifier}; take a Clock`
  }
  if (CHANCE_PACKAGES.has(name)) return `hidden chance: ${specifier}; take a Random, or the id`
  if (place.isCore) {
    if (builtin) return `Node in a core: ${specifier}; move it into an adapter folder under src/`
    if (DRIVERS.has(name)) return `driver in a core: ${specifier}; declare the part you call as an interface`
  }
  if (builtin) return undefined
  const { dependencies, peerDependencies, optionalDependencies } = one.manifest
  const declared = { ...dependencies, ...peerDependencies, ...optionalDependencies }
  // Types of a driver may come from @types/…, which only we need.
  if (name in declared || name === one.manifest.name || typeOnly) return undefined
  return `undeclared dependency: ${specifier}; users of the package would not have it`
}
