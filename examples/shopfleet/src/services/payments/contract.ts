/** What the payments service takes and answers: shared with the services that call it. */
import { z } from 'zod'
import { minorUnits, orderId } from '../../api.ts'

/** POST /charges: has the money for an order set aside, once. The order's id is the idempotency key, all the way to the provider. */
export const chargeBody = z.object({
  orderId,
  amountCents: minorUnits.min(1),
  paymentMethod: z.string().min(1).max(100),
})
export const chargeAnswer = z.object({ orderId, amountCents: minorUnits, providerId: z.string() })

// POST /charges/:orderId/settle: the charge is settled and the order PAID, both or neither; 204.
// POST /charges/:orderId/capture: the provider takes what was set aside, for a settled charge; 204.

/** POST /charges/:orderId/void: what was set aside for the order is released; a late charge for it is refused, and so is the void of a settled one. */
export const voidAnswer = z.object({ orderId, releasedCents: minorUnits })

/** POST /refunds: gives back a part of what was taken. The refund's id is the idempotency key. */
export const refundBody = z.object({ refundId: orderId, orderId, amountCents: minorUnits.min(1) })
export const refundAnswer = z.object({ refundId: orderId, amountCents: minorUnits })
