/**
 * Something the person at the keyboard can mend: shown without a stack, exit code 2.
 * The message says what cannot be done and why; `advice` says what to do.
 */
export class UserError extends Error {
  /**
   * @param {string} message
   * @param {string} advice
   */
  constructor(message, advice) {
    super(message)
    this.name = 'UserError'
    this.advice = advice
  }
}

/**
 * Words for the ways in which a package manager fails, found by what it prints. First match wins.
 *
 * @type {readonly (readonly [pattern: RegExp, because: string, advice: string])[]}
 */
const CAUSES = [
  [
    /ENOSPC|no space left/i,
    'the disk is full',
    'Free about 1 GB, or set TMPDIR, npm_config_cache and the checkout to a disk with room',
  ],
  [
    /EACCES|EPERM|permission denied|EROFS|read-only file system/i,
    'a file or folder cannot be written',
    'Run as the owner of this folder, or give yourself write permission on it',
  ],
  [
    /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|certificate|UnknownIssuer/i,
    'the certificate of the package registry is not trusted',
    'Point NODE_EXTRA_CA_CERTS (and npm\'s "cafile" setting) at the certificate of your proxy',
  ],
  [
    /ERR_PNPM_OUTDATED_LOCKFILE|lockfile.*(out of date|not up to date|not up-to-date)/is,
    'pnpm-lock.yaml does not match the package.json files',
    'Run `node scripts/run.mjs pnpm install` and commit the lockfile',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|fetch failed|META_FETCH_FAIL|dns error|network|error sending request|Connection refused|timed out/i,
    'the npm package registry does not answer',
    'Connect to the internet, or set npm\'s "registry" and "proxy" settings, and run this again: what was fetched is kept',
  ],
  [
    /E404|404 Not Found|ETARGET|No match(ing)? (found|version)/i,
    'the registry does not have a package that is needed',
    'Use a registry that mirrors all of npm (see `npm config get registry`)',
  ],
]

/**
 * @param {string} what what was tried, as "fetch Node 24"
 * @param {string} output all that the tool printed
 * @param {string} otherwise what to do if the output says nothing known
 * @returns {UserError}
 */
export function explain(what, output, otherwise) {
  const known = CAUSES.find(([pattern]) => pattern.test(output))
  const shown = output.trim().split('\n').slice(0, 12).join('\n')
  if (known === undefined) return new UserError(`Cannot ${what}:\n${shown}`, otherwise)
  const [, because, advice] = known
  const line = output.split('\n').find((text) => known[0].test(text)) ?? ''
  return new UserError(`Cannot ${what}: ${because}\n  ${line.trim()}`, advice)
}
