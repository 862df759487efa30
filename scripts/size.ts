// Size limits: what a bundler makes of each entry (minified, with our own packages, brotli), against the
// `size-limit` field of the package. One size-limit run for all of them, from a configuration made here, because
// that is the only place where esbuild can be told that the target is Node.
import { mkdirSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { withLock } from './bootstrap/lock.mjs'
import { packages, REPORTS, ROOT } from './lib/workspace.ts'

const checks = packages().flatMap(({ folder, path, manifest }) =>
  (manifest['size-limit'] ?? []).map((check) => ({
    name: `${folder}${check.name === undefined ? '' : ` ${check.name}`}`,
    path: join(path, check.path),
    limit: check.limit,
    ignore: Object.keys({
      ...manifest.peerDependencies,
      ...foreign(manifest.dependencies),
      ...manifest.optionalDependencies,
    }),
  })),
)

/** Other people's packages are not our weight. */
function foreign(dependencies: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => !name.startsWith('@quorate/')))
}

if (checks.length === 0) {
  console.log('size: no package has a limit yet')
} else {
  mkdirSync(REPORTS, { recursive: true })
  const config = join(REPORTS, `size-limit-${process.pid}.mjs`)
  writeFileSync(
    config,
    `const checks = ${JSON.stringify(checks, undefined, 2)}
export default checks.map((check) => ({
  ...check,
  modifyEsbuildConfig: (config) => ({ ...config, platform: 'node', format: 'esm' }),
}))
`,
  )
  await withLock(join(REPORTS, 'build.lock'), async () => {
    const { status } = spawnSync('size-limit', ['--config', config], { cwd: ROOT, stdio: 'inherit' })
    process.exitCode = status ?? 1
  })
}
