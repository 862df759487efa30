import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ROOT } from '../lib/workspace.ts'
import { playground } from './leaks.ts'
import type { Command, Step, StepResult } from './step.ts'
import { judge, type SkipReasons, type VitestReport } from './vitest-report.ts'

export interface RunStepOptions {
  /** Folder for the log. */
  readonly run: string
  /** Names this run in the environment of all that it starts. */
  readonly marker: string
  /** A skipped test on servers is a failure. */
  readonly ci: boolean
  /** Gets whole lines as they are printed. */
  readonly onLine: (step: Step, line: string) => void
  /** Aborted when the run is to end early. */
  readonly signal: AbortSignal
}

/** Runs a step's commands one after the other, up to the first that fails, and judges what they left. */
export async function runStep(step: Step, options: RunStepOptions): Promise<StepResult> {
  const started = performance.now()
  const ground = step.startsServers === true ? playground(options.marker) : undefined
  const chunks: string[] = []
  let exitCode = 0
  for (const command of step.commands) {
    if (exitCode === 0) exitCode = await runCommand(command, step, chunks, ground?.env ?? {}, options)
  }
  const leaks = (await ground?.leftovers()) ?? []
  const output = chunks.join('')
  writeFileSync(join(options.run, `${step.name}.log`), output)

  const counts = step.vitest === undefined ? judgeCommands(exitCode) : judgeVitest(step, exitCode, options.ci)
  const failed = counts.failed + (leaks.length > 0 ? 1 : 0)
  const notes = [...counts.notes, ...leaks.map((leak) => `leak: ${leak}`)]
  return { ...counts, failed, notes, step: step.name, seconds: (performance.now() - started) / 1000, output }
}

type Judged = Pick<StepResult, 'passed' | 'failed' | 'skipped' | 'notes'>

function judgeCommands(exitCode: number): Judged {
  const ok = exitCode === 0
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, notes: [] }
}

function judgeVitest(step: Step, exitCode: number, ci: boolean): Judged {
  const read = <T>(file: string): T | undefined => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as T
    } catch {
      return undefined
    }
  }
  const report = read<VitestReport>(step.vitest?.report ?? '')
  if (report === undefined) {
    const notes = [`failed: vitest wrote no report, exit code ${exitCode}; see its output`]
    return { passed: 0, failed: 1, skipped: 0, notes }
  }
  return judge({
    report,
    reasons: read<SkipReasons>(step.vitest?.reasons ?? '') ?? {},
    exitCode,
    skipsFail: ci && step.startsServers === true,
    relative: (file) => relative(ROOT, file),
  })
}

function runCommand(
  { program, args, cwd = '.', env = {} }: Command,
  step: Step,
  chunks: string[],
  extra: Readonly<Record<string, string>>,
  { onLine, signal }: RunStepOptions,
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: join(ROOT, cwd),
      env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1', ...env, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const stop = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', stop, { once: true })
    let partial = ''
    const take = (chunk: string): void => {
      chunks.push(chunk)
      const lines = (partial + chunk).split('\n')
      partial = lines.pop() ?? ''
      for (const line of lines) onLine(step, line)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    const settle = (code: number): void => {
      signal.removeEventListener('abort', stop)
      resolve(code)
    }
    child.on('error', (error) => {
      chunks.push(`${error.message}\n`)
      settle(127)
    })
    // `exit`, not `close`: a server that outlives the step would hold the pipes open for ever.
    child.on('exit', (code) => setImmediate(settle, code ?? 1))
  })
}
