/** What the cart service takes and answers: shared with the services that call it. */
import { z } from 'zod'
import { cartBytes, cartLine, orderId } from '../../api.ts'

/** POST /carts/:userId/take: empties the cart into an order, once for each order id. */
export const takeBody = z.object({
  orderId,
  /** All that the customer's device has, as `state` of a sync: it is taken in first. */
  state: cartBytes.optional(),
  /** What earlier orders took out: a fail-over may have forgotten it, and nobody else may have told it again. */
  removals: z.array(cartBytes).default([]),
})
export const takeAnswer = z.object({
  items: z.array(cartLine),
  /** Taking them, as a delta of the cart: whoever merges it has seen them go. `null` if there were none. */
  removal: cartBytes.nullable(),
})
