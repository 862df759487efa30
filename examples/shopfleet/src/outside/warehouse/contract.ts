import { z } from 'zod'
import { cartLine, orderId } from '../../api.ts'

/** POST /parcels: packs an order. The order's id is the key: asked again, it is the same parcel. */
export const packBody = z.object({ orderId, lines: z.array(cartLine).min(1).max(1_000) })
export const packAnswer = z.object({ parcelId: z.string() })
