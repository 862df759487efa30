/** What the cart service takes and answers: shared with the services that call it. */
import { z } from 'zod'
import { cartLine, orderId } from '../../api.ts'

/** POST /carts/:userId/take: empties the cart into an order, once for each order id. */
export const takeBody = z.object({ orderId })
export const takeAnswer = z.object({ items: z.array(cartLine) })
