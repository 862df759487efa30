import { z } from 'zod'
import { orderId } from '../../api.ts'

/** POST /shipments: takes a parcel. The order's id is the key: asked again, it is the same shipment. */
export const shipBody = z.object({
  orderId,
  parcelId: z.string().min(1).max(100),
  country: z.string().max(60),
})
export const shipAnswer = z.object({ tracking: z.string() })

/** PUT /webhook: where the shop wants to hear of its parcels. */
export const webhookBody = z.object({ url: z.url().max(500) })

/** What the carrier posts to its customer's webhook, again and again until it is answered 2xx. */
export const deliveredEvent = z.object({
  event: z.literal('delivered'),
  orderId,
  tracking: z.string(),
  at: z.iso.datetime(),
})
export type DeliveredEvent = z.infer<typeof deliveredEvent>
