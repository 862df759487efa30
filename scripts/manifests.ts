// package.json of every package: complete, and what is published is what is tested.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { type Problem, report } from './lib/check.ts'
import { entries, type Package, packages } from './lib/workspace.ts'

/** Everything wrong with one package's manifest, in words that say what to write instead. */
export function manifestProblems(one: Package): string[] {
  return [...exportProblems(one), ...metadataProblems(one), ...limitProblems(one)]
}

function exportProblems({ path, manifest }: Package): string[] {
  const problems: string[] = []
  const published: Record<string, unknown> = {}
  for (const [subpath, target] of Object.entries(manifest.exports ?? {})) {
    if (typeof target === 'string') {
      published[subpath] = target
      continue
    }
    const { '@quorate/source': source, ...rest } = target
    published[subpath] = rest
    const stem = source?.replace(/^\.\/src\//, '').replace(/\.tsx?$/, '') ?? ''
    const stems = subpath === '.' ? ['index'] : [`${subpath.slice(2)}/index`, subpath.slice(2)]
    if (!stems.includes(stem)) {
      problems.push(
        `exports["${subpath}"]["@quorate/source"] must be ./src/${stems.join('.ts or ./src/')}.ts`,
      )
      continue
    }
    const wanted = {
      '@quorate/source': source,
      import: { types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` },
      require: { types: `./dist/${stem}.d.cts`, default: `./dist/${stem}.cjs` },
    }
    if (!isDeepStrictEqual(target, wanted)) {
      problems.push(`exports["${subpath}"] must be ${JSON.stringify(wanted)}`)
    }
    if (!existsSync(join(path, source ?? ''))) {
      problems.push(`exports["${subpath}"] points at ${source}, which does not exist`)
    }
  }
  if (manifest.exports?.['./package.json'] !== './package.json') {
    problems.push('exports["./package.json"] must be "./package.json": tools read it')
  }
  if (manifest.exports?.['.'] === undefined) problems.push('exports["."] is missing')
  if (!isDeepStrictEqual(manifest.publishConfig?.exports, published)) {
    problems.push('publishConfig.exports must be exports without the "@quorate/source" condition')
  }
  return problems
}

function metadataProblems({ folder, path, manifest }: Package): string[] {
  const problems: string[] = []
  const want = (holds: boolean, message: string): void => void (holds || problems.push(message))
  want(manifest.name === `@quorate/${folder.replace(/^_/, '')}`, `name must be @quorate/${folder}`)
  want((manifest.description ?? '').length > 20, 'description must say what the package does')
  want((manifest.keywords ?? []).length > 0, 'keywords are missing: people search by them')
  want(manifest.license === 'MIT', 'license must be MIT')
  want(manifest.type === 'module', 'type must be "module"')
  want(manifest.sideEffects !== undefined, 'sideEffects is missing: bundlers need it')
  want(manifest.engines?.['node'] === '>=22.12', 'engines.node must be >=22.12')
  want((manifest.files ?? []).includes('dist'), 'files must have "dist"')
  want(existsSync(join(path, 'README.md')), 'README.md is missing')
  if (manifest.private !== true) {
    want(manifest.publishConfig?.access === 'public', 'publishConfig.access must be "public"')
  }
  for (const name of Object.keys(manifest.peerDependencies ?? {})) {
    const optional = manifest.peerDependenciesMeta?.[name]?.optional === true
    want(optional, `peer ${name} must be optional: nobody installs a driver that they do not use`)
    want(name in (manifest.devDependencies ?? {}), `peer ${name} must be a devDependency too: tests use it`)
  }
  return problems
}

function limitProblems(one: Package): string[] {
  const limited = new Set((one.manifest['size-limit'] ?? []).map((check) => check.path.replace(/^\.\//, '')))
  return entries(one)
    .map(([, target]) => target.import?.default.replace(/^\.\//, ''))
    .filter((file) => file !== undefined && !limited.has(file))
    .map((file) => `size-limit has no entry for ${file}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const all = packages()
  const problems = all.flatMap((one): Problem[] =>
    manifestProblems(one).map((message) => ({ file: join(one.path, 'package.json'), message })),
  )
  report('manifests', `${all.length} packages`, problems)
}
