/**
 * Holding money, taking it and giving it back. The provider is another company: between "asked" and "answered"
 * lies a network, so each operation first writes down what it is about to do, then asks with a key that makes a
 * repeat harmless, then writes down the answer. A crash anywhere leaves a row that says what to ask again.
 *
 *   pending ─► authorised ─► settled (settlement.ts, with the order) ─► captured_at ─► refunds
 *      └─► declined  └────────┴─► voiding ─► voided
 */
import { Problem } from '../../shared/problem.ts'
import type { Provider } from './provider.ts'
import type { PaymentsStore } from './store.ts'

export interface Payments {
  /** Has the amount set aside on the customer's card. */
  authorise(order: {
    orderId: string
    amountCents: number
    paymentMethod: string
  }): Promise<{ providerId: string }>
  /** Has the provider take what was set aside for a settled charge. */
  capture(orderId: string): Promise<void>
  /** Releases whatever was set aside for an order that is not paid. @returns how much that was. */
  void(orderId: string): Promise<number>
  refund(refund: { refundId: string; orderId: string; amountCents: number }): Promise<void>
}

export function payments(store: PaymentsStore, provider: Provider): Payments {
  const capture = async (orderId: string): Promise<void> => {
    const charge = await store.get(orderId)
    if (charge === undefined) throw unknownCharge(orderId)
    // Money is taken for orders that are PAID, and for no others.
    if (charge.status !== 'settled') {
      throw new Problem(
        409,
        'not-settled',
        `The charge of order ${orderId} is ${charge.status}; settle it first`,
      )
    }
    if (charge.isCaptured) return
    if (charge.providerId === null) throw new Error(`Settled charge ${orderId} has no provider id`)
    await provider.capture({ orderId, providerId: charge.providerId })
    await store.capture(orderId)
  }

  return {
    capture,

    async authorise({ orderId, amountCents, paymentMethod }) {
      const before = await store.begin(orderId, amountCents)
      const isHeld = before.status === 'authorised' || before.status === 'settled'
      if (before.status === 'declined') throw declined(before.declineMessage ?? 'declined')
      if (before.status !== 'pending' && !isHeld) throw voided(orderId)
      if (before.amountCents !== amountCents) {
        throw new Problem(
          409,
          'amount-changed',
          `Order ${orderId} is being charged another amount; use a new order id`,
        )
      }
      if (isHeld && before.providerId !== null) return { providerId: before.providerId }

      const result = await provider.authorise({ orderId, amountCents, paymentMethod })
      if (result.status === 'declined') {
        await store.decline(orderId, result.providerId, result.message)
        throw declined(result.message)
      }
      if (await store.authorise(orderId, result.providerId)) return { providerId: result.providerId }
      // Voided while the provider was at work: the money is let go again.
      await release(store, provider, orderId, result.providerId)
      throw voided(orderId)
    },

    async void(orderId) {
      const before = await store.beginVoid(orderId)
      // The settled charge and the PAID order stand together: only a refund of the order takes money back.
      if (before.status === 'settled') {
        throw new Problem(
          409,
          'charge-settled',
          `Order ${orderId} is paid and its charge settled; refund the order instead`,
        )
      }
      if (before.status === 'voided' || before.status === 'declined') return 0
      // Pending or interrupted: only the provider knows whether it holds the money.
      const held =
        before.providerId === null
          ? await provider.findHold(orderId)
          : { providerId: before.providerId, amountCents: before.amountCents }
      if (held === undefined) {
        await store.finishVoid(orderId, undefined)
        return 0
      }
      await release(store, provider, orderId, held.providerId)
      return held.amountCents
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
      // An order can be refunded the moment it is PAID, and what was not taken cannot be given back.
      await capture(orderId)
      const charge = await store.get(orderId)
      if (charge?.providerId == null) throw new Error(`Settled charge ${orderId} has no provider id`)
      const providerId = await provider.refund({ key: refundId, providerId: charge.providerId, amountCents })
      await store.finishRefund(refundId, providerId)
    },
  }
}

/**
 * Looks again for charges of voided orders: a request that was on its way when we asked may have arrived since.
 *
 * @returns how many were found and released.
 */
export async function reconcile(
  store: PaymentsStore,
  provider: Provider,
  sinceMinutes: number,
): Promise<number> {
  let found = 0
  for (const orderId of await store.voidedBlind(sinceMinutes)) {
    const held = await provider.findHold(orderId)
    if (held === undefined) continue
    await release(store, provider, orderId, held.providerId)
    found++
  }
  return found
}

async function release(
  store: PaymentsStore,
  provider: Provider,
  orderId: string,
  providerId: string,
): Promise<void> {
  await provider.cancel({ orderId, providerId })
  await store.finishVoid(orderId, providerId)
}

export function unknownCharge(orderId: string): Problem {
  return new Problem(404, 'unknown-charge', `No charge for order ${orderId}`)
}

function declined(message: string): Problem {
  return new Problem(402, 'declined', message)
}

function voided(orderId: string): Problem {
  return new Problem(409, 'charge-voided', `The charge of order ${orderId} was voided; use a new order id`)
}
