import { checkLinearizable, checkSessions, type CheckResult, type History, register } from '@quorate/checker'
import type { Place } from './registers.ts'
import { GUARANTEES, type Claim, type Guarantee } from './settings.ts'

/** What a run says about a claim. */
export interface Judgement {
  readonly claim: Claim
  /** Only the writes, and the reads that the claim is about. */
  readonly history: History
  readonly linearizable: CheckResult
  /** Of the broken guarantees if there are any, else of all. */
  readonly sessions: CheckResult
  /** Guarantees that were found broken. */
  readonly broken: readonly Guarantee[]
  /** What contradicts the claim; empty if nothing does. */
  readonly contradictions: readonly string[]
  /** Why this history says nothing in favour of the claim; `undefined` if it does. */
  readonly tooLittle: string | undefined
}

/** Less than this says nothing: a history in which nobody was answered keeps every promise. */
const LEAST = { writes: 20, reads: 20, besideWrites: 3, underFaults: 10 } as const

export function judge(run: History, claim: Claim): Judgement {
  const history = readsFrom(run, claim.reads)
  const linearizable = checkLinearizable(history, register())
  // All writes go to one primary, so one that was answered before another began made the older version.
  const versionOrder = 'real-time'
  const each = GUARANTEES.map((name) => {
    return { name, result: checkSessions(history, { versionOrder, guarantees: [name] }) }
  })
  const broken = each.filter(({ result }) => result.verdict === 'violated').map(({ name }) => name)
  const guarantees = broken.length === 0 ? GUARANTEES : broken
  const sessions = checkSessions(history, { versionOrder, guarantees })
  const contradictions: string[] = []
  const wanted = claim.linearizable ? 'ok' : 'violated'
  if (linearizable.verdict !== wanted) {
    contradictions.push(`linearizable: ${linearizable.verdict} instead of ${wanted}${because(linearizable)}`)
  }
  for (const { name, result } of each.filter((one) => one.result.verdict === 'unknown')) {
    contradictions.push(`${name}: unknown${because(result)}`)
  }
  for (const name of claim.broken.filter((one) => !broken.includes(one))) {
    contradictions.push(`${name} was not broken`)
  }
  for (const name of broken.filter((one) => !claim.broken.includes(one))) {
    const result = each.find((one) => one.name === name)?.result
    contradictions.push(`${name} was broken: ${result?.violations[0]?.message ?? ''}`)
  }
  return { claim, history, linearizable, sessions, broken, contradictions, tooLittle: tooLittle(history) }
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

/** What a history contains that a server could have got wrong. */
export function evidenceOf({ operations, faults }: History): Record<keyof typeof LEAST, number> {
  const answered = operations.filter(({ status }) => status === 'ok')
  const writes = answered.filter(({ op }) => op === 'write')
  const reads = answered.filter(({ op }) => op === 'read')
  const meet = (a: { start: number; end: number }, b: { start: number; end: number }): boolean =>
    a.start < b.end && b.start < a.end
  const besideWrites = reads.filter((read) =>
    writes.some((write) => write.key === read.key && write.process !== read.process && meet(read, write)),
  )
  const underFaults = answered.filter((one) => faults.some((fault) => meet(one, fault)))
  return {
    writes: writes.length,
    reads: reads.length,
    besideWrites: besideWrites.length,
    underFaults: underFaults.length,
  }
}

function tooLittle(history: History): string | undefined {
  const found = evidenceOf(history)
  const names = Object.keys(LEAST) as (keyof typeof LEAST)[]
  if (names.every((name) => found[name] >= LEAST[name])) return undefined
  const list = names.map((name) => `${name} ${found[name]} of ${LEAST[name]}`).join(', ')
  return `too little was answered to say anything (${list}); run it longer`
}

function because({ violations, reason }: CheckResult): string {
  const why = violations[0]?.message ?? reason
  return why === undefined ? '' : ` (${why})`
}
