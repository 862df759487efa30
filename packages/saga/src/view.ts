import type { SagaFailure } from './failure.ts'
import type { LogRecord } from './log.ts'
import type { SagaSummary, StoredSaga } from './store.ts'

/** One step of a saga as it went; for timelines. */
export interface SagaStepView {
  readonly name: string

  readonly status: 'started' | 'done' | 'failed' | 'undone'
  /** Attempts that failed, of the step and of its compensation. */
  readonly failures: readonly SagaFailure[]
  readonly result?: unknown
  /** Milliseconds since the epoch, by the store's clock. */
  readonly startedAtMs: number
  readonly endedAtMs: number | undefined
}

/** All that is known of a saga. */
export interface SagaView extends SagaSummary {
  readonly input: unknown
  /** Steps that were started, in that order. */
  readonly steps: readonly SagaStepView[]
  /** Why it turned round or needs attention. */
  readonly failure: SagaFailure | undefined
  /** The log itself, oldest first. */
  readonly log: readonly (LogRecord & { readonly atMs: number })[]
}

/** How a saga ended, or stopped for somebody to look. */
export type SagaResult<Results = Record<string, unknown>> =
  | { readonly status: 'completed'; readonly results: Results }
  /** Everything that was started is undone. */
  | { readonly status: 'compensated'; readonly failure: SagaFailure }
  /** A step after the pivot, or a compensation, failed for good. See `engine.retry`. */
  | { readonly status: 'needs-attention'; readonly failure: SagaFailure }

/** The view of a stored saga; needs no definition, so it works for sagas this process does not know. */
export function viewOf(saga: StoredSaga): SagaView {
  const { id, name, version, status, createdAtMs, endedAtMs, input } = saga
  const log = saga.log.flatMap(({ atMs, records }) => records.map((record) => ({ ...record, atMs })))
  return {
    id,
    name,
    version,
    status,
    createdAtMs,
    endedAtMs,
    input,
    steps: stepsOf(log),
    failure: failureOf(log),
    log,
  }
}

/** How a stored saga ended; `undefined` while it goes on. */
export function resultOf(saga: StoredSaga): SagaResult | undefined {
  const records = saga.log.flatMap((append) => append.records)
  const failure = failureOf(records)
  if (saga.status === 'completed') {
    const results: Record<string, unknown> = {}
    for (const record of records) {
      if (record.type === 'done' && record.result !== undefined) results[record.step] = record.result
    }
    return { status: saga.status, results }
  }
  if (saga.status === 'running' || saga.status === 'compensating' || failure === undefined) return undefined
  return { status: saga.status, failure }
}

function failureOf(log: readonly LogRecord[]): SagaFailure | undefined {
  let failure: SagaFailure | undefined
  let before: SagaFailure | undefined
  for (const record of log) {
    if (record.type === 'compensating') failure = record.failure
    if (record.type === 'needs-attention') {
      before = failure
      failure = record.failure
    }
    if (record.type === 'retried') failure = before
  }
  return failure
}

function stepsOf(log: readonly (LogRecord & { readonly atMs: number })[]): readonly SagaStepView[] {
  const steps = new Map<string, SagaStepView>()
  for (const record of log) {
    const { atMs } = record
    if (record.type === 'started' || record.type === 'done' || record.type === 'undone') {
      const known = steps.get(record.step) ?? { name: record.step, failures: [], startedAtMs: atMs }
      const endedAtMs = record.type === 'started' ? undefined : atMs
      const result = record.type === 'done' && record.result !== undefined ? { result: record.result } : {}
      steps.set(record.step, { ...known, ...result, status: record.type, endedAtMs })
    } else if ('failure' in record && record.failure.step !== undefined) {
      const name = record.failure.step
      const known = steps.get(name) ?? {
        name,
        status: 'started',
        failures: [],
        startedAtMs: atMs,
        endedAtMs: undefined,
      }
      const failed =
        record.type === 'compensating' || (record.type === 'needs-attention' && known.status === 'started')
      steps.set(name, {
        ...known,
        ...(failed ? { status: 'failed', endedAtMs: atMs } : {}),
        failures: [...known.failures, record.failure],
      })
    }
  }
  return [...steps.values()]
}
