/** What the orders service takes and answers: shared with the gateway. */
import { z } from 'zod'
import { checkoutBody, cartLine, minorUnits, orderId, orderView, userId } from '../../api.ts'

/** POST /orders: turns the user's cart into an order. The order's id is the idempotency key. */
export const placeBody = checkoutBody.extend({ userId })

/** POST /orders/:id/refunds */
export const refundBody = z.object({ refundId: orderId, userId, lines: z.array(cartLine).min(1).max(1_000) })
export const refundAnswer = z.object({
  refundId: orderId,
  orderId,
  amountCents: minorUnits,
  order: orderView,
})

export const ordersQuery = z.object({ userId })

/** GET /sagas: how many are under way, and how many somebody has to look at. */
export const sagaCounts = z.object({ open: z.int(), needsAttention: z.int() })
