import type { Clock, EventListener, Random } from '@quorate/core'
import type { BatcherEvent } from './events.ts'

/** Options of a batcher that do not depend on its store. */
export interface BatcherOptions {
  /** The counter never goes below this through the batcher. Default 0. */
  readonly min?: number | undefined
  /** Requests in one statement at most. Default 4,096. More callers than that wait for the next one. */
  readonly maxBatch?: number | undefined
  /** Requests that wait at most, over all keys; the next one is refused with `BatcherFullError`. Default 100,000. */
  readonly maxWaiting?: number | undefined
  /**
   * Statements at once, each on a connection of its own. One key is in one of them at a time, so more than 1 helps
   * only where keys are many. Default 2.
   */
  readonly concurrency?: number | undefined
  /** Time for a request that names none, ms. Default 10,000. */
  readonly deadlineMs?: number | undefined
  readonly onEvent?: EventListener<BatcherEvent> | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
  /** For the waits between attempts. Default: the system's. */
  readonly random?: Random | undefined
}

/** Options of one request. */
export interface RequestOptions {
  /** Time from the call to the answer, ms. Default: that of the batcher. */
  readonly deadlineMs?: number | undefined
  /** Gives up: while waiting with `signal.reason`, after its statement was sent with `WriteUnknownError`. */
  readonly signal?: AbortSignal | undefined
}

/** A request that was granted. */
export interface Grant {
  /** The counter right after this request, before those behind it. */
  readonly left: number
}
