import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { playground } from './leaks.ts'
import { parseOptions, UsageError } from './options.ts'
import { schedule } from './scheduler.ts'
import type { Step, StepResult } from './step.ts'
import { judge, type VitestReport } from './vitest-report.ts'

const step = (name: string, rest: Partial<Step> = {}): Step => ({
  name,
  proves: '',
  commands: [],
  slots: 1,
  ...rest,
})

interface Trace {
  readonly order: string[]
  readonly results: StepResult[]
  readonly together: Set<string>
}

async function trace(
  steps: Step[],
  { fail = [] as string[], keepGoing = true, slots = 2 } = {},
): Promise<Trace> {
  const order: string[] = []
  const together = new Set<string>()
  const running = new Set<string>()
  const results = await schedule(steps, {
    slots,
    keepGoing,
    onStart: () => {},
    onEnd: ({ step: name }) => order.push(name),
    run: async ({ name }) => {
      for (const other of running) together.add([name, other].toSorted().join('+'))
      running.add(name)
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
      running.delete(name)
      const failed = fail.includes(name) ? 1 : 0
      return { step: name, seconds: 0, passed: 1 - failed, failed, skipped: 0, notes: [], output: '' }
    },
  })
  return { order, results, together }
}

describe('schedule()', () => {
  test('runs as many side by side as there are slots for, and no more', async () => {
    const { together, results } = await trace([step('a'), step('b'), step('c')])
    expect(together).toContain('a+b')
    expect(together).not.toContain('a+c')
    expect(results.map((result) => result.step)).toEqual(['a', 'b', 'c'])
  })

  test('a step for the whole machine runs alone, also where there is only one slot', async () => {
    const steps = [step('a'), step('big', { slots: 2 }), step('b')]
    expect((await trace(steps)).together.size).toBe(0)
    expect((await trace(steps, { slots: 1 })).results).toHaveLength(3)
  })

  test('a step waits for those it needs, and fails unrun if one of them failed', async () => {
    const steps = [step('late', { needs: ['early'] }), step('early'), step('other')]
    expect((await trace(steps)).order.indexOf('late')).toBeGreaterThan(0)
    const { results } = await trace(steps, { fail: ['early'] })
    expect(results[0]).toMatchObject({ passed: 0, failed: 1, notes: ['not run, because early failed'] })
  })

  test('a costly step is left out after a failure, with the reason, unless told to keep going', async () => {
    const steps = [step('a'), step('costly', { costly: true, slots: 2 })]
    const stopped = await trace(steps, { fail: ['a'], keepGoing: false })
    expect(stopped.results[1]).toMatchObject({
      skipped: 1,
      failed: 0,
      notes: [expect.stringContaining('--keep-going')],
    })
    const going = await trace(steps, { fail: ['a'] })
    expect(going.results[1]).toMatchObject({ passed: 1 })
  })

  test('steps that need each other are refused instead of waited for', async () => {
    await expect(trace([step('a', { needs: ['b'] }), step('b', { needs: ['a'] })])).rejects.toThrow('a, b')
  })
})

describe('judge()', () => {
  const report = (tests: Array<[string, string]>, rest = {}): VitestReport => ({
    numPassedTests: 0,
    success: true,
    testResults: [
      {
        name: '/x/a.test.ts',
        status: 'passed',
        message: '',
        assertionResults: tests.map(([fullName, status]) => ({ fullName, status })),
        ...rest,
      },
    ],
  })
  const options = { reasons: {}, exitCode: 0, skipsFail: false, relative: (file: string) => file.slice(3) }

  test('counts what passed and failed', () => {
    const counts = judge({
      ...options,
      exitCode: 1,
      report: report([
        ['a', 'passed'],
        ['b', 'failed'],
      ]),
    })
    expect(counts).toMatchObject({ passed: 1, failed: 1, skipped: 0, notes: ['failed: a.test.ts: b'] })
  })

  test('a skip counts as skipped with a reason, as failed without one', () => {
    const skipped = report([
      ['a', 'passed'],
      ['b', 'skipped'],
    ])
    const reasons = { '/x/a.test.ts': { b: 'needs macOS' } }
    expect(judge({ ...options, report: skipped, reasons })).toMatchObject({
      failed: 0,
      skipped: 1,
      notes: ['skipped: a.test.ts: b: needs macOS'],
    })
    expect(judge({ ...options, report: skipped })).toMatchObject({ failed: 1, skipped: 0 })
    expect(judge({ ...options, report: skipped, reasons, skipsFail: true })).toMatchObject({
      failed: 1,
      skipped: 0,
    })
    const optional = { '/x/a.test.ts': { b: 'optional: no browser' } }
    expect(judge({ ...options, report: skipped, reasons: optional, skipsFail: true })).toMatchObject({
      failed: 0,
      skipped: 1,
    })
    expect(
      judge({
        ...options,
        report: report([
          ['a', 'passed'],
          ['b', 'todo'],
        ]),
      }),
    ).toMatchObject({ failed: 1 })
  })

  test('a file that cannot be loaded is a failure, and so is a run without tests', () => {
    const broken = report([], { status: 'failed', message: 'no such module' })
    expect(judge({ ...options, exitCode: 1, report: broken }).notes).toEqual([
      'failed: a.test.ts: no such module',
    ])
    expect(judge({ ...options, report: { ...broken, testResults: [] } })).toMatchObject({ failed: 1 })
  })

  test('an exit code that the report does not explain is a failure', () => {
    expect(judge({ ...options, exitCode: 1, report: report([['a', 'passed']]) })).toMatchObject({
      passed: 1,
      failed: 1,
    })
  })
})

describe('parseOptions()', () => {
  const parse = (...args: string[]): ReturnType<typeof parseOptions> =>
    parseOptions(args, ['lint', 'unit'], false)

  test('reads options in both spellings', () => {
    expect(parse('--only', 'lint', '--only=unit', '--keep-going')).toEqual({
      type: 'run',
      options: { only: ['lint', 'unit'], cheap: false, keepGoing: true },
    })
    expect(parseOptions([], [], true)).toMatchObject({ options: { keepGoing: true } })
  })

  test.each([[['--only']], [['--only', 'nope']], [['--fast']], [['unit']]])('refuses %s', (args) => {
    expect(() => parse(...args)).toThrow(UsageError)
  })
})

describe('playground()', () => {
  test('finds a process and a file that were left over, and removes the folder', async () => {
    const ground = playground('marker-1', 0)
    writeFileSync(join(ground.folder, 'left.txt'), '')
    const program = `process.stdout.write('up'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['-e', program], {
      env: { ...process.env, ...ground.env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      await once(child.stdout, 'data')
      const found = await ground.leftovers()
      expect(found).toEqual([
        expect.stringContaining(`process ${child.pid}`),
        'left in the temp folder: left.txt',
      ])
      expect(existsSync(ground.folder)).toBe(false)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  })

  test('finds nothing when nothing was left, caches of tools aside', async () => {
    const ground = playground('marker-2')
    writeFileSync(join(ground.folder, 'node-compile-cache'), '')
    expect(await ground.leftovers()).toEqual([])
  })
})
