import { type Clock, systemClock } from '@quorate/core'
import type { ShopClient } from './shop-client.ts'

const LOOKS = 25
const LOOK_EVERY_MS = 200

/**
 * After a refund was refused: the shop was quicker, because the order had been oversold, and gives all of it back.
 *
 * @throws Error if it has no apology: no other refusal is one that a replay can cause.
 */
export async function apologised(
  client: Pick<ShopClient, 'order'>,
  userId: string,
  orderId: string,
  clock: Pick<Clock, 'sleep'> = systemClock,
): Promise<void> {
  for (let look = 1; look <= LOOKS; look++) {
    if ((await client.order(userId, orderId))?.apology === 'oversold') return
    // It is read from a replica, which hears of it in a moment.
    await clock.sleep(LOOK_EVERY_MS)
  }
  throw new Error(`The refund of order ${orderId} was refused, and it has no apology`)
}
