import type { Counts } from './step.ts'

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly numPassedTests: number
  readonly success: boolean
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly fullName: string; readonly status: string }>
  }>
}

/** Why a test was skipped, by file and full name, as `reason-reporter.ts` writes it. */
export type SkipReasons = Readonly<Record<string, Readonly<Record<string, string>>>>

export interface JudgeOptions {
  readonly report: VitestReport
  readonly reasons: SkipReasons
  readonly exitCode: number
  /**
   * A skipped test is a failure: on servers, in CI, a guarantee that was not tried does not hold. Except where the
   * reason begins with `optional: `, for what needs a program that we do not set up, as a browser is.
   */
  readonly skipsFail: boolean
  /** Shortens a file's path for print. */
  readonly relative: (file: string) => string
}

/**
 * What a vitest run comes to. Stricter than vitest itself: a skip without a reason fails, so does a file that
 * could not be loaded, a run without any test, and an exit code that the report does not explain.
 */
export function judge({
  report,
  reasons,
  exitCode,
  skipsFail,
  relative,
}: JudgeOptions): Counts & { notes: string[] } {
  let [passed, failed, skipped] = [0, 0, 0]
  const notes: string[] = []
  for (const file of report.testResults) {
    const name = relative(file.name)
    let failedHere = 0
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed++
      else if (test.status === 'failed') {
        failedHere++
        notes.push(`failed: ${name}: ${test.fullName}`)
      } else {
        const reason = reasons[file.name]?.[test.fullName.trim()]
        if (reason === undefined || (skipsFail && !reason.startsWith('optional: '))) {
          failedHere++
          notes.push(`skipped, which fails here: ${name}: ${test.fullName}: ${reason ?? 'no reason given'}`)
        } else {
          skipped++
          notes.push(`skipped: ${name}: ${test.fullName}: ${reason}`)
        }
      }
    }
    if (file.status === 'failed' && failedHere === 0) {
      failedHere++
      notes.push(`failed: ${name}: ${file.message.split('\n')[0] || 'the file could not be run to its end'}`)
    }
    failed += failedHere
  }
  if (passed + failed + skipped === 0) {
    failed++
    notes.push('failed: no test was found')
  }
  if (exitCode !== 0 && failed === 0) {
    failed++
    notes.push(`failed: vitest ended with exit code ${exitCode} though no test failed; see its output`)
  }
  return { passed, failed, skipped, notes }
}
