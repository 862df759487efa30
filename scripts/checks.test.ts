import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { changesetProblems, parseChangeset } from './changesets.ts'
import { type Manifest, packages, ROOT } from './lib/workspace.ts'
import { trackedFiles } from './lib/tracked.ts'
import { manifestProblems } from './manifests.ts'
import { createPackage, NameError } from './new-package/create.ts'
import { checkSnippets } from './readmes.ts'
import { codeBlocks, firstProgram } from './readmes/blocks.ts'
import { machineBound } from './tracked-files.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'quorate checks '))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A workspace with nothing but the template. */
function emptyWorkspace(): void {
  const skip = /[\\/](node_modules|dist)$/
  cpSync(join(ROOT, 'packages', '_template'), join(folder, 'packages', '_template'), {
    recursive: true,
    filter: (source) => !skip.test(source),
  })
  mkdirSync(join(folder, '.changeset'))
}

describe('createPackage()', () => {
  test('makes a package that its own checks accept, with no trace of the template', () => {
    emptyWorkspace()
    const files = createPackage(folder, 'leader-election')
    const made = packages(folder).find((one) => one.folder === 'leader-election')
    expect(made?.manifest).toMatchObject({ name: '@quorate/leader-election', version: '0.0.0' })
    expect(made?.manifest.private).toBe(undefined)
    expect(made === undefined ? ['not made'] : manifestProblems(made)).toEqual([])
    for (const file of files) expect(readFileSync(file, 'utf8')).not.toMatch(/template/i)
    expect(readdirSync(join(folder, 'packages', 'leader-election', 'src')).toSorted()).toEqual([
      'index.ts',
      'leader-election.prop.test.ts',
      'leader-election.test.ts',
      'leader-election.ts',
    ])
    const source = readFileSync(join(folder, 'packages/leader-election/src/leader-election.ts'), 'utf8')
    expect(source).toContain('export class LeaderElection<T>')
    const tests = readFileSync(join(folder, 'packages/leader-election/src/leader-election.test.ts'), 'utf8')
    expect(tests).toContain('const leaderElection = new LeaderElection')
    const changeset = join(folder, '.changeset', 'leader-election.md')
    expect(parseChangeset(changeset, readFileSync(changeset, 'utf8')).releases).toEqual({
      '@quorate/leader-election': 'minor',
    })
  })

  test.each(['', 'Leader', 'leader_election', '-a', 'a-', 'a--b', '../x', '1st', 'x'.repeat(61), 'template'])(
    'refuses the name %j and makes nothing',
    (name) => {
      emptyWorkspace()
      expect(() => createPackage(folder, name)).toThrow(NameError)
      expect(readdirSync(join(folder, 'packages'))).toEqual(['_template'])
    },
  )

  test('refuses a name that is taken', () => {
    emptyWorkspace()
    createPackage(folder, 'once')
    expect(() => createPackage(folder, 'once')).toThrow(/exists; choose another/)
  })
})

describe('manifestProblems()', () => {
  const problemsAfter = (change: (manifest: Record<string, unknown>) => void): string[] => {
    emptyWorkspace()
    createPackage(folder, 'demo')
    const file = join(folder, 'packages', 'demo', 'package.json')
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    change(manifest)
    writeFileSync(file, JSON.stringify(manifest))
    const one = packages(folder).find((found) => found.folder === 'demo')
    return one === undefined ? ['not made'] : manifestProblems(one)
  }

  test('finds exports that differ from what is published', () => {
    const found = problemsAfter((manifest) => {
      const exports = manifest['exports'] as Record<string, unknown>
      exports['./redis'] = {
        '@quorate/source': './src/redis/index.ts',
        import: { types: './dist/redis/index.d.ts', default: './dist/redis/index.js' },
        require: { types: './dist/redis/index.d.cts', default: './dist/redis/index.cjs' },
      }
    })
    expect(found).toEqual([
      'exports["./redis"] points at ./src/redis/index.ts, which does not exist',
      'publishConfig.exports must be exports without the "@quorate/source" condition',
      'size-limit has no entry for dist/redis/index.js',
    ])
  })

  test.each([
    [{ license: 'ISC' }, 'license must be MIT'],
    [{ keywords: [] }, 'keywords are missing: people search by them'],
    [{ name: '@quorate/other' }, 'name must be @quorate/demo'],
    [{ engines: {} }, 'engines.node must be >=22.12'],
    [{ 'size-limit': [] }, 'size-limit has no entry for dist/index.js'],
    [
      { peerDependencies: { pg: '*' }, devDependencies: { pg: '*' } },
      'peer pg must be optional: nobody installs a driver that they do not use',
    ],
  ])('%j: %s', (change, message) => {
    expect(problemsAfter((manifest) => Object.assign(manifest, change))).toEqual([message])
  })
})

describe('changesets', () => {
  const one = (name: string, rest: Partial<Manifest> = {}) => ({
    folder: name,
    path: `/packages/${name}`,
    manifest: { name: `@quorate/${name}`, version: '0.0.0', ...rest },
  })
  const check = (all: ReturnType<typeof one>[], texts: string[], changed?: boolean): string[] =>
    changesetProblems({
      packages: all,
      changesets: texts.map((text, index) => parseChangeset(`${index}.md`, text)),
      changedSinceRelease: () => changed,
    }).map(({ message }) => message)
  const minor = "---\n'@quorate/a': minor\n---\n\nFirst version.\n"

  test('a package that was never released needs one', () => {
    expect(check([one('a')], [minor])).toEqual([])
    expect(check([one('a'), one('b')], [minor])).toEqual([expect.stringContaining('add .changeset/b.md')])
    expect(check([one('a', { private: true })], [])).toEqual([])
  })

  test('a released one needs it when it changed, and not when nobody can tell', () => {
    const released = [one('a', { version: '1.2.0' })]
    expect(check(released, [], true)).toHaveLength(1)
    expect(check(released, [], false)).toEqual([])
    expect(check(released, [], undefined)).toEqual([])
  })

  test('unknown packages, unknown bumps and silence are found', () => {
    expect(check([], [minor])).toEqual([expect.stringContaining('which is no package here')])
    expect(check([one('a')], ["---\n'@quorate/a': huge\n---\n\nx\n"])).toEqual([
      expect.stringContaining('not huge'),
    ])
    expect(check([one('a')], ["---\n'@quorate/a': minor\n---\n"])).toEqual([
      expect.stringContaining('says nothing'),
    ])
    expect(() => parseChangeset('x.md', 'First version.')).toThrow(SyntaxError)
  })
})

describe('README snippets', () => {
  test('codeBlocks() gives language, code and line, and is not fooled by a fence inside a longer one', () => {
    const text = '# A\n\n```ts\nlet a = 1\n```\n\n````md\n```ts\nno\n```\n````\n\n```\nout\n```\n'
    expect(codeBlocks(text)).toEqual([
      { language: 'ts', code: 'let a = 1\n', line: 4 },
      { language: 'md', code: '```ts\nno\n```\n', line: 8 },
      { language: '', code: 'out\n', line: 14 },
    ])
  })

  test('firstProgram() is the first ts block, if its output follows at once', () => {
    const program = '```sh\nnpm i\n```\n\n```ts\nlog(1)\n```\n'
    expect(firstProgram(`${program}\n\n\`\`\`\n1\n\`\`\`\n`)).toEqual({ code: 'log(1)\n', output: '1\n' })
    expect(firstProgram(`${program}\n# A\n\nb\n\nc\n\nd\n\`\`\`\n1\n\`\`\`\n`)).toBe(undefined)
    expect(firstProgram(program)).toBe(undefined)
    expect(firstProgram('# A')).toBe(undefined)
  })

  test('checkSnippets() accepts a program that compiles and points at the line of one that does not', () => {
    const readme = join(ROOT, 'packages', 'core', 'README.md')
    const good = "import { VirtualClock } from '@quorate/core'\nawait new VirtualClock().advance(1)\n"
    const bad = "import { VirtualClock } from '@quorate/core'\nnew VirtualClock().advance('soon')\n"
    const snippets = [
      { readme, line: 10, code: good },
      { readme, line: 20, code: bad },
    ]
    expect(checkSnippets(snippets, [])).toEqual([
      { file: readme, line: 21, message: expect.stringContaining('TS2345') },
    ])
  }, 30_000)
})

describe('tracked files', () => {
  // Put together here, so that the check does not find its own test.
  const slash = '/'
  test.each([
    [`see "${slash}tmp/pg.log"`, 1],
    [`cd ${slash}work/main`, 1],
    [['https://registry', 'npmjs.org/pg'].join('.'), 1],
    ['/here/quorate/x', 1],
    ['https://example.com/tmp/x and ./tmp/x and src/work/a.ts', 0],
    ['join(tmpdir(), "x")', 0],
  ])('machineBound(%j) finds %i', (text, count) => {
    expect(machineBound(`first line\n${text}`, ['/here/quorate'])).toHaveLength(count)
  })

  test('trackedFiles() also works where there is no git', () => {
    mkdirSync(join(folder, 'node_modules'))
    mkdirSync(join(folder, 'src'))
    for (const file of ['node_modules/a.js', 'src/b.ts', 'c.md']) writeFileSync(join(folder, file), '')
    expect(trackedFiles(folder)).toEqual(['c.md', 'src/b.ts'])
    expect(existsSync(join(ROOT, '.git')) ? trackedFiles(ROOT) : ['package.json']).toContain('package.json')
  })
})
