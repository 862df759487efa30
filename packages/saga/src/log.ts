import type { SagaFailure } from './failure.ts'

/**
 * The storage format: a saga is the fold of these records, in order. Append-only; a record is never
 * changed, and a version of this package that adds a type still reads all older ones.
 */
export type LogRecord =
  /** Intent, committed before the call. Also: a wait began. `.tx` has none: it commits with its `done`. */
  | { readonly type: 'started'; readonly step: string }
  /** The step's result; for a wait, the payload and the number of the signal it took. */
  | { readonly type: 'done'; readonly step: string; readonly result?: unknown; readonly signal?: number }
  /** An attempt failed and another follows. */
  | {
      readonly type: 'failed'
      readonly attempt: number
      readonly failure: SagaFailure
      readonly retryInMs: number
    }
  /** The decision to turn round: from here on no step runs, only compensations. */
  | { readonly type: 'compensating'; readonly failure: SagaFailure }
  | { readonly type: 'undone'; readonly step: string }
  | {
      readonly type: 'undo-failed'
      readonly attempt: number
      readonly failure: SagaFailure
      readonly retryInMs: number
    }
  /** Stopped until somebody calls `engine.retry(id)`. */
  | { readonly type: 'needs-attention'; readonly failure: SagaFailure }
  | { readonly type: 'retried' }
  | { readonly type: 'ended'; readonly status: 'completed' | 'compensated' }

/** A signal that reached the saga; numbered from 1 in the order of arrival. */
export interface SagaSignal {
  readonly seq: number
  readonly name: string
  readonly payload: unknown
}

/** Where a saga is. */
export type SagaStatus = 'running' | 'compensating' | 'completed' | 'compensated' | 'needs-attention'
