// The whole shop dies at once, each order at another moment: a service has done its part, and the saga does not know.
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkInvariants } from '../src/invariants/check-invariants.ts'
import { startShop } from '../src/shop.ts'
import { apiOf, until } from './api.ts'
import { startChild } from './child.ts'

const CENTS = 900
const ITEMS = [{ sku: 'mug', quantity: 2 }]

/** Whose answer gets lost with everything else. */
const CHECKOUTS = {
  'the cart is taken': 'POST /carts/[^/]+/take',
  'the stock is held': 'POST /reservations$',
  'the provider holds the money': 'POST /v1/payment_intents$',
  'the hold is written down': 'POST /charges$',
  'charge and order are committed': 'POST /charges/[^/]+/settle',
  'the provider has the money': 'POST /v1/payment_intents/[^/]+/capture',
  'the money is written down': 'POST /charges/[^/]+/capture',
  'the stock is sold': 'POST /reservations/[^/]+/commit',
  'the parcel is packed': 'POST /parcels',
  'the parcel is on its way': 'POST /shipments',
}
const REFUNDS = {
  'the provider gave the money back': 'POST /v1/refunds',
  'the refund is written down': 'POST /refunds',
  'the units are on the shelf again': 'POST /restocks',
}

const orders = [...Object.entries(CHECKOUTS), ...Object.entries(REFUNDS)].map(([moment, pattern], index) => ({
  moment,
  pattern,
  id: `order-${index}`,
  user: `user-${index}`,
  isRefund: moment in REFUNDS,
  traceId: (index + 1).toString(16).padStart(32, 'f'),
}))
type Order = (typeof orders)[number]

test('kill -9 of the whole shop, at each moment of a checkout and of a refund: all is done, once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shopfleet killed '))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  // Root's servers run under another account, which has to get in.
  await chmod(folder, 0o755)
  const dataDir = join(folder, 'data')

  const rules = orders.map(({ traceId, pattern }) => `${traceId}=${pattern}`)
  await using child = startChild('shop-process.ts', [dataDir, ...rules], ['--import', 'tsx'])
  const first = apiOf(await child.line())
  await first.sell('mug', 100, CENTS)
  const traced = ({ traceId }: Order) => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` })
  await Promise.all(orders.map(({ user }) => first.add(user, ITEMS)))
  // Nobody hears the answers to these.
  const unheard: Promise<unknown>[] = []
  await Promise.all(
    orders.map(async (order) => {
      const { user, id, isRefund } = order
      if (!isRefund) {
        unheard.push(first.checkout(user, id, 'pm_card_visa', traced(order)).catch(() => {}))
        return
      }
      expect((await first.checkout(user, id)).status).toBe(201)
      const body = { refundId: `refund-${id}`, lines: [{ sku: 'mug', quantity: 1 }] }
      const options = { user, body, headers: traced(order) }
      unheard.push(first.call('POST', `/api/orders/${id}/refunds`, options).catch(() => {}))
    }),
  )
  const waiting = new Set(orders.map(({ traceId }) => traceId))
  while (waiting.size > 0) waiting.delete(await child.line())
  await child.kill()
  await Promise.all(unheard)

  await using shop = await startShop({ dataDir, deliveryMs: 50, payoutEveryMs: 60_000 })
  const api = apiOf(shop.gatewayUrl)
  await shop.drain({ deadlineMs: 30_000 })
  for (const { id, user, isRefund, moment } of orders) {
    const again = await api.checkout(user, id)
    const { status, refundedCents, totalCents } = await until(
      () => api.order(user, id),
      (order) => order.status === 'DELIVERED',
    )
    expect({ moment, again: again.status, status, totalCents, refundedCents }).toEqual({
      moment,
      again: 201,
      status: 'DELIVERED',
      totalCents: 2 * CENTS,
      refundedCents: isRefund ? CENTS : 0,
    })
    expect(await api.cart(user)).toEqual([])
  }
  const invariants = await checkInvariants(
    shop,
    [{ sku: 'mug', units: 100 }],
    orders.map(({ id }) => ({ orderId: id, items: ITEMS })),
  )
  expect(invariants.filter(({ holds }) => !holds)).toEqual([])
  const { rows } = await shop.pools.warehouse.query('select order_id from warehouse_parcels')
  expect(rows).toHaveLength(orders.length)
}, 120_000) // two starts of everything, on a machine that may be busy
