import { saga } from '@quorate/saga'
import type { PoolClient } from 'pg'
import type { CartLine } from '../../api.ts'
import { continueTrace, withTrace } from '../../shared/trace.ts'
import { asStepFailure } from './failures.ts'
import type { Neighbours } from './neighbours.ts'
import { claimRefund, finishRefund } from './store.ts'

export interface RefundInput {
  readonly refundId: string
  readonly orderId: string
  readonly lines: readonly CartLine[]
  readonly traceparent: string
}

const STUBBORN = { maxAttempts: 1_000, baseMs: 100, maxMs: 2_000 }

/**
 *   claim │ pivot ─ pay-back ─ restock ─ finish
 *
 * The claim is where a refund is refused: more units than were bought, or an order that was never paid.
 * Once it stands, the customer gets the money, however long the others are away.
 */
export function refundSaga(shop: Neighbours) {
  const call = async <T>({ input }: { input: RefundInput }, work: () => Promise<T>): Promise<T> => {
    try {
      return await withTrace(continueTrace(input.traceparent), work)
    } catch (error) {
      throw asStepFailure(error)
    }
  }

  return saga<RefundInput, PoolClient>('refund', { version: 1 })
    .tx({
      name: 'claim',
      run: async ({ tx, input: { refundId, orderId, lines } }) => ({
        amountCents: await claimRefund(tx, { id: refundId, orderId, lines }),
      }),
    })
    .pivot()
    .step({
      name: 'pay-back',
      deadlineMs: 10_000,
      retry: STUBBORN,
      run: (step) =>
        call(step, () =>
          shop.refund(step.input.refundId, step.input.orderId, step.results.claim.amountCents, step.signal),
        ),
    })
    .step({
      name: 'restock',
      deadlineMs: 6_000,
      retry: STUBBORN,
      run: (step) =>
        call(step, () =>
          shop.restock(step.input.refundId, step.input.orderId, step.input.lines, step.signal),
        ),
    })
    .tx({
      name: 'finish',
      run: ({ tx, input, results }) =>
        finishRefund(tx, {
          id: input.refundId,
          orderId: input.orderId,
          amountCents: results.claim.amountCents,
        }),
    })
}
