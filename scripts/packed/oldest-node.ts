import { join } from 'node:path'
import { isMusl, packagesFor } from '../bootstrap/platform.mjs'
import type { Package } from '../lib/workspace.ts'
import type { OtherNode } from './consumers.ts'
import { installProject } from './project.ts'

/** The oldest Node that the packages say they run on. @throws Error unless all say the same. */
export function oldestNodeOf(packages: readonly Package[]): string {
  const ranges = new Set(packages.map(({ manifest }) => manifest.engines?.['node']))
  const [range] = ranges
  const version = /^>=(\d+)\.(\d+)$/.exec(range ?? '')
  if (ranges.size !== 1 || version === null) {
    throw new Error(
      `all packages must have one "engines" of the kind ">=22.12", found ${[...ranges].join(', ')}`,
    )
  }
  return `${version[1]}.${version[2]}.0`
}

/** Fetches a Node. */
export async function installNode(folder: string, version: string): Promise<OtherNode> {
  const { node } = packagesFor({ platform: process.platform, arch: process.arch, musl: isMusl() })
  await installProject(folder, { [node]: version }, ['--prefer-offline'])
  return { version, program: join(folder, 'node_modules', node, 'bin', 'node') }
}
