/** The services that an order passes through, as calls with names. Each is safe to repeat with the same order. */
import type { z } from 'zod'
import type { CartLine } from '../../api.ts'
import { profileView } from '../../api.ts'
import { shipAnswer } from '../../outside/carrier/contract.ts'
import { packAnswer } from '../../outside/warehouse/contract.ts'
import { serviceClient } from '../../shared/http-client.ts'
import { isProblem } from '../../shared/problem.ts'
import { takeAnswer } from '../cart/contract.ts'
import { pricesAnswer } from '../catalog/contract.ts'
import { commitAnswer, reservationAnswer } from '../inventory/contract.ts'
import { chargeAnswer, refundAnswer, voidAnswer } from '../payments/contract.ts'
import type { PricedLine } from './store.ts'

export interface NeighbourUrls {
  readonly cart: string
  readonly catalog: string
  readonly inventory: string
  readonly payments: string
  readonly profiles: string
  readonly warehouse: string
  readonly carrier: string
}

export type Neighbours = ReturnType<typeof neighbours>

/** Payments may have to ask the provider twice. */
const CHARGE_DEADLINE_MS = 8_000

export function neighbours(urls: NeighbourUrls) {
  const cart = serviceClient('cart', urls.cart)
  const catalog = serviceClient('catalog', urls.catalog)
  const inventory = serviceClient('inventory', urls.inventory)
  const payments = serviceClient('payments', urls.payments)
  const profiles = serviceClient('profiles', urls.profiles)
  const warehouse = serviceClient('warehouse', urls.warehouse)
  const carrier = serviceClient('carrier', urls.carrier)
  const idPath = (id: string): string => encodeURIComponent(id)

  return {
    /**
     * What the cart holds, with all that the customer's device has; it is then empty.
     *
     * @param removals what earlier orders of this customer took.
     */
    async takeCart(
      { userId, orderId, cart: state }: { userId: string; orderId: string; cart?: string | undefined },
      removals: readonly string[],
      signal: AbortSignal,
    ): Promise<z.infer<typeof takeAnswer>> {
      const path = `/carts/${idPath(userId)}/take`
      return cart.call('POST', path, { body: { orderId, state, removals }, answer: takeAnswer, signal })
    },

    /** Today's price of each line, and the skus that are not sold. */
    async price(
      items: readonly CartLine[],
      signal: AbortSignal,
    ): Promise<{ lines: PricedLine[]; unknown: string[] }> {
      const body = { skus: items.map(({ sku }) => sku) }
      const { prices } = await catalog.call('POST', '/prices', { body, answer: pricesAnswer, signal })
      const bySku = new Map(prices.map(({ sku, priceCents }) => [sku, priceCents]))
      return {
        lines: items.map((item) => ({ ...item, priceCents: bySku.get(item.sku) ?? 0 })),
        unknown: items.flatMap(({ sku }) => (bySku.has(sku) ? [] : [sku])),
      }
    },

    async reserve(id: string, lines: readonly CartLine[], signal: AbortSignal): Promise<void> {
      const body = { id, lines: lines.map(({ sku, quantity }) => ({ sku, quantity })) }
      await inventory.call('POST', '/reservations', { body, answer: reservationAnswer, signal })
    },
    /** Sold; or promised and not there. */
    async commitStock(id: string, signal: AbortSignal): Promise<z.infer<typeof commitAnswer>> {
      return inventory.call('POST', `/reservations/${idPath(id)}/commit`, { answer: commitAnswer, signal })
    },
    async releaseStock(id: string, signal: AbortSignal): Promise<void> {
      await inventory.call('POST', `/reservations/${idPath(id)}/release`, {
        answer: reservationAnswer,
        signal,
      })
    },
    async restock(
      id: string,
      reservationId: string,
      lines: readonly CartLine[],
      signal: AbortSignal,
    ): Promise<void> {
      await inventory.call('POST', '/restocks', { body: { id, reservationId, lines }, signal })
    },

    async authorise(
      orderId: string,
      amountCents: number,
      paymentMethod: string,
      signal: AbortSignal,
    ): Promise<string> {
      const body = { orderId, amountCents, paymentMethod }
      const options = { body, answer: chargeAnswer, signal, deadlineMs: CHARGE_DEADLINE_MS }
      return (await payments.call('POST', '/charges', options)).providerId
    },
    async settle(orderId: string, signal: AbortSignal): Promise<void> {
      const options = { signal, deadlineMs: CHARGE_DEADLINE_MS }
      await payments.call('POST', `/charges/${idPath(orderId)}/settle`, options)
    },
    async capture(orderId: string, signal: AbortSignal): Promise<void> {
      const options = { signal, deadlineMs: CHARGE_DEADLINE_MS }
      await payments.call('POST', `/charges/${idPath(orderId)}/capture`, options)
    },
    async voidCharge(orderId: string, signal: AbortSignal): Promise<number> {
      const options = { answer: voidAnswer, signal, deadlineMs: CHARGE_DEADLINE_MS }
      return (await payments.call('POST', `/charges/${idPath(orderId)}/void`, options)).releasedCents
    },
    async refund(refundId: string, orderId: string, amountCents: number, signal: AbortSignal): Promise<void> {
      const body = { refundId, orderId, amountCents }
      await payments.call('POST', '/refunds', {
        body,
        answer: refundAnswer,
        signal,
        deadlineMs: CHARGE_DEADLINE_MS,
      })
    },

    async pack(orderId: string, lines: readonly CartLine[], signal: AbortSignal): Promise<string> {
      const body = { orderId, lines: lines.map(({ sku, quantity }) => ({ sku, quantity })) }
      return (await warehouse.call('POST', '/parcels', { body, answer: packAnswer, signal })).parcelId
    },
    async ship(orderId: string, parcelId: string, country: string, signal: AbortSignal): Promise<string> {
      const body = { orderId, parcelId, country }
      return (await carrier.call('POST', '/shipments', { body, answer: shipAnswer, signal })).tracking
    },
    /** Tells the carrier where we want to hear of our parcels. */
    async listenToCarrier(url: string): Promise<void> {
      await carrier.call('PUT', '/webhook', { body: { url } })
    },
    /** Where the customer lives; a customer may buy without a profile. */
    async countryOf(userId: string, signal: AbortSignal): Promise<string> {
      try {
        return (await profiles.call('GET', `/profiles/${idPath(userId)}`, { answer: profileView, signal }))
          .country
      } catch (error) {
        if (isProblem(error, 'no-profile')) return 'unknown'
        throw error
      }
    },

    async close(): Promise<void> {
      await Promise.all(
        [cart, catalog, inventory, payments, profiles, warehouse, carrier].map((client) => client.close()),
      )
    },
  }
}
