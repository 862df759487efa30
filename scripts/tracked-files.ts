// Nothing that is committed may name a path or a package registry of one machine: it would be wrong on every other.
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Problem, report } from './lib/check.ts'
import { trackedFiles } from './lib/tracked.ts'
import { ROOT } from './lib/workspace.ts'

const MAX_BYTES = 2_000_000

/** Written so that this file does not find itself. */
const PATTERNS: ReadonlyArray<readonly [what: string, pattern: RegExp]> = [
  ['a path of one machine', /(?<![\w.:/@~-])\/(?:work|farm|tmp|root|Users)\/[a-z]/],
  ['a package registry', /registry\.(?:npm|yarn|node-?modules)[a-z]*\.|npm\.(?:pkg)\.|deb\.(?:debian)\./],
]

/** What in a text is bound to one machine: line (from 1) and words. */
export function machineBound(
  text: string,
  here: readonly string[],
): Array<{ line: number; message: string }> {
  return text.split('\n').flatMap((content, index) => {
    const line = index + 1
    const own = here.find((path) => content.includes(path))
    if (own !== undefined) return [{ line, message: `a path of this machine: ${own}` }]
    return PATTERNS.flatMap(([what, pattern]) => {
      const match = pattern.exec(content)
      return match === null ? [] : [{ line, message: `${what}: ${match[0]}…` }]
    })
  })
}

/** Paths worth looking for: of this checkout and of this user, unless so short that they mean nothing. */
function pathsOfThisMachine(): string[] {
  return [ROOT, homedir()].filter((path) => path.split('/').length > 2)
}

/** `undefined` if it is gone since it was listed, as what a program of another check wrote for a moment. */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = trackedFiles(ROOT)
  const problems: Problem[] = files.flatMap((name) => {
    const file = join(ROOT, name)
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat === undefined || !stat.isFile() || stat.size > MAX_BYTES) return []
    const text = contentOf(file)
    if (text === undefined) return []
    if (text.includes('\0')) return [] // binary
    return machineBound(text, pathsOfThisMachine()).map((found) => ({ file, ...found }))
  })
  report('tracked-files', `${files.length} files`, problems)
}
