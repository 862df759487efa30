import { emit, type EventListener, type Outcome } from '@quorate/core'

/**
 * Facts about batches, in the order they happened.
 * - `batch`: a statement was applied; `requests` of `keys` rows, `granted` of them.
 * - `batch-failed`: a statement was not applied, or nobody knows; `isRetried` if its requests go on waiting.
 */
export type BatcherEvent =
  | {
      readonly type: 'batch'
      readonly table: string
      readonly keys: number
      readonly requests: number
      readonly granted: number
      /** From the statement's start to its answer, ms. */
      readonly elapsedMs: number
    }
  | {
      readonly type: 'batch-failed'
      readonly table: string
      readonly requests: number
      readonly outcome: Outcome
      readonly isRetried: boolean
      readonly cause: unknown
    }

/** Tells a listener, if there is one, of a statement that was not applied, or nobody knows. */
export function reportFailure(
  { table, onEvent }: { readonly table: string; readonly onEvent: EventListener<BatcherEvent> | undefined },
  facts: Omit<Extract<BatcherEvent, { type: 'batch-failed' }>, 'type' | 'table'>,
): void {
  emit<BatcherEvent>(onEvent, () => ({ type: 'batch-failed', table, ...facts }))
}
