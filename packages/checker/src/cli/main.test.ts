import { spawn } from 'node:child_process'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { KINDS } from './checks.ts'
import { main } from './main.ts'

const GOOD = `{:process 0, :type :invoke, :f :write, :value 3}
{:process 0, :type :ok, :f :write, :value 3}
{:process 1, :type :invoke, :f :read, :value nil}
{:process 1, :type :ok, :f :read, :value 3}
`
const BAD = GOOD.replace(':read, :value 3', ':read, :value 4')

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quorate-checker-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface World {
  readonly stdin?: readonly (string | Uint8Array)[]
  readonly isTTY?: boolean
  readonly env?: Record<string, string>
}

async function run(argv: readonly string[], { stdin = [], isTTY, env = {} }: World = {}): Promise<Run> {
  let [out, err] = ['', '']
  async function* input(): AsyncGenerator<string | Uint8Array> {
    yield* stdin
  }
  const code = await main(argv, {
    stdout: { write: (text) => (out += text), isTTY },
    stderr: { write: (text) => (err += text), isTTY },
    stdin: input(),
    env,
  })
  return { code, out, err }
}

describe('checker', () => {
  test('exits 0 if the promise was kept', async () => {
    const { code, out, err } = await run([await file('good.edn', GOOD), '--model', 'cas-register'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(
      /^✓ ok {2}linearizable cas-register\n\n.*good\.edn · 2 operations of 2 processes · .* ms\n$/,
    )
  })

  test('exits 1 if it was broken, and says where in file and line', async () => {
    const path = await file('bad.edn', BAD)
    const { code, out } = await run([path, '--model', 'cas-register'])
    expect(code).toBe(1)
    expect(out).toMatch(/^✗ violated {2}linearizable cas-register\n/)
    expect(out).toContain(`${path}:3  #1  process 1: read → 4\n`)
    expect(out).toContain(' · 1 violation · ')
    expect(out).toContain('  Only together are they wrong: without any of them the others are in order.\n')
  })

  test('exits 2 if the history does not tell', async () => {
    const { code, out } = await run([await file('sessions.txt', 'w(0,1,0,0)\n'), '--model', 'register'])
    expect(code).toBe(2)
    expect(out).toMatch(/^\? unknown {2}linearizable register\n.*no real time/)
  })

  test.each<[string, readonly string[], RegExp]>([
    ['no file', [], /^checker: name a file with a history, or - for stdin\nTry checker --help\n$/],
    ['two files', ['a', 'b'], /^checker: one file at a time, not a, b\n/],
    [
      'an unknown option',
      ['a', '--modle', 'x'],
      /^checker: Unknown option '--modle'.*\nTry checker --help\n$/,
    ],
    ['a missing file', ['/no/such/file'], /^checker: Cannot read \/no\/such\/file: there is no such file\n$/],
    ['a folder', [tmpdir()], /^checker: Cannot read .*: it is a folder\n$/],
    [
      'an unknown model',
      ['-', '--model', 'constructor'],
      /^checker: no model "constructor"; there are register, cas-/,
    ],
    ['an unknown level', ['-', '-m', 'rw-register', '-l', 'best'], /^checker: .*level "best"/],
    [
      'a level without a meaning',
      ['-', '-m', 'queue', '-l', 'SI'],
      /^checker: the model queue has no levels/,
    ],
    [
      'an assumption without a meaning',
      ['-', '-m', 'register', '--assume', 'wfr-keys'],
      /takes no --assume\n$/,
    ],
    ['an unknown assumption', ['-', '-m', 'rw-register', '--assume', 'luck'], /"luck"/],
    [
      'a strange guarantee',
      ['-', '-m', 'sessions', '-l', 'SI'],
      /^checker: no session guarantee "SI"; there are read-/,
    ],
    [
      'two orders',
      ['-', '-m', 'sessions', '--assume', 'none,ascending'],
      /^checker: there must be one order of versions/,
    ],
    [
      'a strange variant',
      ['-', '-m', 'causal', '-l', 'RC'],
      /^checker: the level of causal must be cc or ccv, not "RC"/,
    ],
    ['an unknown format', ['-', '--format', 'toString'], /^checker: no format "toString"; there are awdit,/],
    ['another format', ['-', '--format', 'plume'], /^checker: Cannot read stdin:1: .* is not r\(key,/],
    [
      'a strange budget',
      ['-', '--budget-ms', 'soon'],
      /^checker: --budget-ms must be a number above 0, not "soon"\n$/,
    ],
  ])('exits 64 for %s', async (_name, argv, message) => {
    const { code, out, err } = await run(argv, { stdin: [GOOD] })
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(err).toMatch(message)
  })

  test('exits 64 for content that is not a history, with the line', async () => {
    const path = await file('cut.edn', BAD.slice(0, 70))
    const { code, err } = await run([path, '-m', 'register'])
    expect(code).toBe(64)
    expect(err).toMatch(/^checker: Cannot read .*cut\.edn:2: .* is it cut off\?\n$/)
  })

  test('exits 64 for operations that the model does not know', async () => {
    const { code, err } = await run([await file('cas.edn', GOOD), '-m', 'queue'])
    expect(code).toBe(64)
    expect(err).toMatch(/^checker: Cannot check operation #0 \(line 1\): /)
  })

  test('reads stdin in pieces, and what is compressed', async () => {
    const bytes = gzipSync(BAD)
    const pieces = [bytes.subarray(0, 10), bytes.subarray(10)]
    expect(await run(['-', '-m', 'register'], { stdin: pieces })).toMatchObject({ code: 1 })
    expect(await run([await file('bad.edn.gz', bytes), '-m', 'register'])).toMatchObject({ code: 1 })
  })

  test('refuses what decompresses to more than it may take, before it takes it', async () => {
    const bomb = gzipSync(new Uint8Array(50_000_000))
    expect(bomb.length).toBeLessThan(100_000)
    const { code, err } = await run([await file('bomb.gz', bomb), '--max-bytes', '1000000'])
    expect(code).toBe(64)
    expect(err).toMatch(/more than 1000000 bytes; raise --max-bytes/)
    const broken = await run([await file('broken.gz', gzipSync(GOOD).subarray(0, 40))])
    expect(broken.code).toBe(64)
    expect(broken.err).toMatch(/it looks like gzip, but/)
  })

  test('exits 64 for an option that makes no sense for this history', async () => {
    const { code, err } = await run(['-', '-m', 'sessions', '--assume', 'real-time'], {
      stdin: ['w(0,1,0,0)\n'],
    })
    expect(code).toBe(64)
    expect(err).toContain("versionOrder must not be 'real-time' for a history without real time")
  })

  test('exits 64 where an option is missing, and says which', async () => {
    const take = '{:process 0, :type :invoke, :f :take}\n{:process 0, :type :ok, :f :take}'
    const { code, err } = await run(['-', '-m', 'no-oversell'], { stdin: [take] })
    expect({ code, err }).toEqual({ code: 64, err: expect.stringContaining('(--init)') as string })
    expect(await run(['-', '-m', 'no-oversell', '--init', '1'], { stdin: [take] })).toMatchObject({ code: 0 })
  })

  test('sessions: a process that did not see its own write', async () => {
    const stale = `${GOOD}{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 0}\n`
    const argv = ['-', '-m', 'sessions', '--init', '0', '-l']
    const { code, out } = await run([...argv, 'RYW'], { stdin: [stale] })
    expect(code).toBe(1)
    expect(out).toContain('read-your-writes: ')
    expect(await run([...argv, 'monotonic-writes'], { stdin: [stale] })).toMatchObject({ code: 0 })
  })

  test('isolation: names the anomaly, and the level that it rules out', async () => {
    const event = (type: string, process: number, steps: string): string =>
      `{:type ${type}, :process ${process}, :f :txn, :value ${steps}}`
    const skew = [
      event(':invoke', 0, '[[:r :x nil] [:append :y 1]]'),
      event(':invoke', 1, '[[:r :y nil] [:append :x 1]]'),
      event(':ok', 0, '[[:r :x []] [:append :y 1]]'),
      event(':ok', 1, '[[:r :y []] [:append :x 1]]'),
      event(':invoke', 2, '[[:r :x nil] [:r :y nil]]'),
      event(':ok', 2, '[[:r :x [1]] [:r :y [1]]]'),
    ].join('\n')
    const { code, out } = await run(['-', '-l', 'serializable'], { stdin: [skew] })
    expect(code).toBe(1)
    expect(out).toContain('G2-item: ')
    expect(out).toMatch(
      /\nRuled out: repeatable-read, and what is stronger; nothing was found against .*snapshot-isolation/,
    )
    expect(out).toContain('stdin:1  #0  process 0: txn r x → [], append y 1\n')
    expect(await run(['-', '-l', 'SI'], { stdin: [skew] })).toMatchObject({ code: 0 })
  })

  test('--json prints the result, and the operations that it names', async () => {
    const { code, out } = await run([await file('bad.edn', BAD), '-m', 'cas-register', '--json'])
    expect(code).toBe(1)
    const report = JSON.parse(out) as Record<string, unknown>
    expect(report).toMatchObject({
      model: 'cas-register',
      verdict: 'violated',
      promise: 'linearizable cas-register',
      violationCount: 1,
      counterexample: { firstBad: 1 },
      operations: { 1: { process: 1, op: 'read', output: 4, line: 3 } },
    })
  })

  test('--json keeps large numbers, as text', async () => {
    const [written, read] = ['9007199254740993', '9007199254740995']
    const text = GOOD.replace(':ok, :f :read, :value 3', `:ok, :f :read, :value ${read}`)
    const { code, out } = await run(['-', '-m', 'register', '--json'], {
      stdin: [text.replaceAll(':value 3', `:value ${written}`)],
    })
    expect(code).toBe(1)
    expect(out).toContain('"9007199254740995"')
  })

  test('--html draws the history', async () => {
    const html = join(folder, 'timeline.html')
    const { code, out } = await run([await file('bad.edn', BAD), '-m', 'cas-register', '--html', html])
    expect(code).toBe(1)
    expect(out).toContain(`Picture: ${html}\n`)
    expect(await readFile(html, 'utf8')).toMatch(/^<!doctype html>/i)
  })

  test('--html never overwrites the history, and says when it cannot write', async () => {
    const path = await file('kept.edn', GOOD)
    expect(await run([path, '--html', join(folder, '.', 'kept.edn')])).toMatchObject({ code: 64 })
    expect(await readFile(path, 'utf8')).toBe(GOOD)
    const { code, out, err } = await run([
      path,
      '-m',
      'register',
      '--html',
      join(folder, 'no', 'such', 'folder.html'),
    ])
    expect(code).toBe(64)
    expect(err).toMatch(/^checker: Cannot write .*folder\.html: ENOENT/)
    expect(out).not.toContain('Picture')
  })

  test('--init is the value before the first write', async () => {
    const read = '{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 7}'
    expect(await run(['-', '-m', 'register'], { stdin: [read] })).toMatchObject({ code: 1 })
    expect(await run(['-', '-m', 'register', '--init', '7'], { stdin: [read] })).toMatchObject({ code: 0 })
  })

  test('--budget-ms ends a search that takes too long with unknown, not with a guess', async () => {
    // 24 concurrent writes of two values and reads that alternate: more orders than anybody can try.
    const lines: string[] = []
    for (let p = 0; p < 24; p++) lines.push(`{:process ${p}, :type :invoke, :f :enqueue, :value ${p % 3}}`)
    for (let p = 0; p < 24; p++) lines.push(`{:process ${p}, :type :ok, :f :enqueue, :value ${p % 3}}`)
    for (let p = 0; p < 24; p++) lines.push(`{:process ${p}, :type :invoke, :f :dequeue}`)
    for (let p = 0; p < 24; p++)
      lines.push(`{:process ${p}, :type :ok, :f :dequeue, :value ${p === 23 ? 9 : p % 3}}`)
    const { code } = await run(['-', '-m', 'queue', '--budget-ms', '0.001'], { stdin: [lines.join('\n')] })
    expect(code).toBe(2)
  })

  test('without --model it goes by the names of the operations, and says so', async () => {
    const cas = `${GOOD}{:process 1, :type :invoke, :f :cas, :value [3 4]}\n`
    const { code, out } = await run(['-'], { stdin: [cas] })
    expect(code).toBe(0)
    expect(out).toContain('(--model cas-register, by the names of the operations)')
  })

  test.each<[string, string, string]>([
    [
      '{"type":"invoke","process":0,"f":"add","value":1}',
      'set, set-full, set-final-read, counter, counter-bounds',
      'add',
    ],
    [
      '{"type":"invoke","process":0,"f":"enqueue","value":1}',
      'queue, unordered-queue, total-queue',
      'enqueue',
    ],
    ['{"type":"invoke","process":0,"f":"acquire"}', 'mutex, fenced-mutex', 'acquire'],
  ])('without --model it asks for %s', async (text, candidates, op) => {
    const { code, err } = await run(['-'], { stdin: [text] })
    expect(code).toBe(64)
    expect(err).toContain(
      `name the model with --model: the operations fit ${candidates} (${op})\nModels: register,`,
    )
  })

  test('without --model it asks if no model has such operations, or there are none', async () => {
    const { err } = await run(['-'], { stdin: ['{"type":"invoke","process":0,"f":"frobnicate","value":1}'] })
    expect(err).toContain('name the model with --model: no model has these operations (frobnicate)\n')
    expect((await run(['-'], { stdin: ['[]'] })).err).toContain(
      'name the model with --model: the history is empty\n',
    )
  })

  test('colours are for terminals, unless NO_COLOR is set', async () => {
    const path = await file('bad.edn', BAD)
    const escape = '\u001b['
    expect((await run([path, '-m', 'register'], { isTTY: true })).out).toContain(escape)
    expect((await run([path, '-m', 'register'], { isTTY: true, env: { NO_COLOR: '1' } })).out).not.toContain(
      escape,
    )
    expect((await run([path, '-m', 'register'], { isTTY: true, env: { TERM: 'dumb' } })).out).not.toContain(
      escape,
    )
    expect((await run([path, '-m', 'register'], { isTTY: true, env: { NO_COLOR: '' } })).out).toContain(
      escape,
    )
    expect((await run([path, '-m', 'register'])).out).not.toContain(escape)
  })

  test('what a file says cannot move the cursor of a terminal', async () => {
    const evil = String.raw`"\u001b[2J\u009b31m\u202eevil"`
    const text = BAD.replace(':read, :value 4', `:read, :value ${evil}`)
    const { code, out } = await run(['-', '-m', 'register'], { stdin: [text] })
    expect(code).toBe(1)
    expect(out).toContain('evil')
    expect(out).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
    const { err } = await run([await file('evil.edn', `{:type ${evil}}`)])
    expect(err).toContain('evil')
    expect(err).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
  })

  test('a screen is enough, however much is wrong', async () => {
    const lines: string[] = []
    for (let i = 0; i < 500; i++) {
      lines.push(`{"type":"invoke","process":${i},"f":"generate"}`)
      lines.push(`{"type":"ok","process":${i},"f":"generate","value":${i % 50}}`)
    }
    const { code, out } = await run(['-'], { stdin: [lines.join('\n')] })
    expect(code).toBe(1)
    expect(out.split('\n').length).toBeLessThan(50)
    expect(out).toContain('and 47 more\n')
  })

  test('--help names every model, --version the version', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    for (const [, entries] of KINDS) for (const { name } of entries) expect(out).toContain(`    ${name} `)
    expect(await run(['--version'])).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' })
  })

  test('a model has one meaning', () => {
    const names = KINDS.flatMap(([, entries]) =>
      entries.flatMap(({ name, aliases = [] }) => [name, ...aliases]),
    )
    expect(names.length).toBe(new Set(names).size)
  })

  test('a bug is not mistaken for bad input', async () => {
    const broken = { write: () => { throw new Error('a bug') } } // prettier-ignore
    const io = { stdout: broken, stderr: { write: () => {} }, stdin: (async function* () {})(), env: {} }
    expect(await main(['--version'], io)).toBe(70)
  })
})

describe('checker as a program', () => {
  async function program(argv: readonly string[], input: string, closeEarly = false): Promise<Run> {
    const cli = join(import.meta.dirname, '../cli.ts')
    const child = spawn(process.execPath, ['--conditions=@quorate/source', cli, ...argv], { stdio: 'pipe' })
    let [out, err] = ['', '']
    child.stderr.on('data', (chunk) => (err += String(chunk)))
    if (closeEarly) child.stdout.destroy()
    else child.stdout.on('data', (chunk) => (out += String(chunk)))
    child.stdin.end(input)
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)))
    return { code, out, err }
  }

  test('sets its exit code', async () => {
    expect(await program(['-', '--model', 'register'], BAD)).toMatchObject({
      code: 1,
      out: expect.stringContaining('✗ violated'),
      err: '',
    })
  }, 20_000)

  test.skipIf(process.platform !== 'linux')(
    'a result that cannot be written is not a verdict',
    async () => {
      const full = await open('/dev/full', 'w')
      const cli = join(import.meta.dirname, '../cli.ts')
      const argv = ['--conditions=@quorate/source', cli, await file('full.edn', GOOD), '-m', 'register']
      const child = spawn(process.execPath, argv, { stdio: ['ignore', full.fd, 'pipe'] })
      let err = ''
      child.stderr?.on('data', (chunk) => (err += String(chunk)))
      const code = await new Promise((resolve) => child.on('close', resolve))
      await full.close()
      expect({ code, err }).toEqual({
        code: 64,
        err: expect.stringMatching(/^checker: Cannot write the result: ENOSPC/) as string,
      })
    },
    20_000,
  )

  test('a reader that went away changes nothing', async () => {
    expect(await program(['-', '--model', 'register'], BAD, true)).toEqual({ code: 1, out: '', err: '' })
  }, 20_000)
})
