import { writeFile } from 'node:fs/promises'
import { exitCodeOf } from '../overselling/answers.ts'
import { chartOf } from '../overselling/chart.ts'
import { compareOverselling } from '../overselling/compare.ts'
import { printComparison } from '../overselling/table.ts'
import { assertWritable } from './assert-writable.ts'
import type { CliOptions } from './options.ts'
import { Screen } from './screen.ts'

/** Compares the answers to overselling and says by the exit code whether each sold exactly what was there. */
export async function compareAnswers(options: CliOptions, signal: AbortSignal): Promise<number> {
  const { units, customers, concurrency: atOnce, seconds, report } = options
  if (report !== undefined) await assertWritable(report)
  const screen = new Screen()
  const findings = await compareOverselling({
    units,
    customers,
    atOnce,
    seconds,
    signal,
    onProgress: (label, done, total) => screen.progress(label, done, total),
  })
  const run = { units, customers, atOnce, seconds }
  printComparison(run, findings, screen.print)
  if (report !== undefined) {
    const isChart = report.toLowerCase().endsWith('.svg')
    await writeFile(
      report,
      isChart ? chartOf(run, findings) : `${JSON.stringify({ run, findings }, null, 2)}\n`,
    )
    screen.print(`${isChart ? 'Chart' : 'Report'} written to ${report}`)
  }
  return exitCodeOf(findings)
}
