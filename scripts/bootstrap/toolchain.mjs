import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { capture } from './capture.mjs'
import { withPath } from './environment.mjs'
import { explain, UserError } from './fail.mjs'
import { isMusl, NODE_VERSION, nodeIsModern, packagesFor, PNPM_VERSION } from './platform.mjs'
import { withProgress } from './progress.mjs'

/**
 * Where the tools are.
 *
 * @typedef {{ node: string, pnpm: string, path: string[] }} Toolchain `path`: folders to put first on PATH
 *
 * What this checkout still has to fetch: package name → version.
 * @typedef {Record<string, string>} Wanted
 */

/**
 * Looks for the tools without fetching anything.
 *
 * @param {string} root
 * @param {Record<string, string>} env
 * @returns {Toolchain | undefined}
 */
export function findToolchain(root, env) {
  const modules = join(root, '.toolchain', 'node_modules')
  const bin = join(modules, '.bin')
  /** @type {string | undefined} */
  let node = nodeIsModern(process.versions.node) ? process.execPath : undefined
  if (node === undefined) {
    const name = packagesFor({ ...machine(), musl: false }).node
    if (hasVersion(join(modules, name), NODE_VERSION)) node = join(modules, name, 'bin', 'node')
  }
  if (node === undefined) return undefined

  const { pnpm: pnpmName } = packagesFor({ ...machine(), musl: false })
  if (hasVersion(join(modules, pnpmName), PNPM_VERSION)) {
    return { node, pnpm: join(modules, pnpmName, 'pnpm'), path: [dirname(node), bin] }
  }
  if (hasOwnPnpm(root, env)) return { node, pnpm: 'pnpm', path: [dirname(node)] }
  return undefined
}

/**
 * Fetches Node and pnpm from npm into `.toolchain/`, which is replaced as a whole: nobody ever sees half of it.
 * To be called under the lock.
 *
 * @param {string} root
 * @param {Record<string, string>} env
 * @returns {Promise<void>}
 */
export async function fetchToolchain(root, env) {
  const home = join(root, '.toolchain')
  const names = packagesFor({ ...machine(), musl: isMusl() })
  /** @type {Wanted} */
  const wanted = {}
  if (!nodeIsModern(process.versions.node)) wanted[names.node] = NODE_VERSION
  if (!hasOwnPnpm(root, env)) wanted[names.pnpm] = PNPM_VERSION

  for (const left of readdirSync(home)) {
    if (/^(staging|old)-/.test(left)) rmSync(join(home, left), { recursive: true, force: true }) // of one that died
  }
  const staging = join(home, `staging-${process.pid}`)
  mkdirSync(staging, { recursive: true })
  try {
    writeFileSync(join(staging, 'package.json'), '{ "private": true }\n')
    const title = Object.entries(wanted).map(
      ([name, version]) => `${name === names.node ? 'Node' : 'pnpm'} ${version}`,
    )
    await withProgress(`fetching ${title.join(' and ')} into .toolchain/ (once)`, () =>
      npmInstall(staging, wanted, env),
    )
    const modules = join(staging, 'node_modules')
    if (wanted[names.node] !== undefined) checkRuns(join(modules, names.node, 'bin', 'node'), env)
    if (wanted[names.pnpm] !== undefined) {
      checkRuns(join(modules, names.pnpm, 'pnpm'), env)
      mkdirSync(join(modules, '.bin'), { recursive: true })
      symlinkSync(join('..', names.pnpm, 'pnpm'), join(modules, '.bin', 'pnpm'))
    }
    const final = join(home, 'node_modules')
    if (existsSync(final)) renameSync(final, join(home, `old-${process.pid}`))
    renameSync(modules, final)
  } finally {
    rmSync(staging, { recursive: true, force: true })
    rmSync(join(home, `old-${process.pid}`), { recursive: true, force: true })
  }
}

const BY_HAND = `Or install Node ${NODE_VERSION} (any 22.18+ or 24.11+) and pnpm ${PNPM_VERSION} yourself, then run this again`

/**
 * @param {string} prefix
 * @param {Wanted} wanted
 * @param {Record<string, string>} env
 */
async function npmInstall(prefix, wanted, env) {
  const args = [
    'install',
    '--prefix',
    prefix,
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--ignore-scripts',
  ]
  args.push(
    '--loglevel=error',
    '--fetch-retries=3',
    '--fetch-retry-mintimeout=500',
    '--fetch-retry-maxtimeout=3000',
  )
  args.push(...Object.entries(wanted).map(([name, version]) => `${name}@${version}`))
  // The npm that runs us, else the one on the PATH.
  const cli = process.env['npm_execpath']
  const [command, first] = cli?.endsWith('npm-cli.js') ? [process.execPath, [cli]] : ['npm', []]
  const { status, output } = await capture(command, [...first, ...args], { cwd: prefix, env })
  if (status === 0) return
  if (status === 127) {
    throw new UserError(
      'Cannot fetch a modern Node and pnpm: there is no npm to fetch them with',
      `Install npm. ${BY_HAND}`,
    )
  }
  const failure = explain('fetch Node and pnpm', output, 'See what npm said')
  throw new UserError(failure.message, `${failure.advice}. ${BY_HAND}`)
}

/**
 * @param {string} binary
 * @param {Record<string, string>} env
 */
function checkRuns(binary, env) {
  const { status, error, stderr } = spawnSync(binary, ['--version'], { env, encoding: 'utf8' })
  if (status === 0) return
  throw new UserError(
    `Cannot run what was fetched, ${binary}: ${error?.message ?? stderr.trim().split('\n')[0]}`,
    `This system may be too old for it, or the disk may forbid running programs. ${BY_HAND}`,
  )
}

/**
 * Whether the machine has the right pnpm already. Asked outside the checkout, so that it does not try to switch
 * to another version of itself.
 *
 * @param {string} root
 * @param {Record<string, string>} env
 */
function hasOwnPnpm(root, env) {
  const { status, stdout } = spawnSync('pnpm', ['--version'], {
    cwd: dirname(root),
    env: { ...withPath(env, []), COREPACK_ENABLE_NETWORK: '0', COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return status === 0 && stdout.trim().split('.')[0] === PNPM_VERSION.split('.')[0]
}

/**
 * @param {string} folder
 * @param {string} version
 */
function hasVersion(folder, version) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version === version
  } catch {
    return false
  }
}

function machine() {
  return { platform: process.platform, arch: process.arch }
}
