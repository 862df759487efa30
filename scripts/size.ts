// Size limits: what a bundler makes of each entry (minified, with our own packages, brotli or what the check
// says), against the `size-limit` field of the package. One run of size-limit for all of them, from a configuration
// made here, because that is the only place where esbuild can be told that the target is Node.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './bootstrap/lock.mjs'
import { type Package, packages, REPORTS, ROOT } from './lib/workspace.ts'

const checks = packages().flatMap((one) =>
  (one.manifest['size-limit'] ?? []).map((check) => ({
    ...check,
    name: check.name === one.folder ? check.name : `${one.folder}: ${check.name ?? check.path}`,
    path: join(one.path, check.path),
    ignore: foreign(one),
  })),
)

/** Other people's packages, and what Node has built in, are not our weight. */
function foreign({ manifest }: Package): string[] {
  const named = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
  const peers = Object.keys(manifest.peerDependencies ?? {})
  return [...named.filter((name) => !name.startsWith('@quorate/')), ...peers, 'node:*']
}

if (checks.length === 0) {
  console.log('size: no package has a limit')
} else {
  mkdirSync(REPORTS, { recursive: true })
  const config = join(REPORTS, `size-limit-${process.pid}.mjs`)
  writeFileSync(
    config,
    `const checks = ${JSON.stringify(checks, undefined, 2)}
// As part of a program, not as a library: the list of exported names is not in it.
const forNode = (config) => ({ ...config, platform: 'node', format: 'iife', logLevel: 'error' })
export default checks.map((check) => ({ ...check, modifyEsbuildConfig: forNode }))
`,
  )
  try {
    await withLock(join(REPORTS, 'build.lock'), async () => {
      const { status, stdout } = spawnSync('size-limit', ['--config', config], {
        cwd: ROOT,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      console.log(stdout.replace(/ at \S*size-limit-\d+\.mjs/, ' in the package.json'))
      process.exitCode = status ?? 1
    })
  } finally {
    rmSync(config, { force: true })
  }
}
