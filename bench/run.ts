// The bench command: `node bench/run.ts NAME [--rounds N]` with Node 24 and pnpm on PATH, and the root
// workspace installed (scripts/run.mjs sees to both). Installs, builds and runs; exit code 2 for a wrong
// command line, 1 for a bench that fails.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linkedPackages, isStale } from './harness/links.ts'
import { HELP, parseCommand, UsageError } from './harness/options.ts'

const here = dirname(fileURLToPath(import.meta.url))

/** npm's own settings must not leak into pnpm, nor our source condition into what is measured. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_script|node_options$)/i.test(name)),
)

async function main(): Promise<void> {
  const names = readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(here, entry.name, 'package.json')))
    .map((entry) => entry.name)
    .toSorted()
  const command = parseCommand(process.argv.slice(2), names)
  if (command.type === 'help') return console.log(HELP)
  if (command.type === 'list') return console.log(names.join('\n'))

  const folder = join(here, command.name)
  await install(folder, command.name)
  await build(folder)
  const script = join(folder, 'bench.ts')
  await run(process.execPath, ['--expose-gc', script, '--rounds', String(command.rounds)], here)
}

/** Installs what this bench needs, and nothing if the lockfile has not changed since. */
async function install(folder: string, name: string): Promise<void> {
  const installed = join(here, 'node_modules', '.pnpm', 'lock.yaml')
  const ready =
    existsSync(installed) &&
    readFileSync(installed, 'utf8') === readFileSync(join(here, 'pnpm-lock.yaml'), 'utf8') &&
    existsSync(join(folder, 'node_modules'))
  if (ready) return
  console.log(`installing what bench/${name} compares with ...`)
  await run('pnpm', ['install', '--frozen-lockfile', '--loglevel=warn'], here)
}

/** Builds those of our packages that the bench links, when their sources are newer than `dist`. */
async function build(folder: string): Promise<void> {
  for (const path of linkedPackages(folder)) {
    if (!isStale(path)) continue
    console.log(`building ${path.slice(dirname(here).length + 1)} ...`)
    await run('pnpm', ['--silent', 'run', 'build', '--silent'], path)
  }
}

function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const shell = process.platform === 'win32' && command === 'pnpm'
    const child = spawn(command, args, { cwd, env, stdio: 'inherit', shell })
    // The terminal sends Ctrl-C to the child as well; we only wait for it to clean up and end.
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
    const ignore = (): void => {}
    process.on('SIGINT', ignore)
    process.on('SIGTERM', forward)
    child.on('error', (error) => reject(new Error(`Cannot run ${command}: ${error.message}`)))
    child.on('exit', (code, signal) => {
      process.off('SIGINT', ignore)
      process.off('SIGTERM', forward)
      if (code === 0) resolve()
      else reject(new Error(`${command} ${args[0]} ended with ${signal ?? `exit code ${code}`}`))
    })
  })
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
