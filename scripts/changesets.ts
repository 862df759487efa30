// Every change that users of a package see has a changeset: a package that was never released needs one at all, a
// released one needs one if its source changed since its version last did. Unlike `changeset status --since` this
// needs neither a remote nor a base branch; in a checkout without history only the first half can be judged.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Problem, report } from './lib/check.ts'
import { git } from './lib/tracked.ts'
import { type Package, packages, ROOT } from './lib/workspace.ts'

export interface Changeset {
  readonly file: string
  /** Package name → `major`, `minor` or `patch`. */
  readonly releases: Readonly<Record<string, string>>
  readonly summary: string
}

/**
 * Reads the one form that changesets have: `'name': bump` lines between two `---`, then text.
 *
 * @throws SyntaxError if it has another.
 */
export function parseChangeset(file: string, text: string): Changeset {
  const match = /^---\r?\n(.*?)\r?\n?---\r?\n?(.*)$/s.exec(text)
  if (match === null) throw new SyntaxError('must begin with lines of package: bump between two ---')
  const releases: Record<string, string> = {}
  for (const line of (match[1] ?? '').split('\n').filter((content) => content.trim() !== '')) {
    const [, name, bump] = /^\s*["']?([^"':]+)["']?\s*:\s*["']?(\w+)["']?\s*$/.exec(line) ?? []
    if (name === undefined || bump === undefined) throw new SyntaxError(`cannot read the line ${line.trim()}`)
    releases[name] = bump
  }
  return { file, releases, summary: (match[2] ?? '').trim() }
}

export interface Facts {
  readonly packages: readonly Package[]
  readonly changesets: readonly Changeset[]
  /** Whether a package's files changed since its version did; `undefined` if there is no history to tell. */
  readonly changedSinceRelease: (one: Package) => boolean | undefined
}

export function changesetProblems({ packages: all, changesets, changedSinceRelease }: Facts): Problem[] {
  const problems: Problem[] = []
  const known = new Map(all.map((one) => [one.manifest.name, one]))
  for (const { file, releases, summary } of changesets) {
    if (summary === '')
      problems.push({ file, message: 'says nothing: what changed, and what should the reader do?' })
    for (const [name, bump] of Object.entries(releases)) {
      const one = known.get(name)
      if (one === undefined) problems.push({ file, message: `names ${name}, which is no package here` })
      else if (one.manifest.private === true)
        problems.push({ file, message: `names ${name}, which is private` })
      if (!['major', 'minor', 'patch'].includes(bump)) {
        problems.push({ file, message: `bump of ${name} must be major, minor or patch, not ${bump}` })
      }
    }
  }
  const announced = new Set(changesets.flatMap(({ releases }) => Object.keys(releases)))
  for (const one of all) {
    if (one.manifest.private === true || announced.has(one.manifest.name)) continue
    const file = join(one.path, 'package.json')
    if (one.manifest.version === '0.0.0') {
      problems.push({
        file,
        message: `was never released and has no changeset; add .changeset/${one.folder}.md`,
      })
    } else if (changedSinceRelease(one) === true) {
      problems.push({
        file,
        message: 'changed since its last release and has no changeset; run pnpm changeset',
      })
    }
  }
  return problems
}

/** Compares what users get (source and manifest) with the commit that last changed the version. */
function changedInGit({ path, manifest }: Package): boolean | undefined {
  const folder = relative(ROOT, path)
  const pattern = `"version": "${manifest.version}"`
  const found = git(ROOT, ['log', '-1', '--format=%H', `-S${pattern}`, '--', join(folder, 'package.json')])
  const released = found.stdout.trim()
  if (found.status !== 0 || released === '') return undefined
  const users = ['src', 'package.json'].map((name) => join(folder, name))
  return (
    git(ROOT, ['diff', '--quiet', released, '--', ...users, `:(exclude)${folder}/**/*.test.ts`]).status === 1
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = join(ROOT, '.changeset')
  const problems: Problem[] = []
  const changesets = readdirSync(folder)
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .flatMap((name) => {
      const file = join(folder, name)
      try {
        return [parseChangeset(file, readFileSync(file, 'utf8'))]
      } catch (error) {
        problems.push({ file, message: (error as Error).message })
        return []
      }
    })
  problems.push(...changesetProblems({ packages: packages(), changesets, changedSinceRelease: changedInGit }))
  report('changesets', `${changesets.length} changesets`, problems)
}
