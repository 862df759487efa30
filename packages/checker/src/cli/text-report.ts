import type { History } from '../history.ts'
import type { CheckResult, Edge, Violation } from '../result.ts'
import type { Check } from './checks.ts'
import { clean, operationText, type Paint, shortened } from './words.ts'

/** What there is to say. */
export interface Facts {
  readonly history: History
  readonly result: CheckResult
  readonly check: Check
  readonly tookMs: number
  readonly html: string | undefined
  /** Was the model not named by the user? */
  readonly guessed: boolean
}

/** One screen: so many violations, so many operations of each. */
const MAX_VIOLATIONS = 3
const MAX_OPERATIONS = 8
const WIDTH = 100
const MAX_MESSAGE = 500

const WORDS = { ok: '✓ ok', violated: '✗ violated', unknown: '? unknown' } as const

/** What was found, for people. */
export function textReport(facts: Facts, paint: Paint): string {
  const { result, html } = facts
  const colour = { ok: paint.green, violated: paint.red, unknown: paint.yellow }[result.verdict]
  const lines = [`${colour(paint.bold(WORDS[result.verdict]))}  ${clean(result.promise)}${guess(facts)}`]
  if (result.reason !== undefined) lines.push(clean(result.reason))
  const shown = result.violations.slice(0, MAX_VIOLATIONS)
  for (const violation of shown) lines.push('', ...violationLines(violation, facts, paint))
  const more = result.violationCount - shown.length
  if (more > 0) lines.push('', `and ${more} more`)
  lines.push(...levelLines(result), '', paint.dim(summary(facts)))
  if (html !== undefined) lines.push(`Picture: ${clean(html)}`)
  return `${lines.join('\n')}\n`
}

function guess({ guessed, check }: Facts): string {
  return guessed ? ` (--model ${check.name}, by the names of the operations)` : ''
}

function violationLines(violation: Violation, facts: Facts, paint: Paint): string[] {
  const { history } = facts
  const lines = [`${paint.bold(clean(violation.name))}: ${shortened(clean(violation.message), MAX_MESSAGE)}`]
  const shown = violation.operations.slice(0, MAX_OPERATIONS)
  lines.push(...shown.map((index) => operationLine(index, history, paint)))
  if (violation.operations.length > shown.length)
    lines.push(`  and ${violation.operations.length - shown.length} more operations`)
  const edges = violation.edges ?? []
  if (edges.length > 0) lines.push(`  ${clean(shortened(cycle(edges), WIDTH * 2))}`)
  return [...lines, ...counterexampleLines(violation, facts)]
}

function cycle(edges: readonly Edge[]): string {
  return edges.map(({ from, kind }) => `#${from} —${kind}→ `).join('') + `#${edges.at(-1)?.to}`
}

/** `  run.edn:217  #108  process 12: read → 3` */
function operationLine(index: number, { operations, name }: History, paint: Paint): string {
  const operation = operations[index]
  if (operation === undefined) return `  #${index}`
  const where = operation.line === undefined ? '' : `${clean(name ?? 'history')}:${operation.line}  `
  const what = shortened(clean(operationText(operation)), WIDTH)
  return `  ${paint.dim(where)}#${index}  process ${clean(String(operation.process))}: ${what}`
}

/** What a search for an order found out beyond its violation. */
function counterexampleLines(violation: Violation, { result }: Facts): string[] {
  const { counterexample } = result
  if (counterexample === undefined || violation.operations[0] !== counterexample.firstBad) return []
  const { longestPrefix, stateAfterPrefix, isMinimal } = counterexample
  const smallest = isMinimal
    ? '  Only together are they wrong: without any of them the others are in order.'
    : '  A smaller set may be wrong by itself: the budget ended before that was known.'
  const order = `${counted(longestPrefix.length, 'operation')}, and ends in ${shortened(clean(stateAfterPrefix), WIDTH)}`
  return [smallest, ...(longestPrefix.length > 0 ? [`  The longest legal order has ${order}`] : [])]
}

function levelLines({ weakestRuledOut = [], mayHold = [] }: CheckResult): string[] {
  if (weakestRuledOut.length === 0) return []
  const left = mayHold.length === 0 ? '' : `; nothing was found against ${mayHold.join(', ')}`
  return ['', `Ruled out: ${weakestRuledOut.join(', ')}, and what is stronger${left}`]
}

const counted = (count: number, what: string, many = `${what}s`): string =>
  `${count} ${count === 1 ? what : many}`

function summary({ history, result, tookMs }: Facts): string {
  const { operations, faults, name } = history
  const processes = new Set(operations.map(({ process }) => process)).size
  const unknown = operations.filter(({ status }) => status === 'unknown').length
  return [
    clean(name ?? 'history'),
    `${counted(operations.length, 'operation')} of ${counted(processes, 'process', 'processes')}`,
    unknown > 0 ? `${unknown} of them unknown` : '',
    faults.length > 0 ? counted(faults.length, 'fault') : '',
    result.violationCount > 0 ? counted(result.violationCount, 'violation') : '',
    `${tookMs < 10 ? tookMs.toFixed(1) : Math.round(tookMs)} ms`,
  ]
    .filter((part) => part !== '')
    .join(' · ')
}
