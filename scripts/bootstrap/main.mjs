import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInOurPlace } from './child.mjs'
import { cleanEnvironment, withPath } from './environment.mjs'
import { UserError } from './fail.mjs'
import { installWorkspace, isInstalled } from './install.mjs'
import { withLock } from './lock.mjs'
import { checkPlatform } from './platform.mjs'
import { fetchToolchain, findToolchain } from './toolchain.mjs'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const HELP = `node scripts/run.mjs COMMAND [ARGUMENTS]

Fetches what this machine lacks (a modern Node, pnpm, the packages), then runs:

  start [ARGS]      ShopFleet, the example shop         = npm start -- ARGS
  test [ARGS]       every check and test                = npm test -- ARGS
  bench [ARGS]      the benches                         = npm run bench -- ARGS
  exec PROGRAM …    any program, with the tools on PATH
  pnpm ARGS         pnpm itself
  prepare           nothing more
  SCRIPT [ARGS]     a script of package.json:`

/**
 * @param {readonly string[]} args as given on the command line
 * @returns {Promise<number>} the exit code: 2 when something cannot be had or was not understood
 */
export async function main([command, ...args]) {
  try {
    const scripts = scriptsOf(ROOT)
    if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
      const names = Object.keys(scripts).filter((name) => !['start', 'test', 'bench'].includes(name))
      process.stdout.write(`${HELP} ${names.join(', ')}\n`)
      return command === undefined ? 2 : 0
    }
    const known = [...new Set(['start', 'test', 'bench', 'exec', 'pnpm', 'prepare', ...Object.keys(scripts)])]
    if (!known.includes(command)) {
      throw new UserError(`Unknown command ${command}`, `Use one of ${known.join(', ')}`)
    }
    if (command === 'exec' && args.length === 0) {
      throw new UserError('Nothing to exec', 'Name a program: node scripts/run.mjs exec vitest')
    }
    checkPlatform(process)
    // pnpm itself is what mends a lockfile that does not fit, so it must not need one that does.
    const { tools, env } = await prepare(ROOT, { install: command !== 'pnpm' })
    return await run(command, args, tools, env)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    console.error(`\n${error.message}\n${error.advice}`)
    return 2
  }
}

/**
 * Makes sure that the tools and the packages are there; touches nothing when they are.
 *
 * @param {string} root
 * @param {{ install: boolean }} options whether the packages are wanted, or the tools alone
 * @returns {Promise<{ tools: import('./toolchain.mjs').Toolchain, env: Record<string, string> }>}
 */
async function prepare(root, { install }) {
  const ready = () => !install || isInstalled(root)
  const clean = cleanEnvironment(process.env, root)
  let tools = findToolchain(root, clean)
  if (tools === undefined || !ready()) {
    await withLock(
      join(root, '.toolchain', 'lock'),
      async () => {
        // Judged again: whoever had the lock before us may have done it all.
        tools = findToolchain(root, clean)
        if (tools === undefined) {
          await fetchToolchain(root, clean)
          tools = findToolchain(root, clean)
        }
        if (tools !== undefined && !ready()) {
          await installWorkspace(root, tools, withPath(clean, tools.path))
        }
      },
      {
        onWait: (owner) =>
          console.error(`waiting for process ${owner?.pid ?? '?'}, which is preparing this checkout …`),
      },
    )
  }
  if (tools === undefined) throw new Error('The toolchain was fetched and is not there')
  const env = withPath(clean, [...tools.path, join(root, 'node_modules', '.bin')])
  return { tools, env }
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('./toolchain.mjs').Toolchain} tools
 * @param {Record<string, string>} env
 * @returns {Promise<number>}
 */
async function run(command, args, tools, env) {
  switch (command) {
    case 'prepare':
      return 0
    case 'start': {
      const cwd = join(ROOT, 'examples', 'shopfleet')
      // Paths on the command line are the caller's; npm says where that is, and so do we.
      const called = { ...env, INIT_CWD: process.env['INIT_CWD'] ?? process.cwd() }
      return runScript(scriptsOf(cwd)['start'], args, cwd, called)
    }
    case 'test':
      return runInOurPlace(tools.node, [join(ROOT, 'scripts', 'test.ts'), ...args], { cwd: ROOT, env })
    case 'bench':
      return runInOurPlace(tools.node, [join(ROOT, 'bench', 'run.ts'), ...args], { cwd: ROOT, env })
    case 'exec':
      return runScript('--', args, process.cwd(), env)
    case 'pnpm':
      return runInOurPlace(tools.pnpm, args, { cwd: process.cwd(), env })
    default:
      return runInOurPlace(tools.pnpm, ['run', command, ...args], { cwd: ROOT, env })
  }
}

/**
 * Runs one program written as a package script, without a package manager or a shell left in between: they would
 * swallow exit codes and double signals.
 *
 * @param {string | undefined} script a single command, variables before it allowed; '--' if it is all in the arguments
 * @param {readonly string[]} args
 * @param {string} cwd
 * @param {Record<string, string>} env
 */
function runScript(script, args, cwd, env) {
  const path = [join(cwd, 'node_modules', '.bin'), env['PATH']].join(delimiter)
  return runInOurPlace('/bin/sh', ['-c', `exec env ${script} "$@"`, 'sh', ...args], {
    cwd,
    env: { ...env, PATH: path },
  })
}

/**
 * @param {string} folder
 * @returns {Record<string, string>}
 */
function scriptsOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).scripts ?? {}
}
