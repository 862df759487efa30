import { existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Package, ROOT } from '../lib/workspace.ts'
import { run } from './run.ts'

/** An empty project somewhere else, with our tarballs installed. */
export interface Project {
  readonly folder: string
}

export async function installProject(
  folder: string,
  dependencies: Readonly<Record<string, string>>,
  options: readonly string[],
): Promise<Project> {
  mkdirSync(folder, { recursive: true })
  // Our packages depend on each other by version, which no registry has yet: those are the same tarballs.
  const overrides = Object.fromEntries(Object.keys(dependencies).map((name) => [name, `$${name}`]))
  const manifest = { name: 'consumer', private: true, type: 'module', dependencies, overrides }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, undefined, 2))
  const flags = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  await run('npm', ['install', ...flags, ...options], folder)
  return { folder }
}

/**
 * Adds what a package's users bring themselves (peers, optional parts, the types of both) from this workspace,
 * so that no network is needed for them.
 */
export function linkFromWorkspace({ folder }: Project, one: Package): void {
  const { peerDependencies, optionalDependencies } = one.manifest
  const names = Object.keys({ ...peerDependencies, ...optionalDependencies })
  const types = readdirSync(join(ROOT, 'node_modules', '@types')).map((name) => `@types/${name}`)
  for (const name of [...names, ...names.map((peer) => `@types/${peer}`), ...types]) {
    const source = [one.path, ROOT]
      .map((from) => join(from, 'node_modules', name))
      .find((path) => existsSync(path))
    const target = join(folder, 'node_modules', name)
    if (source === undefined || existsSync(target)) continue
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(realpathSync(source), target)
  }
}
