/** Which failures of a call are worth another attempt, and what an order's end is called. */
import { NonRetryableError, type SagaFailure } from '@quorate/saga'
import { Problem } from '../../shared/problem.ts'
import type { ShortLine } from '../inventory/contract.ts'
import type { CancelReason } from './store.ts'

/**
 * Answers that no repeat can change turn the saga round at once; the rest (no answer, 5xx, too many
 * requests) is left to its retries.
 */
export function asStepFailure(error: unknown): unknown {
  if (!(error instanceof Problem)) return error
  if (error.status >= 500 || error.status === 408 || error.status === 429) return error
  return new NonRetryableError(error.message, { code: error.code, data: error.details })
}

/** Refusals of a cart, after which there never was an order, and how they are answered. */
export const REFUSED_CARTS: ReadonlyMap<string, number> = new Map([
  ['empty-cart', 422],
  ['cart-full', 422],
  ['wrong-bytes', 400],
  ['wrong-type', 400],
  ['newer-format', 400],
  ['too-large', 400],
  ['duplicate-device', 409],
])

const REASONS = new Set<string>(['out-of-stock', 'declined', 'unknown-product'])

export function cancelReasonOf({ code }: SagaFailure): CancelReason {
  return code !== undefined && REASONS.has(code) ? (code as CancelReason) : 'unavailable'
}

/** With `out-of-stock`: which lines were short. */
export function shortLinesOf({ code, data }: SagaFailure): ShortLine[] | undefined {
  return code === 'out-of-stock' ? (data as { short?: ShortLine[] } | undefined)?.short : undefined
}
