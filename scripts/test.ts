// `npm test`: every check and test of the repository. See pipeline/steps.ts for what they are.
import { randomUUID } from 'node:crypto'
import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { startOf } from './bootstrap/lock.mjs'
import { packages, REPORTS, ROOT } from './lib/workspace.ts'
import { Display } from './pipeline/display.ts'
import { HELP, parseOptions, type TestOptions, UsageError } from './pipeline/options.ts'
import { runStep } from './pipeline/run-step.ts'
import { schedule } from './pipeline/scheduler.ts'
import type { Step, StepResult } from './pipeline/step.ts'
import { allSteps } from './pipeline/steps.ts'

const ci = !['', '0', 'false'].includes(process.env['CI'] ?? '')

async function main(args: readonly string[]): Promise<number> {
  const run = join(REPORTS, `run-${process.pid}-${startOf(process.pid) || Date.now()}`)
  const steps = allSteps(run)
  const command = parseOptions(
    args,
    steps.map((step) => step.name),
    ci,
  )
  if (command.type === 'help') return print(HELP)
  if (command.type === 'list') {
    return print(steps.map((step) => `${step.name.padEnd(14)} ${step.proves}`).join('\n'))
  }
  checkWritable()
  mkdirSync(run, { recursive: true })
  try {
    return await runAll(select(steps, command.options), command.options, run)
  } finally {
    tidyReports()
  }
}

async function runAll(steps: readonly Step[], { keepGoing }: TestOptions, run: string): Promise<number> {
  const display = new Display(process.stdout)
  const started = performance.now()
  const stopping = new AbortController()
  const stop = (signal: NodeJS.Signals): void => {
    display.line(`${signal}: stopping …`)
    stopping.abort()
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const options = {
    run,
    marker: randomUUID(),
    ci,
    signal: stopping.signal,
    onLine: display.printed.bind(display),
  }
  const results = await schedule(steps, {
    slots: Math.min(2, availableParallelism()),
    keepGoing,
    run: (step) => runStep(step, options),
    onStart: display.started.bind(display),
    onEnd: display.ended.bind(display),
    signal: stopping.signal,
  })
  display.close()
  summarize(results, (performance.now() - started) / 1000, run)
  return results.some((result) => result.failed > 0) || stopping.signal.aborted ? 1 : 0
}

/** Everything that failed or was skipped, then the line that CI reads. */
function summarize(results: readonly StepResult[], seconds: number, run: string): void {
  for (const { step, failed, output, notes } of results) {
    if (failed === 0 && notes.length === 0) continue
    console.log(`\n── ${step} ${'─'.repeat(Math.max(0, 70 - step.length))}`)
    if (failed > 0 && output !== '') console.log(lastLines(output, 150))
    for (const note of notes) console.log(note)
  }
  const sum = (key: 'passed' | 'failed' | 'skipped'): number =>
    results.reduce((total, result) => total + result[key], 0)
  console.log(`\n${results.length} steps in ${seconds.toFixed(1)} s; logs in ${run.slice(ROOT.length + 1)}`)
  console.log(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
}

function lastLines(text: string, count: number): string {
  const lines = text.trimEnd().split('\n')
  if (lines.length <= count) return lines.join('\n')
  return [`… ${lines.length - count} lines more in the log`, ...lines.slice(-count)].join('\n')
}

/** The steps asked for, and those they need. */
function select(steps: readonly Step[], { only, cheap }: TestOptions): Step[] {
  const wanted = new Set(only)
  for (const step of steps.toReversed()) {
    if (wanted.has(step.name)) for (const need of step.needs ?? []) wanted.add(need)
  }
  return steps.filter(
    (step) => (only.length === 0 || wanted.has(step.name)) && !(cheap && step.costly === true),
  )
}

function checkWritable(): void {
  for (const folder of [ROOT, ...packages().map(({ path }) => path)]) {
    try {
      accessSync(folder, constants.W_OK)
    } catch {
      throw new UsageError(
        `Cannot write into ${folder}, where builds and reports go; run as its owner, or give yourself permission`,
      )
    }
  }
}

/** Keeps the reports of the last three runs, and of those still going. */
function tidyReports(): void {
  const begun = (name: string): number => Number(name.split('-')[2])
  const isGoing = (name: string): boolean => startOf(Number(name.split('-')[1])) === name.split('-')[2]
  const runs = readdirSync(REPORTS).filter((name) => name.startsWith('run-'))
  for (const old of runs.toSorted((a, b) => begun(b) - begun(a)).slice(3)) {
    if (!isGoing(old)) rmSync(join(REPORTS, old), { recursive: true, force: true })
  }
}

function print(text: string): number {
  console.log(text)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
