import { invariant } from '@quorate/core'
import type { SagaFailure } from './failure.ts'
import type { LogRecord, SagaSignal, SagaStatus } from './log.ts'

/*
 * The life of a saga, with no clock, disk or network:
 *
 *   forward ──all done──────────────────────────────► completed
 *      │ a step failed for good (before the pivot)
 *      ▼
 *   compensating ──everything started is undone─────► compensated
 *      │ a compensation failed for good
 *      ▼
 *   needs-attention ──retry──► back to where it was (also from forward, after the pivot)
 *
 * `step` decides: it turns an event into records to append and one effect to carry out after they are
 * committed. `fold` applies one record. A saga is resumed by folding its log, so what a live engine
 * believes and what a crash leaves behind cannot differ.
 */

/** One entry of a definition, as far as the protocol cares. */
export interface PlanStep {
  readonly name: string
  readonly kind: 'step' | 'tx' | 'pivot' | 'wait' | 'sleep'
  readonly compensates: boolean
  /** Attempts of `run`, and of `compensate`, before it failed for good. */
  readonly attempts: number
  readonly undoAttempts: number
  /** For `wait` the deadline, for `sleep` the time to sleep. */
  readonly waitMs: number
}

export type Plan = readonly PlanStep[]

/** A step that was started and is not undone. */
export interface Entry {
  readonly index: number
  /** `unknown`: intent is on record and no result. */
  readonly outcome: 'done' | 'unknown'
  readonly result?: unknown
}

/** What was reached: everything but the log's own position. */
export type Phase =
  /** `cursor` is the step to do, or the pivots before it; `retryInMs` the delay before this attempt. */
  | { readonly at: 'forward'; readonly cursor: number; readonly attempt: number; readonly retryInMs: number }
  | {
      readonly at: 'compensating'
      readonly attempt: number
      readonly retryInMs: number
      readonly failure: SagaFailure
    }
  | { readonly at: 'needs-attention'; readonly failure: SagaFailure; readonly from: Phase }
  | { readonly at: 'completed' }
  | { readonly at: 'compensated'; readonly failure: SagaFailure }

export interface SagaState {
  readonly phase: Phase
  /** In the order in which they were started. */
  readonly entries: readonly Entry[]
  /** Signals that arrived and no wait has taken. */
  readonly mailbox: readonly SagaSignal[]
  /** Signals taken by waits, by number. */
  readonly taken: readonly number[]
  /** Highest number of a signal that arrived. */
  readonly seen: number
}

export type Event =
  /** The saga was started, loaded or claimed; `dueInMs` is what is left of the wait it was in. */
  | { readonly type: 'resumed'; readonly dueInMs: number | undefined }
  | { readonly type: 'succeeded'; readonly result: unknown }
  | {
      readonly type: 'failed'
      readonly failure: SagaFailure
      readonly final: boolean
      readonly retryInMs: number
    }
  | { readonly type: 'arrived'; readonly signals: readonly SagaSignal[] }
  /** A sleep, a retry delay or the deadline of a wait is over. */
  | { readonly type: 'due' }
  | { readonly type: 'retry' }
  /** The log does not fit the definition. */
  | { readonly type: 'misfit'; readonly failure: SagaFailure }

/** What to do once the records are committed. */
export type Effect =
  | { readonly type: 'run'; readonly index: number; readonly attempt: number }
  | { readonly type: 'undo'; readonly entry: Entry; readonly attempt: number }
  /** Wait for a signal (`signal` is its name) or for time to pass; then `arrived` or `due`. */
  | { readonly type: 'wait'; readonly ms: number; readonly signal: string | undefined }
  | { readonly type: 'end' }

export interface Decision {
  readonly state: SagaState
  readonly records: readonly LogRecord[]
  readonly effect: Effect
}

/** The log names a step that the definition does not have at that place. */
export class MisfitError extends Error {}

export const initialState: SagaState = {
  phase: { at: 'forward', cursor: 0, attempt: 1, retryInMs: 0 },
  entries: [],
  mailbox: [],
  taken: [],
  seen: 0,
}

/** Decides what follows from an event. Pure. */
export function step(plan: Plan, state: SagaState, event: Event): Decision {
  const { phase } = state
  switch (event.type) {
    case 'arrived': {
      const fresh = event.signals.filter(({ seq }) => seq > state.seen && !state.taken.includes(seq))
      const seen = event.signals.reduce((most, { seq }) => Math.max(most, seq), state.seen)
      return advance(plan, { ...state, mailbox: [...state.mailbox, ...fresh], seen }, undefined)
    }
    case 'resumed': {
      // Never longer than the delay itself: the time that is left may be that of an earlier wait.
      const retryInMs = 'retryInMs' in phase ? Math.min(phase.retryInMs, event.dueInMs ?? 0) : 0
      if (retryInMs <= 0) return advance(plan, state, event.dueInMs)
      return { state, records: [], effect: { type: 'wait', ms: retryInMs, signal: undefined } }
    }
    case 'misfit':
      return append(plan, state, { type: 'needs-attention', failure: event.failure })
    case 'retry':
      invariant(
        phase.at === 'needs-attention',
        `only a saga that needs attention is retried, not ${phase.at}`,
      )
      return append(plan, state, { type: 'retried' })
    case 'succeeded':
      if (phase.at === 'compensating') {
        return append(plan, state, { type: 'undone', step: nameOf(plan, topOf(plan, state)) })
      }
      invariant(phase.at === 'forward', `no step runs while ${phase.at}`)
      return append(plan, state, doneRecord(stepAt(plan, skipPivots(plan, phase.cursor)).name, event.result))
    case 'failed':
      return failed(plan, state, event)
    case 'due':
      return due(plan, state)
    default:
      return event satisfies never
  }
}

/** The state after one record. Pure. @throws MisfitError if the record does not fit the definition. */
export function fold(plan: Plan, state: SagaState, record: LogRecord): SagaState {
  const { phase, entries } = state
  switch (record.type) {
    case 'started': {
      const cursor = skipPivots(plan, forward(phase, record).cursor)
      fits(plan, cursor, record.step)
      return { ...state, entries: [...entries, { index: cursor, outcome: 'unknown' }] }
    }
    case 'done': {
      const cursor = skipPivots(plan, forward(phase, record).cursor)
      fits(plan, cursor, record.step)
      const entry: Entry = { index: cursor, outcome: 'done', result: record.result }
      const before = entries.at(-1)?.index === cursor ? entries.slice(0, -1) : entries
      const next: SagaState = {
        ...state,
        phase: { at: 'forward', cursor: cursor + 1, attempt: 1, retryInMs: 0 },
        entries: [...before, entry],
      }
      if (record.signal === undefined) return next
      const { signal } = record
      return {
        ...next,
        taken: [...state.taken, signal],
        mailbox: state.mailbox.filter(({ seq }) => seq !== signal),
      }
    }
    case 'failed':
      return {
        ...state,
        phase: { ...forward(phase, record), attempt: record.attempt + 1, retryInMs: record.retryInMs },
      }
    case 'compensating':
      return { ...state, phase: { at: 'compensating', attempt: 1, retryInMs: 0, failure: record.failure } }
    case 'undone': {
      if (phase.at !== 'compensating') throw misfit(record, phase)
      const top = topOf(plan, state)
      if (nameOf(plan, top) !== record.step) throw misfit(record, phase)
      return {
        ...state,
        phase: { ...phase, attempt: 1, retryInMs: 0 },
        entries: entries.slice(0, entries.indexOf(top)),
      }
    }
    case 'undo-failed':
      if (phase.at !== 'compensating') throw misfit(record, phase)
      return { ...state, phase: { ...phase, attempt: record.attempt + 1, retryInMs: record.retryInMs } }
    case 'needs-attention':
      return { ...state, phase: { at: 'needs-attention', failure: record.failure, from: phase } }
    case 'retried': {
      if (phase.at !== 'needs-attention') throw misfit(record, phase)
      const { from } = phase
      return {
        ...state,
        phase:
          from.at === 'forward' || from.at === 'compensating' ? { ...from, attempt: 1, retryInMs: 0 } : from,
      }
    }
    case 'ended': {
      if (record.status === 'completed') return { ...state, phase: { at: 'completed' } }
      if (phase.at !== 'compensating') throw misfit(record, phase)
      return { ...state, phase: { at: 'compensated', failure: phase.failure } }
    }
    default:
      return record satisfies never
  }
}

/** The status that a state shows to the world and to the claim query. */
export function statusOf({ phase }: SagaState): SagaStatus {
  return phase.at === 'forward' ? 'running' : phase.at
}

/** Results of the finished steps, by name. */
export function resultsOf(plan: Plan, { entries }: SagaState): Record<string, unknown> {
  const results: Record<string, unknown> = {}
  for (const { index, outcome, result } of entries) {
    const at = plan[index]
    if (outcome === 'done' && at !== undefined && result !== undefined) results[at.name] = result
  }
  return results
}

/** Applies records to a decision's state and goes on to the next effect. */
function append(plan: Plan, state: SagaState, ...records: readonly LogRecord[]): Decision {
  const next = records.reduce<SagaState>((folded, record) => fold(plan, folded, record), state)
  const rest = advance(plan, next, undefined)
  return { ...rest, records: [...records, ...rest.records] }
}

/** The next effect of a state, with the records that have to be committed before it. */
function advance(plan: Plan, state: SagaState, dueInMs: number | undefined): Decision {
  const { phase } = state
  switch (phase.at) {
    case 'forward':
      return advanceForward(plan, state, phase, dueInMs)
    case 'compensating': {
      const entry = lastToUndo(plan, state)
      if (entry === undefined) return append(plan, state, { type: 'ended', status: 'compensated' })
      return { state, records: [], effect: { type: 'undo', entry, attempt: phase.attempt } }
    }
    case 'needs-attention':
    case 'completed':
    case 'compensated':
      return { state, records: [], effect: { type: 'end' } }
    default:
      return phase satisfies never
  }
}

function advanceForward(
  plan: Plan,
  state: SagaState,
  phase: Phase & { at: 'forward' },
  dueInMs: number | undefined,
): Decision {
  const cursor = skipPivots(plan, phase.cursor)
  const at = plan[cursor]
  if (at === undefined) return append(plan, state, { type: 'ended', status: 'completed' })
  const started = state.entries.at(-1)?.index === cursor
  if (at.kind === 'wait') {
    const signal = state.mailbox.find(({ name }) => name === at.name)
    if (signal !== undefined) return append(plan, state, doneRecord(at.name, signal.payload, signal.seq))
  }
  const effect: Effect =
    at.kind === 'wait' || at.kind === 'sleep'
      ? { type: 'wait', ms: at.waitMs, signal: at.kind === 'wait' ? at.name : undefined }
      : { type: 'run', index: cursor, attempt: phase.attempt }
  if (started || at.kind === 'tx') {
    if (effect.type !== 'wait') return { state, records: [], effect }
    if (dueInMs !== undefined && dueInMs <= 0) return due(plan, state)
    return { state, records: [], effect: { ...effect, ms: dueInMs ?? effect.ms } }
  }
  const intent: LogRecord = { type: 'started', step: at.name }
  return { state: fold(plan, state, intent), records: [intent], effect }
}

function failed(plan: Plan, state: SagaState, event: Event & { type: 'failed' }): Decision {
  const { phase } = state
  const { failure, final, retryInMs } = event
  if (phase.at === 'forward') {
    const at = stepAt(plan, skipPivots(plan, phase.cursor))
    if (!final && phase.attempt < at.attempts) {
      return delay(plan, state, { type: 'failed', attempt: phase.attempt, failure, retryInMs })
    }
    return append(plan, state, {
      type: hasPivot(plan, skipPivots(plan, phase.cursor)) ? 'needs-attention' : 'compensating',
      failure,
    })
  }
  invariant(phase.at === 'compensating', `no step runs while ${phase.at}`)
  const at = stepAt(plan, topOf(plan, state).index)
  if (!final && phase.attempt < at.undoAttempts) {
    return delay(plan, state, { type: 'undo-failed', attempt: phase.attempt, failure, retryInMs })
  }
  return append(plan, state, { type: 'needs-attention', failure })
}

function delay(plan: Plan, state: SagaState, record: LogRecord & { retryInMs: number }): Decision {
  const effect: Effect = { type: 'wait', ms: record.retryInMs, signal: undefined }
  return { state: fold(plan, state, record), records: [record], effect }
}

/** A wait is over: a sleep is done, a signal did not come, a retry delay has passed. */
function due(plan: Plan, state: SagaState): Decision {
  const { phase } = state
  const at = phase.at === 'forward' ? plan[skipPivots(plan, phase.cursor)] : undefined
  if (at?.kind === 'sleep') return append(plan, state, { type: 'done', step: at.name })
  if (at?.kind !== 'wait') return advance(plan, state, undefined)
  const message = `Signal ${at.name} did not come within ${at.waitMs} ms`
  const failure: SagaFailure = {
    step: at.name,
    during: 'run',
    name: 'SignalTimeout',
    message,
    code: 'QUORATE_SAGA_SIGNAL_TIMEOUT',
    attempts: 1,
  }
  return failed(plan, state, { type: 'failed', failure, final: true, retryInMs: 0 })
}

const doneRecord = (name: string, result: unknown, signal?: number): LogRecord => ({
  type: 'done',
  step: name,
  ...(result === undefined ? {} : { result }),
  ...(signal === undefined ? {} : { signal }),
})

function forward(phase: Phase, record: LogRecord): Phase & { at: 'forward' } {
  if (phase.at !== 'forward') throw misfit(record, phase)
  return phase
}

function fits(plan: Plan, cursor: number, name: string): void {
  const expected = plan[cursor]?.name
  if (expected === name) return
  throw new MisfitError(
    `The log says step ${cursor + 1} is ${name}, the definition says ${expected ?? 'there is none'}`,
  )
}

const misfit = (record: LogRecord, phase: Phase): MisfitError =>
  new MisfitError(`The log has ${record.type} while ${phase.at}`)

const hasPivot = (plan: Plan, cursor: number): boolean =>
  plan.slice(0, cursor).some(({ kind }) => kind === 'pivot')

function skipPivots(plan: Plan, cursor: number): number {
  let next = cursor
  while (plan[next]?.kind === 'pivot') next++
  return next
}

/** The last step started that has a compensation: those without one are passed over. */
function lastToUndo(plan: Plan, { entries }: SagaState): Entry | undefined {
  return entries.findLast(({ index }) => plan[index]?.compensates === true)
}

function topOf(plan: Plan, state: SagaState): Entry {
  const top = lastToUndo(plan, state)
  invariant(top !== undefined, 'a compensation ran with nothing to undo')
  return top
}

function stepAt(plan: Plan, index: number): PlanStep {
  const at = plan[index]
  invariant(at !== undefined, `the plan has no step ${index}`)
  return at
}

const nameOf = (plan: Plan, { index }: Entry): string => stepAt(plan, index).name
