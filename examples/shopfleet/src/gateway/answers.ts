/** Which HTTP answer an order's state is. Pure. */
import type { OrderView } from '../api.ts'
import { Problem } from '../shared/problem.ts'

type CancelReason = NonNullable<OrderView['cancelReason']>

const REFUSALS: Readonly<Record<CancelReason, { status: number; message: string }>> = {
  declined: {
    status: 402,
    message: 'The card was declined, nothing was charged; check out again with another card',
  },
  'out-of-stock': {
    status: 409,
    message: 'Some lines are out of stock, nothing was charged; see order.short',
  },
  'unknown-product': { status: 422, message: 'Some products are not sold any more, nothing was charged' },
  unavailable: {
    status: 503,
    message: 'The shop could not finish the order, nothing is charged; check out again in a moment',
  },
}

/** 201 when the order stands, 202 when it is still open. @throws Problem with the order inside when it was cancelled. */
export function checkoutAnswer(order: OrderView): { status: number; body: OrderView } {
  // Also of an order that is only about to be cancelled: the answer is the same.
  if (order.cancelReason !== null) throw refusal(order, order.cancelReason)
  switch (order.status) {
    case 'CREATED':
    case 'PAYMENT_PENDING':
      return { status: 202, body: order }
    case 'CANCELLED':
      throw refusal(order, 'unavailable')
    case 'PAID':
    case 'FULFILLMENT_PENDING':
    case 'SHIPPED':
    case 'DELIVERED':
    case 'REFUNDED':
      return { status: 201, body: order }
    default:
      return order.status satisfies never
  }
}

function refusal(order: OrderView, reason: CancelReason): Problem {
  const { status, message } = REFUSALS[reason]
  return new Problem(status, reason, message, {
    details: { order },
    ...(status === 503 ? { retryAfterSeconds: 1 } : {}),
  })
}
