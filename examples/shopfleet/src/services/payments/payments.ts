/**
 * Taking money and giving it back. The provider is another company: between "asked" and "answered" lies a
 * network, so each operation first writes down what it is about to do, then asks with a key that makes a
 * repeat harmless, then writes down the answer. A crash anywhere leaves a row that says what to ask again.
 */
import { Problem } from '../../shared/problem.ts'
import type { Provider } from './provider.ts'
import type { PaymentsStore } from './store.ts'

export interface Payments {
  charge(order: {
    orderId: string
    amountCents: number
    paymentMethod: string
  }): Promise<{ providerId: string }>
  /** Gives back whatever was taken for the order. @returns how much that was. */
  void(orderId: string): Promise<number>
  refund(refund: { refundId: string; orderId: string; amountCents: number }): Promise<void>
}

export function payments(store: PaymentsStore, provider: Provider): Payments {
  return {
    async charge({ orderId, amountCents, paymentMethod }) {
      const before = await store.begin(orderId, amountCents)
      if (before.status === 'captured' && before.providerId !== null) return { providerId: before.providerId }
      if (before.status === 'declined') throw declined(before.declineMessage ?? 'declined')
      if (before.status !== 'pending') throw voided(orderId)
      if (before.amountCents !== amountCents) {
        throw new Problem(
          409,
          'amount-changed',
          `Order ${orderId} is being charged another amount; use a new order id`,
        )
      }

      const result = await provider.charge({ orderId, amountCents, paymentMethod })
      if (result.status === 'declined') {
        await store.decline(orderId, result.providerId, result.message)
        throw declined(result.message)
      }
      if (await store.capture(orderId, result.providerId)) return { providerId: result.providerId }
      // Voided while the provider was at work: the money goes straight back.
      await giveBack(store, provider, orderId, { providerId: result.providerId, amountCents })
      throw voided(orderId)
    },

    async void(orderId) {
      const before = await store.beginVoid(orderId)
      if (before.status === 'voided') return before.refundedCents
      if (before.status === 'declined') return 0
      // Pending or interrupted: only the provider knows whether it took the money.
      const taken =
        before.providerId === null
          ? await provider.findCharge(orderId)
          : { providerId: before.providerId, amountCents: before.amountCents - before.refundedCents }
      if (taken === undefined) {
        await store.finishVoid(orderId, undefined)
        return 0
      }
      await giveBack(store, provider, orderId, taken)
      return taken.amountCents
    },

    async refund({ refundId, orderId, amountCents }) {
      const status = await store.beginRefund(refundId, orderId, amountCents)
      if (status === 'done') return
      if (status === 'too-much') {
        throw new Problem(
          409,
          'not-refundable',
          `Order ${orderId} has less than ${amountCents} left to refund`,
        )
      }
      const charge = await store.get(orderId)
      if (charge?.providerId == null) throw new Error(`Captured charge ${orderId} has no provider id`)
      const providerId = await provider.refund({ key: refundId, providerId: charge.providerId, amountCents })
      await store.finishRefund(refundId, providerId)
    },
  }
}

/**
 * Looks again for charges of voided orders: a request that was on its way when we asked may have arrived since.
 *
 * @returns how many were found and given back.
 */
export async function reconcile(
  store: PaymentsStore,
  provider: Provider,
  sinceMinutes: number,
): Promise<number> {
  let found = 0
  for (const orderId of await store.voidedBlind(sinceMinutes)) {
    const taken = await provider.findCharge(orderId)
    if (taken === undefined) continue
    await giveBack(store, provider, orderId, taken)
    found++
  }
  return found
}

async function giveBack(
  store: PaymentsStore,
  provider: Provider,
  orderId: string,
  { providerId, amountCents }: { providerId: string; amountCents: number },
): Promise<void> {
  if (amountCents > 0) await provider.refund({ key: `void:${orderId}`, providerId, amountCents })
  await store.finishVoid(orderId, { providerId, refundedCents: amountCents })
}

function declined(message: string): Problem {
  return new Problem(402, 'declined', message)
}

function voided(orderId: string): Problem {
  return new Problem(409, 'charge-voided', `The charge of order ${orderId} was voided; use a new order id`)
}
