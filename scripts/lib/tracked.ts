import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Folders that a checkout without git (an unpacked archive) is not searched in. */
const UNTRACKED = new Set([
  'node_modules',
  'dist',
  '.toolchain',
  '.reports',
  '.shopfleet',
  '.git',
  'coverage',
])

/**
 * Files that are, or would be, committed: tracked ones and new ones that no ignore rule covers.
 *
 * @returns paths relative to `root`, sorted.
 */
export function trackedFiles(root: string): string[] {
  const { status, stdout } = git(root, ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
  if (status === 0) return [...new Set(stdout.split('\0'))].filter(Boolean).toSorted()
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      if (UNTRACKED.has(entry.name)) return []
      const path = join(folder, entry.name)
      return entry.isDirectory() ? walk(path) : entry.isFile() ? [path] : []
    })
  return walk('').toSorted()
}

/** Runs git on a checkout that may belong to another user, which git by itself refuses. */
export function git(root: string, args: readonly string[]): { status: number; stdout: string } {
  const { status, stdout } = spawnSync('git', ['-c', 'safe.directory=*', ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return { status: status ?? 1, stdout: stdout ?? '' }
}
