/** What the payments service takes and answers: shared with the services that call it. */
import { z } from 'zod'
import { minorUnits, orderId } from '../../api.ts'

/** POST /charges: takes the money for an order, once. The order's id is the idempotency key, all the way to the provider. */
export const chargeBody = z.object({
  orderId,
  amountCents: minorUnits.min(1),
  paymentMethod: z.string().min(1).max(100),
})
export const chargeAnswer = z.object({ orderId, amountCents: minorUnits, providerId: z.string() })

/** POST /charges/:orderId/void: whatever was taken for the order is given back; a late charge for it is refused. */
export const voidAnswer = z.object({ orderId, refundedCents: minorUnits })

/** POST /refunds: gives back a part of what was taken. The refund's id is the idempotency key. */
export const refundBody = z.object({ refundId: orderId, orderId, amountCents: minorUnits.min(1) })
export const refundAnswer = z.object({ refundId: orderId, amountCents: minorUnits })
