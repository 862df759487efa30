import { UserError } from './fail.mjs'

/** The Node that is fetched when the machine's own is too old for the tools. */
export const NODE_VERSION = '24.21.0'
/** The pnpm that is fetched when the machine has none of this major version. */
export const PNPM_VERSION = '12.21.0'

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']

/**
 * The tightest range among the tools: ^22.18 || ^24.11 || >=26.
 *
 * @param {string} version as `process.versions.node`
 * @returns {boolean}
 */
export function nodeIsModern(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return (major === 22 && minor >= 18) || (major === 24 && minor >= 11) || major >= 26
}

/**
 * @param {{ platform: string, arch: string }} machine
 * @throws {UserError} if the databases this repository runs are not built for it.
 */
export function checkPlatform({ platform, arch }) {
  if (PLATFORMS.includes(`${platform}-${arch}`)) return
  throw new UserError(
    `Cannot run on ${platform}-${arch}: Quorate's tests and examples start real Postgres and Redis servers, which exist for ${PLATFORMS.join(', ')}`,
    platform === 'win32'
      ? 'On Windows, clone this repository inside WSL 2 and run it there'
      : 'Run it on one of these',
  )
}

/**
 * Names of the npm packages that carry a Node and a pnpm for this machine, as plain binaries: half the
 * size of the packages `node` and `pnpm`, and no install script that somebody's npm settings may forbid.
 *
 * @param {{ platform: string, arch: string, musl: boolean }} machine
 * @returns {{ node: string, pnpm: string }}
 * @throws {UserError} on a musl system, for which npm has no Node.
 */
export function packagesFor({ platform, arch, musl }) {
  if (musl) {
    throw new UserError(
      'Cannot fetch a modern Node: none is published on npm for musl systems such as Alpine',
      `Install Node ${NODE_VERSION} and pnpm ${PNPM_VERSION} yourself, or use a glibc system such as Debian`,
    )
  }
  const prefix = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'
  return { node: `${prefix}-${platform}-${arch}`, pnpm: `@pnpm/exe.${platform}-${arch}` }
}

/** @returns {boolean} whether this process runs on musl instead of glibc. */
export function isMusl() {
  if (process.platform !== 'linux') return false
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report.getReport())
  return report.header?.glibcVersionRuntime === undefined
}
