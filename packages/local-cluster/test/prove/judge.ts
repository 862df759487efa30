import { checkLinearizable, checkSessions, type CheckResult, type History, register } from '@quorate/checker'
import type { Place } from './registers.ts'
import { GUARANTEES, type Claim, type Guarantee } from './settings.ts'

/** What a run says about a claim. */
export interface Judgement {
  readonly claim: Claim
  /** Only the writes, and the reads that the claim is about. */
  readonly history: History
  readonly linearizable: CheckResult
  readonly sessions: CheckResult
  /** Guarantees that were found broken. */
  readonly broken: readonly Guarantee[]
  /** What contradicts the claim; empty if nothing does. */
  readonly contradictions: readonly string[]
}

export function judge(run: History, claim: Claim): Judgement {
  const history = readsFrom(run, claim.reads)
  const linearizable = checkLinearizable(history, register())
  // All writes go to one primary, so one that was answered before another began made the older version.
  const versionOrder = 'real-time'
  const sessions = checkSessions(history, { versionOrder })
  const each = GUARANTEES.map((name) => {
    return { name, result: checkSessions(history, { versionOrder, guarantees: [name] }) }
  })
  const broken = each.filter(({ result }) => result.verdict === 'violated').map(({ name }) => name)
  const contradictions: string[] = []
  const wanted = claim.linearizable ? 'ok' : 'violated'
  if (linearizable.verdict !== wanted) {
    contradictions.push(`linearizable: ${linearizable.verdict} instead of ${wanted}${because(linearizable)}`)
  }
  if (sessions.verdict === 'unknown') contradictions.push(`sessions: unknown${because(sessions)}`)
  for (const name of claim.broken.filter((one) => !broken.includes(one))) {
    contradictions.push(`${name} was not broken`)
  }
  for (const name of broken.filter((one) => !claim.broken.includes(one))) {
    const result = each.find((one) => one.name === name)?.result
    contradictions.push(`${name} was broken: ${result?.violations[0]?.message ?? ''}`)
  }
  return { claim, history, linearizable, sessions, broken, contradictions }
}

/** The history of somebody who reads from these places only. */
export function readsFrom(run: History, places: readonly Place[]): History {
  const wanted = new Set(['write', ...places.map((place) => `read ${place}`)])
  const operations = run.operations
    .filter(({ op }) => wanted.has(op))
    .map((operation, index) => ({ ...operation, index, op: operation.op === 'write' ? 'write' : 'read' }))
  const name = `${run.name ?? ''}, reads from ${places.join(' and ')}`
  return { operations, faults: run.faults, realTime: run.realTime, initial: run.initial, name }
}

function because({ violations, reason }: CheckResult): string {
  const why = violations[0]?.message ?? reason
  return why === undefined ? '' : ` (${why})`
}
