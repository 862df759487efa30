import type { CartSyncBody, CartSyncView } from '../api.ts'
import type { CartDevice } from './cart-device.ts'
import type { MergedChange } from './changes.ts'

/** Twice is enough unless the shop loses edits in between. */
const MAX_ROUNDS = 5

/**
 * Syncs until neither side lacks anything. Safe to call again after any failure: what got through stays,
 * the rest is sent again.
 *
 * @param send one `PUT /api/cart/sync`.
 * @param stored called with what must survive a restart: before anything is sent, and after each merge.
 * @returns what others did to the cart.
 */
export async function syncDevice(
  device: CartDevice,
  send: (body: CartSyncBody) => Promise<CartSyncView>,
  stored: () => void = () => {},
): Promise<MergedChange[]> {
  const merged: MergedChange[] = []
  for (let round = 0; round < MAX_ROUNDS; round++) {
    stored()
    const request = device.request()
    const received = device.receive(request, await send(request))
    merged.push(...received.merged)
    stored()
    if (!received.again) break
  }
  return merged
}
