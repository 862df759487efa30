// `pnpm new-package NAME`: a new package from packages/_template, installed and ready for its first test.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from './lib/workspace.ts'
import { createPackage, NameError } from './new-package/create.ts'

const HELP = `pnpm new-package NAME

Makes packages/NAME (published as @quorate/NAME) from packages/_template, with source, tests, README and
changeset, and installs it. NAME is kebab-case: leader-election.`

function main(args: readonly string[]): number {
  const [name, ...rest] = args
  if (name === '--help' || name === '-h') {
    console.log(HELP)
    return 0
  }
  if (name === undefined || rest.length > 0) {
    console.error(HELP)
    return 2
  }
  const files = createPackage(ROOT, name)
  // The new names are longer or shorter than the template's: lines break elsewhere.
  run('oxfmt', files)
  if (!run('pnpm', ['install', '--no-frozen-lockfile'])) return 1
  console.log(`
Made ${files.length} files for @quorate/${name}. It builds and passes its tests as it is. Now:
  1. README.md first: one sentence on what it does, then the program you wish to be able to write
  2. src/${name}.ts and its tests: npm run unit -- packages/${name}
  3. package.json: description, keywords, size-limit
  4. .changeset/${name}.md: what readers get
  5. npm test`)
  return 0
}

function run(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' }).status === 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.env['PATH'] = [join(ROOT, 'node_modules', '.bin'), process.env['PATH']].join(':')
  try {
    process.exitCode = main(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof NameError)) throw error
    console.error(error.message)
    process.exitCode = 2
  }
}
