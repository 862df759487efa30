import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { CartLine } from '../src/api.ts'
import { CartDevice } from '../src/device/cart-device.ts'
import { startShop, type Shop } from '../src/shop.ts'
import { apiOf, offlineCart, until, type Api } from './api.ts'

let shop: Shop
let api: Api

beforeAll(async () => {
  shop = await startShop({ payoutEveryMs: 200, deliveryMs: 50 })
  api = apiOf(shop.gatewayUrl)
})
afterAll(() => shop?.stop())

async function stockRow(sku: string) {
  const { rows } = await shop.pools.inventory.query(
    `select available, reserved, sold,
       (select sum(available_delta)::int from stock_movements m where m.sku = stock.sku) as "ledgerAvailable"
     from stock where sku = $1`,
    [sku],
  )
  return rows[0] as { available: number; reserved: number; sold: number; ledgerAvailable: number }
}

/** All that the provider has of an order, declined attempts apart: held, taken, or let go. */
async function intentsOf(orderId: string) {
  const { rows } = await shop.pools.provider.query(
    `select body ->> 'status' as status, (body ->> 'amount_capturable')::int as held, (body ->> 'amount_received')::int as taken
     from provider_intents
     where body -> 'metadata' ->> 'order_id' = $1 and body ->> 'status' <> 'requires_payment_method'`,
    [orderId],
  )
  return rows as { status: string; held: number; taken: number }[]
}

/** The provider takes the money after the customer has the answer. */
const charged = (orderId: string, cents: number) =>
  until(
    () => intentsOf(orderId),
    (intents) => intents.length === 1 && intents[0]?.taken === cents && intents[0].held === 0,
  )

const lose = (faults: { loseReplies?: number; refuse?: number; only?: string }) =>
  fetch(`${shop.urls.provider}/control/faults`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(faults),
  })
afterEach(() => lose({}))

/** Straight to the payments service, as a saga calls it. */
const direct = (path: string, body?: unknown) =>
  fetch(`${shop.urls.payments}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test('checkout takes the cart, the stock and the money once, and the parcel arrives', async () => {
  await api.sell('happy', 10, 250)
  await api.add('ann', [{ sku: 'happy', quantity: 3 }])
  const { status, body } = await api.checkout('ann', 'happy-1')
  expect({ status, total: body.totalCents, lines: body.lines }).toEqual({
    status: 201,
    total: 750,
    lines: [{ sku: 'happy', quantity: 3, priceCents: 250, refundedQuantity: 0 }],
  })
  expect(await api.cart('ann')).toEqual([])
  const order = await until(
    () => api.order('ann', 'happy-1'),
    (now) => now.status === 'DELIVERED',
  )
  expect(order.tracking).toMatch(/^SF/)
  expect(await stockRow('happy')).toEqual({ available: 7, reserved: 0, sold: 3, ledgerAvailable: 7 })
  expect(await intentsOf('happy-1')).toEqual([{ status: 'succeeded', held: 0, taken: 750 }])
  const { rows } = await shop.pools.orders.query(
    'select status from order_history where order_id = $1 order by seq',
    ['happy-1'],
  )
  expect(rows.map(({ status: was }) => was)).toEqual([
    'CREATED',
    'PAYMENT_PENDING',
    'PAID',
    'FULFILLMENT_PENDING',
    'SHIPPED',
    'DELIVERED',
  ])
})

test('checkout with the same order id is the same order, also ten times at once', async () => {
  await api.sell('once', 10)
  await api.add('bea', [{ sku: 'once', quantity: 2 }])
  const answers = await Promise.all(Array.from({ length: 10 }, () => api.checkout('bea', 'once-1')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(answers.map(({ body }) => body.createdAt)).size).toBe(1)
  await api.add('bea', [{ sku: 'once', quantity: 5 }])
  expect((await api.checkout('bea', 'once-1')).body.lines).toEqual(answers[0]?.body.lines)
  expect(await api.cart('bea')).toEqual([{ sku: 'once', quantity: 5 }])
  expect((await stockRow('once')).available).toBe(8)
  await charged('once-1', 1_000)
})

test('checkout by another user with a taken order id is refused and tells nothing', async () => {
  await api.sell('mine', 10)
  await api.add('cal', [{ sku: 'mine', quantity: 1 }])
  await api.checkout('cal', 'mine-1')
  const { status, body } = await api.checkout('dan', 'mine-1')
  expect([status, body.code, body.order]).toEqual([409, 'order-id-taken', undefined])
  expect((await api.call('GET', '/api/orders/mine-1', { user: 'dan' })).status).toBe(404)
})

test('checkout with a declined card releases the stock and charges nothing', async () => {
  await api.sell('declined', 4)
  await api.add('eve', [{ sku: 'declined', quantity: 4 }])
  const { status, body } = await api.checkout('eve', 'declined-1', 'pm_card_chargeDeclined')
  expect([status, body.code, body.order?.status, body.order?.cancelReason]).toEqual([
    402,
    'declined',
    'CANCELLED',
    'declined',
  ])
  expect(await stockRow('declined')).toEqual({ available: 4, reserved: 0, sold: 0, ledgerAvailable: 4 })
  expect(await intentsOf('declined-1')).toEqual([])
})

test('checkout says which lines are short and reserves none of the others', async () => {
  await api.sell('plenty', 100)
  await api.sell('scarce', 2)
  await api.add('fay', [
    { sku: 'plenty', quantity: 1 },
    { sku: 'scarce', quantity: 3 },
  ])
  const { status, body } = await api.checkout('fay', 'short-1')
  expect([status, body.order?.short]).toEqual([409, [{ sku: 'scarce', wanted: 3, available: 2 }]])
  expect((await stockRow('plenty')).available).toBe(100)
})

test('20 customers who want the last 7 units get exactly 7', async () => {
  await api.sell('hot', 7)
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      await api.add(`hot-${index}`, [{ sku: 'hot', quantity: 1 }])
      return (await api.checkout(`hot-${index}`, `hot-${index}`)).status
    }),
  )
  expect(statuses.filter((status) => status === 201)).toHaveLength(7)
  expect(statuses.filter((status) => status === 409)).toHaveLength(13)
  await shop.drain()
  expect(await stockRow('hot')).toEqual({ available: 0, reserved: 0, sold: 7, ledgerAvailable: 0 })
})

test('checkout with an empty cart makes no order', async () => {
  expect((await api.checkout('gil', 'empty-1')).body.code).toBe('empty-cart')
  expect((await api.call('GET', '/api/orders/empty-1', { user: 'gil' })).status).toBe(404)
})

test('an order is of what the device has as well, once, and its answer says what it took out of the cart', async () => {
  for (const sku of ['in-shop', 'on-device']) await api.sell(sku, 10)
  await api.add('gil', [{ sku: 'in-shop', quantity: 1 }])
  const phone = CartDevice.create('phone')
  phone.add('on-device', 2)
  const placed = await api.checkoutOn('gil', 'device-1', phone.state())
  expect([placed.status, placed.body.lines.map(({ sku, quantity }) => `${quantity} ${sku}`)]).toEqual([
    201,
    ['1 in-shop', '2 on-device'],
  ])
  // Asked again, and looked at later, it says the same.
  const again = await api.checkoutOn('gil', 'device-1', phone.state())
  const { cartRemoval } = placed.body
  expect([again.body.cartRemoval, (await api.order('gil', 'device-1')).cartRemoval]).toEqual([
    cartRemoval,
    cartRemoval,
  ])
  phone.ordered(String(cartRemoval))
  expect([phone.items(), await api.cart('gil')]).toEqual([[], []])
  // Handed in late, the old cart is known to be ordered.
  const late = await api.checkoutOn('gil', 'device-2', phone.state())
  expect([late.status, late.body.code]).toEqual([422, 'empty-cart'])
})

test('a checkout with what is no cart is refused, and makes no order', async () => {
  const bytes = Buffer.from(offlineCart('phone', [{ sku: 'tv', quantity: 1 }]), 'base64')
  const cutOff = bytes.subarray(0, -1).toString('base64')
  const refused = await api.checkoutOn('gil', 'no-cart-1', cutOff)
  expect([refused.status, refused.body.code]).toEqual([400, 'wrong-bytes'])
  expect(refused.body.message).toMatch(/then check out with a new order id$/)
  const tooLong = await api.checkoutOn('gil', 'no-cart-2', 'A'.repeat(700_000))
  expect([tooLong.status, tooLong.body.code]).toEqual([400, 'invalid-input'])
  for (const id of ['no-cart-1', 'no-cart-2'])
    expect((await api.call('GET', `/api/orders/${id}`, { user: 'gil' })).status).toBe(404)
})

test('a provider that loses its replies, to the hold and to the capture, has charged once', async () => {
  await api.sell('lost', 10, 900)
  await api.add('hal', [{ sku: 'lost', quantity: 1 }])
  // The client's own repeat is lost too, so the saga has to ask again with the same key.
  await lose({ loseReplies: 2 })
  expect((await api.checkout('hal', 'lost-1')).status).toBe(201)
  await charged('lost-1', 900)

  await api.add('hal', [{ sku: 'lost', quantity: 1 }])
  await lose({ loseReplies: 2, only: '/capture' })
  expect((await api.checkout('hal', 'lost-2')).status).toBe(201)
  await charged('lost-2', 900)
  await shop.drain()
})

test('while the provider takes no captures, a paid order stays paid, and a refund waits for the money to be there', async () => {
  await api.sell('slow', 10, 600)
  await api.add('ida', [{ sku: 'slow', quantity: 1 }])
  await lose({ refuse: 1_000, only: '/capture' })
  expect((await api.checkout('ida', 'slow-1')).status).toBe(201)
  expect(await intentsOf('slow-1')).toEqual([{ status: 'requires_capture', held: 600, taken: 0 }])
  const refunded = api.refund('ida', 'slow-1', 'r-slow', [{ sku: 'slow', quantity: 1 }])
  await lose({ refuse: 0 })
  expect((await refunded).body.order.status).toBe('REFUNDED')
  await charged('slow-1', 600)
  await shop.drain()
})

test('a provider that holds money and then stays away is asked later, and the hold is released', async () => {
  await lose({ loseReplies: 2 })
  const charge = { orderId: 'away-1', amountCents: 900, paymentMethod: 'pm_card_visa' }
  expect((await direct('/charges', charge)).status).toBe(503)
  expect(await intentsOf('away-1')).toEqual([{ status: 'requires_capture', held: 900, taken: 0 }])
  const voided = (await (await direct('/charges/away-1/void')).json()) as { releasedCents: number }
  expect(voided.releasedCents).toBe(900)
  expect(await intentsOf('away-1')).toEqual([{ status: 'canceled', held: 0, taken: 0 }])
  expect((await direct('/charges', charge)).status).toBe(409)
})

test('a refund gives money and units back once, and never more than was bought', async () => {
  await api.sell('refund', 10, 300)
  await api.add('jan', [{ sku: 'refund', quantity: 4 }])
  await api.checkout('jan', 'refund-1')
  const lines: CartLine[] = [{ sku: 'refund', quantity: 1 }]
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => api.refund('jan', 'refund-1', 'r-1', lines)),
  )
  for (const { status, body } of answers) expect([status, body.amountCents]).toEqual([201, 300])
  expect((await stockRow('refund')).available).toBe(7)
  expect((await api.refund('jan', 'refund-1', 'r-2', [{ sku: 'refund', quantity: 4 }])).body.code).toBe(
    'not-refundable',
  )
  expect((await api.refund('jan', 'refund-1', 'r-1', [{ sku: 'refund', quantity: 2 }])).body.code).toBe(
    'refund-id-taken',
  )
  const rest = await api.refund('jan', 'refund-1', 'r-3', [{ sku: 'refund', quantity: 3 }])
  expect([rest.body.order.status, rest.body.order.refundedCents]).toEqual(['REFUNDED', 1_200])
  await shop.drain()
  expect((await stockRow('refund')).available).toBe(10)
})

test('two devices that were offline end with one cart that has all of both', async () => {
  const sync = (state: string) =>
    api.call<{ items: CartLine[]; state: string }>('PUT', '/api/cart/sync', { user: 'kim', body: { state } })
  await sync(offlineCart('kim-phone', [{ sku: 'tv', quantity: 1 }]))
  const { body } = await sync(
    offlineCart('kim-laptop', [
      { sku: 'tv', quantity: 2 },
      { sku: 'cable', quantity: 1 },
    ]),
  )
  expect(body.items).toEqual([
    { sku: 'cable', quantity: 1 },
    { sku: 'tv', quantity: 3 },
  ])
  expect((await sync(body.state)).body.items).toEqual(body.items)
  expect((await sync('AAAA')).status).toBe(400)
})

test('a device that comes back after a checkout does not bring the ordered things back', async () => {
  await api.sell('back', 10)
  const phone = offlineCart('lea-phone', [{ sku: 'back', quantity: 1 }])
  await api.call('PUT', '/api/cart/sync', { user: 'lea', body: { state: phone } })
  await api.checkout('lea', 'back-1')
  await api.call('PUT', '/api/cart/sync', { user: 'lea', body: { state: phone } })
  expect(await api.cart('lea')).toEqual([])
})

test('what is no cart of this shop is refused with a reason, and the cart stays as it was', async () => {
  await api.call('PUT', '/api/cart/sync', {
    user: 'pat',
    body: { state: offlineCart('pat-phone', [{ sku: 'tv', quantity: 1 }]) },
  })
  const good = Buffer.from(offlineCart('pat-laptop', [{ sku: 'tv', quantity: 1 }]), 'base64')
  const newer = Buffer.from(good)
  newer[0] = Number(newer[0]) + 1
  const otherType = Buffer.from(good)
  otherType[1] = Number(otherType[1]) - 1
  for (const [bytes, code] of [
    [good.subarray(0, -1), 'wrong-bytes'],
    [newer, 'newer-format'],
    [otherType, 'wrong-type'],
    [Buffer.alloc(600_000), 'too-large'],
  ] as const) {
    const body = { delta: bytes.toString('base64') }
    const refused = await api.call<{ code: string }>('PUT', '/api/cart/sync', { user: 'pat', body })
    expect([refused.status, refused.body.code]).toEqual([400, code])
  }
  const state = offlineCart('pat-phone', [{ sku: 'lamp', quantity: 1 }])
  const twin = await api.call<{ code: string; replica: string }>('PUT', '/api/cart/sync', {
    user: 'pat',
    body: { state },
  })
  expect([twin.status, twin.body.code, twin.body.replica]).toEqual([409, 'duplicate-device', 'pat-phone'])
  expect(await api.cart('pat')).toEqual([{ sku: 'tv', quantity: 1 }])
})

test('two devices that together pass the limit sync all the same; the order waits until it is less', async () => {
  await api.sell('bulk', 200_000, 1)
  for (const device of ['quinn-phone', 'quinn-laptop']) {
    const state = offlineCart(device, [{ sku: 'bulk', quantity: 60_000 }])
    expect((await api.call('PUT', '/api/cart/sync', { user: 'quinn', body: { state } })).status).toBe(200)
  }
  const view = await api.call<{ overLimit: string }>('GET', '/api/cart', { user: 'quinn' })
  expect(view.body.overLimit).toMatch(/lower the quantity of bulk/)
  expect((await api.add('quinn', [{ sku: 'bulk', quantity: 1 }])).status).toBe(422)
  const refused = await api.checkout('quinn', 'bulk-1')
  expect([refused.status, refused.body.code]).toEqual([422, 'cart-full'])
  expect((await api.call('GET', '/api/orders/bulk-1', { user: 'quinn' })).status).toBe(404)
  expect(await api.cart('quinn')).toEqual([{ sku: 'bulk', quantity: 120_000 }])

  await api.call('PUT', '/api/cart/items/bulk', { user: 'quinn', body: { quantity: 100_000 } })
  expect((await api.checkout('quinn', 'bulk-2')).body.lines).toMatchObject([
    { sku: 'bulk', quantity: 100_000 },
  ])
})

test('two checkouts at once, each with an order id of its own, do not sell one cart twice', async () => {
  await api.sell('twice', 10)
  await api.add('rob', [{ sku: 'twice', quantity: 2 }])
  const answers = await Promise.all(['twice-1', 'twice-2', 'twice-3'].map((id) => api.checkout('rob', id)))
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 422, 422])
  expect((await stockRow('twice')).available).toBe(8)
})

test('one trace id is in the log of every service an order passes through', async () => {
  await api.sell('trace', 10)
  await api.call('PUT', '/api/profile', { user: 'mia', body: { name: 'Mia', country: 'France' } })
  await api.add('mia', [{ sku: 'trace', quantity: 1 }])
  const traceId = 'c0ffee00c0ffee00c0ffee00c0ffee00'
  const { headers } = await api.checkout('mia', 'trace-1', 'pm_card_visa', {
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  })
  expect(headers['x-trace-id']).toBe(traceId)
  await until(
    () => api.order('mia', 'trace-1'),
    ({ status }) => status === 'DELIVERED',
  )
  const services = await until(
    async () => {
      const lines = (await readFile(shop.logFile, 'utf8'))
        .split('\n')
        .filter((line) => line.includes(traceId))
      return new Set(lines.map((line) => (JSON.parse(line) as { service: string }).service))
    },
    (seen) => seen.size >= 10,
  )
  expect([...services].toSorted()).toEqual([
    'carrier',
    'cart',
    'catalog',
    'gateway',
    'inventory',
    'orders',
    'payments',
    'profiles',
    'provider',
    'warehouse',
  ])
})

test('a second shop on the same port is refused, and nothing of it is left running', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'shopfleet second '))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  // Root's servers run under another account, which has to get in.
  await chmod(dataDir, 0o755)
  const gateway = Number(new URL(shop.gatewayUrl).port)
  await expect(startShop({ dataDir, ports: { gateway } })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  const files = await readdir(dataDir, { recursive: true })
  expect(files.filter((file) => file.endsWith('PG_VERSION'))).not.toEqual([])
  expect(files.filter((file) => file.endsWith('postmaster.pid'))).toEqual([])
  expect((await api.call('GET', '/api/products')).status).toBe(200)
})

test('wrong input is answered 400 with the reason, and never reaches a service', async () => {
  const noUser = await api.call<{ code: string }>('GET', '/api/cart')
  expect([noUser.status, noUser.body.code]).toEqual([400, 'no-user'])
  const bad = await api.call<{ code: string; message: string }>('POST', '/api/cart/items', {
    user: 'ned',
    body: { items: [{ sku: 'x', quantity: -1 }] },
  })
  expect([bad.status, bad.body.code]).toEqual([400, 'invalid-input'])
  expect(bad.body.message).toContain('items.0.quantity')
  expect((await api.call('POST', '/api/checkout', { user: 'ned', body: { orderId: 'a b' } })).status).toBe(
    400,
  )
  expect((await api.call('GET', '/api/nothing')).status).toBe(404)
})

test('payouts pay out each captured penny once, by workers that take turns', async () => {
  await shop.drain()
  await until(
    async () => {
      const { rows } = await shop.pools.payments.query(
        `select coalesce(sum(amount_cents), 0)::bigint as cents from ledger where account = 'provider' and payout_id is null`,
      )
      return (rows[0] as { cents: number }).cents
    },
    (unsettled) => unsettled <= 0,
  )
  const { rows } = await shop.pools.payments.query(
    `select (select sum(amount_cents)::bigint from payouts) as paid,
       (select sum(amount_cents)::bigint from ledger where account = 'bank') as bank,
       (select sum(amount_cents)::bigint from ledger) as balance`,
  )
  const { paid, bank, balance } = rows[0] as { paid: number; bank: number; balance: number }
  expect(paid).toBeGreaterThan(0)
  expect(bank).toBe(paid)
  expect(balance).toBe(0)
})
