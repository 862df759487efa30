/** What was found, for a terminal. */
import { HOW, isRight, type Finding } from './answers.ts'

export interface Run {
  readonly units: number
  readonly customers: number
  readonly atOnce: number
  readonly seconds: number
}

const BAR = 40

export function printComparison(run: Run, findings: readonly Finding[], print: (line: string) => void): void {
  const { units, customers, atOnce, seconds } = run
  print('')
  print(
    `${number(units)} units, ${number(customers)} customers who want one, ${number(atOnce)} at the same time`,
  )
  print('')
  rows(
    ['', 'told yes', 'told no', 'oversold', 'apologies', 'sold', 'answered in', ''],
    findings.map((finding) => {
      const { answer, rush } = finding
      return [
        answer,
        number(rush.granted),
        number(rush.refused),
        number(rush.oversold),
        number(rush.apologies),
        number(rush.kept),
        `${(rush.elapsedMs / 1_000).toFixed(1)} s`,
        verdictOf(finding),
      ]
    }),
    print,
  )
  print('')
  print('  oversold: units given away that were not there, at the worst moment')
  print('  apologies: customers who had a yes, and got their money back')
  print('')
  print(`A full shelf, ${seconds} s for each: reserved, then sold`)
  print('')
  rows(
    ['', 'sold/s', 'p50 ms', 'p99 ms', 'statements', 'row writes', 'wait for a lock', ''],
    findings.map(({ answer, flow }) => [
      answer,
      flow.soldPerSecond.toFixed(0),
      flow.p50Ms.toFixed(0),
      flow.p99Ms.toFixed(0),
      flow.statementsPerOrder.toFixed(1),
      flow.rowWritesPerOrder.toFixed(2),
      flow.waitingForLocks.toFixed(1),
      HOW[answer],
    ]),
    print,
  )
  print('')
  print('  p50, p99: from the click to the yes; statements and writes of the hot row: for each order;')
  print('  wait for a lock: connections of 16, on average')
  print('')
  bars(
    'sold/s',
    findings.map(({ answer, flow }) => [answer, flow.soldPerSecond]),
    print,
  )
  print('')
}

/** In words: is what was sold what there was? */
export function verdictOf(finding: Finding): string {
  const { units, customers, kept, isConsistent } = finding.rush
  if (isRight(finding)) return 'exactly'
  const due = Math.min(units, customers)
  if (kept > due) return `WRONG: ${number(kept - due)} sold that were not there`
  if (kept < due) return `WRONG: ${number(due - kept)} not sold`
  return isConsistent ? 'exactly' : 'WRONG: the stock row is not what the ledger says'
}

function bars(
  title: string,
  values: readonly (readonly [label: string, value: number])[],
  print: (line: string) => void,
): void {
  const most = Math.max(1, ...values.map(([, value]) => value))
  const width = Math.max(...values.map(([label]) => label.length))
  print(`  ${title}`)
  for (const [label, value] of values) {
    const filled = Math.round((value / most) * BAR)
    print(`  ${label.padEnd(width)}  ${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${value.toFixed(0)}`)
  }
}

/** The first column to the left, the last one too, numbers to the right. */
function rows(head: readonly string[], body: readonly string[][], print: (line: string) => void): void {
  const all = [head, ...body]
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  for (const row of all) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0
      if (column === row.length - 1) return cell
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    print(`  ${cells.join('  ')}`.trimEnd())
  }
}

export const number = (value: number): string => value.toLocaleString('en')
