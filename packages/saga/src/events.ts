import type { SagaFailure } from './failure.ts'
import type { SagaStatus } from './log.ts'

/**
 * What an engine does, told to `onEvent`. Of one saga in order, and each only after the commit that makes
 * it true, except `step-started` and `compensation-started`, which come just before the call.
 */
export type SagaEvent =
  | { readonly type: 'saga-started'; readonly saga: string; readonly id: string }
  /** An engine goes on with a saga it had not in memory: after a wait, a crash or a hand-over. */
  | { readonly type: 'saga-resumed'; readonly saga: string; readonly id: string }
  | {
      readonly type: 'step-started'
      readonly saga: string
      readonly id: string
      readonly step: string
      readonly attempt: number
    }
  | { readonly type: 'step-succeeded'; readonly saga: string; readonly id: string; readonly step: string }
  /** `retryInMs` is undefined when no attempt follows. */
  | {
      readonly type: 'step-failed' | 'compensation-failed'
      readonly saga: string
      readonly id: string
      readonly step: string
      readonly attempt: number
      readonly error: unknown
      readonly retryInMs: number | undefined
    }
  | {
      readonly type: 'compensation-started'
      readonly saga: string
      readonly id: string
      readonly step: string
      readonly attempt: number
    }
  | { readonly type: 'compensated'; readonly saga: string; readonly id: string; readonly step: string }
  /** The saga turned round. */
  | {
      readonly type: 'saga-compensating'
      readonly saga: string
      readonly id: string
      readonly failure: SagaFailure
    }
  | {
      readonly type: 'saga-settled'
      readonly saga: string
      readonly id: string
      readonly status: Exclude<SagaStatus, 'running' | 'compensating'>
      readonly failure: SagaFailure | undefined
    }
  /** This engine was declared dead; `sagas` it held go on elsewhere. */
  | { readonly type: 'fenced'; readonly worker: string; readonly sagas: number }
  /** This engine declared others dead and freed their sagas. */
  | { readonly type: 'reaped'; readonly sagas: number }
  | { readonly type: 'committed'; readonly writes: number; readonly durationMs: number }
  /** The store failed and the engine tries again in `retryInMs`. */
  | {
      readonly type: 'store-fault'
      readonly action: string
      readonly error: unknown
      readonly retryInMs: number | undefined
    }
