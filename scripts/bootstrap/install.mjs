import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from './capture.mjs'
import { explain } from './fail.mjs'
import { withProgress } from './progress.mjs'

/** Written after an install has succeeded, taken away before one begins; goes with `node_modules`. */
const MARKER = join('node_modules', '.quorate-installed')

/**
 * Whether `node_modules` is what the lockfile and the manifests ask for. Reads some twenty small files.
 *
 * @param {string} root
 * @returns {boolean}
 */
export function isInstalled(root) {
  try {
    return readFileSync(join(root, MARKER), 'utf8') === fingerprint(root)
  } catch {
    return false
  }
}

/**
 * Installs the workspace from its lockfile. To be called under the lock.
 *
 * @param {string} root
 * @param {import('./toolchain.mjs').Toolchain} tools
 * @param {Record<string, string>} env
 * @returns {Promise<void>}
 */
export async function installWorkspace(root, tools, env) {
  const marker = join(root, MARKER)
  const before = fingerprint(root)
  rmSync(marker, { force: true })
  let state = ''
  const args = ['install', '--frozen-lockfile', '--reporter=append-only', '--prefer-offline']
  // pnpm's own back-off goes on for many minutes when there is no network at all.
  args.push(
    '--config.fetch-retries=2',
    '--config.fetch-retry-mintimeout=200',
    '--config.fetch-retry-maxtimeout=1000',
  )
  await withProgress(
    'installing packages',
    async () => {
      const { status, output } = await capture(tools.pnpm, args, {
        cwd: root,
        env: { ...env, CI: 'true' }, // never ask a question
        onOutput: (text) => (state = lastProgress(text)),
      })
      if (status !== 0) throw explain('install packages', output, 'See what pnpm said')
    },
    { detail: () => state },
  )
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  writeFileSync(marker, before)
}

/**
 * Changes whenever an install could have another result.
 *
 * @param {string} root
 * @returns {string}
 */
export function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']
  for (const folder of workspaceFolders(root)) files.push(join(folder, 'package.json'))
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0')
  return hash.digest('hex')
}

/**
 * The members of the workspace, relative to its root, read from the `packages:` list of pnpm-workspace.yaml
 * (names and `folder/*` only; a YAML parser is not to be had before the first install).
 *
 * @param {string} root
 * @returns {string[]}
 */
export function workspaceFolders(root) {
  const yaml = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const list = /^packages:\n((?: +- .*\n)+)/m.exec(yaml)?.[1] ?? ''
  const patterns = list.split('\n').map((line) => line.replace(/^ +- +/, '').replaceAll(/['"]/g, ''))
  const folders = patterns.filter(Boolean).flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern]
    const parent = pattern.slice(0, -2)
    if (!existsSync(join(root, parent))) return []
    return readdirSync(join(root, parent)).map((name) => join(parent, name))
  })
  return folders.filter((folder) => existsSync(join(root, folder, 'package.json'))).toSorted()
}

/**
 * The latest of pnpm's progress lines, shortened.
 *
 * @param {string} text
 */
function lastProgress(text) {
  const last = text.lastIndexOf('Progress: ')
  if (last === -1) return ''
  const [, resolved, reused, downloaded] =
    /resolved (\d+), reused (\d+), downloaded (\d+)/.exec(text.slice(last)) ?? []
  return resolved === undefined ? '' : `${Number(reused) + Number(downloaded)} of ${resolved}`
}
