import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { replicasReport, type CartLine, type StockLevel } from '../src/api.ts'
import { CartDevice } from '../src/device/cart-device.ts'
import { syncDevice } from '../src/device/sync-device.ts'
import { FAIL_OVERS, failOver } from '../src/fail-over.ts'
import { checkInvariants } from '../src/invariants/check-invariants.ts'
import { startShop, type Shop } from '../src/shop.ts'
import { apiOf, offlineCart, until, type Api } from './api.ts'

// Servers are killed here, so this shop is nobody else's.
let shop: Shop
let api: Api

beforeAll(async () => {
  shop = await startShop({ deliveryMs: 50, payoutEveryMs: 60_000 })
  api = apiOf(shop.gatewayUrl)
})
afterAll(() => shop?.stop())

const CENTS = 700
/** What was put on the shelves, for the proofs. */
const shelves: StockLevel[] = []
async function sell(sku: string, units: number): Promise<void> {
  await api.sell(sku, units, CENTS)
  shelves.push({ sku, units })
}

const isOk = ({ status }: { status: number }): boolean => status === 200

async function restarted(of: 'payments' | 'orders'): Promise<void> {
  const { primary } = shop.cluster.postgres[of]
  await primary.kill()
  await primary.restart()
}

const rowsOf = async (pool: Pool, table: 'charges' | 'orders'): Promise<number> =>
  (await pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n ?? 0
const chargesOnRecord = () => rowsOf(shop.pools.payments, 'charges')
const ordersOnRecord = () => rowsOf(shop.pools.orders, 'orders')

const cents = async (sql: string, values: unknown[], pool = shop.pools.provider): Promise<number> =>
  ((await pool.query(sql, values)).rows[0] as { cents: number | null }).cents ?? 0

/** What the provider has taken and not given back for an order. */
const keptByProvider = (orderId: string) =>
  cents(
    `select (select coalesce(sum((body ->> 'amount_received')::int), 0) from provider_intents
             where body -> 'metadata' ->> 'order_id' = $1)
          - (select coalesce(sum(r.amount), 0) from provider_refunds r join provider_intents i on i.id = r.intent
             where i.body -> 'metadata' ->> 'order_id' = $1) as cents`,
    [orderId],
  )

test('stock is shown, and said to be stale, while replicas are frozen or the primary is down', async () => {
  await sell('shown', 5)
  await until(
    () => api.product('shown'),
    ({ stock }) => stock.version === 1,
  )
  const [first] = shop.cluster.postgres.inventory.replicas
  await first.pauseReplay()
  await api.add('ann', [{ sku: 'shown', quantity: 2 }])
  expect((await api.checkout('ann', 'shown-1')).status).toBe(201)
  // One of three is behind: any two answers hold a newer one.
  await until(
    () => api.product('shown'),
    ({ stock }) => stock.available === 3,
  )
  await first.resumeReplay()
  await shop.drain()

  await shop.cluster.postgres.inventory.primary.kill()
  const { stock } = await until(
    () => api.product('shown'),
    (product) => product.stock.available === 3,
  )
  expect(stock.responses).toBe(2)
  await api.add('bea', [{ sku: 'shown', quantity: 1 }])
  const refused = await api.checkout('bea', 'shown-2')
  expect([refused.status, refused.body.code, refused.headers['retry-after']]).toEqual([
    503,
    'unavailable',
    '1',
  ])
  await shop.cluster.postgres.inventory.primary.restart()
  await api.add('bea', [{ sku: 'shown', quantity: 1 }])
  expect((await api.checkout('bea', 'shown-3')).status).toBe(201)
  await shop.drain()
  await until(
    () => api.order('bea', 'shown-2'),
    ({ status }) => status === 'CANCELLED',
  )
  await until(
    () => api.product('shown'),
    (product) => product.stock.available === 2,
  )
})

test.each([
  ['payments', 'comes back', () => restarted('payments')],
  ['orders', 'comes back', () => restarted('orders')],
  ...FAIL_OVERS.map((of) => [of, 'is replaced by a standby', () => failOver(shop.cluster, of)] as const),
] as const)(
  'the primary of %s dies in the middle of checkouts and %s: no order and no penny lost, each asked for again stands once',
  async (of, how, strike) => {
    const run = `${of}-${how.replaceAll(' ', '-')}`
    await sell(run, 100)
    const orders = Array.from({ length: 12 }, (_, index) => ({
      user: `${run}-payer-${index}`,
      id: `${run}-${index}`,
      cart: offlineCart(`${run}-${index}`, [{ sku: run, quantity: 1 }]),
    }))
    const ask = ({ user, id, cart }: (typeof orders)[number]) => api.checkoutOn(user, id, cart)
    // In the middle: some are as far as that, not all. An order takes its cart long before it is charged.
    const progress = of === 'cart' ? ordersOnRecord : chargesOnRecord
    const before = await progress()
    const answers = orders.map(ask)
    await until(progress, (now) => now > before)
    await strike()
    for (const { status } of await Promise.all(answers)) expect([201, 202, 503]).toContain(status)

    // A customer asks again with the same id: the order stands, or was undone for good.
    const decided = await Promise.all(
      orders.map((order) =>
        until(
          () => ask(order),
          ({ status, body }) => status === 201 || body.order?.cancelReason === 'unavailable',
        ),
      ),
    )
    await shop.drain()
    for (const [index, { user, id }] of orders.entries()) {
      const stands = decided[index]?.status === 201
      const { status } = await until(
        () => api.order(user, id),
        (order) => ['DELIVERED', 'CANCELLED'].includes(order.status),
      )
      expect([id, status]).toEqual([id, stands ? 'DELIVERED' : 'CANCELLED'])
      expect(await keptByProvider(id)).toBe(stands ? CENTS : 0)
    }
    // Nor anything held, prepared, or owed for an order that is not paid; by all orders so far.
    const carts = orders.map(({ id }, index) => ({
      orderId: id,
      items: [{ sku: run, quantity: 1 }],
      isUndone: decided[index]?.status !== 201,
    }))
    const proofs = await checkInvariants(shop, shelves, carts)
    expect(proofs.filter(({ holds }) => !holds)).toEqual([])
    // And whoever reads or writes finds the new servers: a customer who comes now is served.
    const next = {
      user: `${run}-next`,
      id: `${run}-next`,
      cart: offlineCart('next', [{ sku: run, quantity: 1 }]),
    }
    expect((await ask(next)).status).toBe(201)
    await until(
      async () => replicasReport.parse((await api.call('GET', '/api/admin/replicas')).body).services,
      (services) =>
        services.every(
          ({ standing }) =>
            standing?.primaryReachable === true &&
            standing.replicas.every(({ status }) => status === 'healthy'),
        ),
    )
  },
)

test('the standby that has most takes over: what was acknowledged is there, though another had been cut off', async () => {
  await sell('cut', 5)
  await shop.cluster.postgres.inventory.link('primary', 'replica-1').partition()
  await api.add('eve', [{ sku: 'cut', quantity: 2 }])
  expect((await api.checkout('eve', 'cut-1')).status).toBe(201)
  await shop.drain()
  await failOver(shop.cluster, 'inventory')
  await until(
    () => api.product('cut'),
    ({ stock }) => stock.available === 3,
  )
  const carts = [{ orderId: 'cut-1', items: [{ sku: 'cut', quantity: 2 }] }]
  expect((await checkInvariants(shop, shelves, carts)).filter(({ holds }) => !holds)).toEqual([])
})

test('a fail-over of the cart forgets an order and what came after it: the device knows both, the orders know theirs, and nothing is ordered twice', async () => {
  for (const sku of ['first', 'second']) await sell(sku, 10)
  const { cart } = shop.cluster.redis
  const phone = CartDevice.create('phone')
  const sync = async (): Promise<void> => {
    await syncDevice(phone, async (body) => {
      const { status, body: answer } = await api.sync('fay', body)
      if (status !== 200) throw new Error(`sync answered ${status}`)
      return answer
    })
  }
  phone.add('first', 2)
  await sync()
  await api.add('gus', [{ sku: 'first', quantity: 1 }]) // has no device
  await cart.replicas[0].caughtUp()
  // What is acknowledged from here on will be gone.
  await cart.link('primary', 'replica-1').partition()
  const first = await api.checkoutOn('fay', 'forgotten-1', phone.state())
  expect(first.status).toBe(201)
  phone.ordered(String(first.body.cartRemoval))
  expect((await api.checkout('gus', 'forgotten-3')).status).toBe(201)
  phone.add('second', 3)
  await sync()

  // While nobody is in charge: refused, not held, and the device keeps what it has.
  await cart.primary.kill()
  phone.add('second', 1)
  const refused = await api.sync('fay', phone.request())
  expect([refused.status, refused.body.code, refused.headers['retry-after']]).toEqual([
    503,
    'unavailable',
    '1',
  ])
  await failOver(shop.cluster, 'cart')
  const seen = await until(() => api.call<{ items?: CartLine[] }>('GET', '/api/cart', { user: 'fay' }), isOk)
  expect(seen.body.items).toEqual([{ sku: 'first', quantity: 2 }])

  await until(() => api.add('gus', [{ sku: 'second', quantity: 1 }]), isOk)
  const other = await api.checkout('gus', 'forgotten-4')
  expect([other.status, other.body.lines]).toMatchObject([201, [{ sku: 'second', quantity: 1 }]])
  const second = await api.checkoutOn('fay', 'forgotten-2', phone.state())
  expect(second.status).toBe(201)
  expect(second.body.lines).toMatchObject([{ sku: 'second', quantity: 4 }])
  phone.ordered(String(second.body.cartRemoval))
  await sync()
  expect([phone.items(), await api.cart('fay')]).toEqual([[], []])
  await shop.drain()
  const carts = [
    { orderId: 'forgotten-1', items: [{ sku: 'first', quantity: 2 }] },
    { orderId: 'forgotten-2', items: [{ sku: 'second', quantity: 4 }] },
    { orderId: 'forgotten-3', items: [{ sku: 'first', quantity: 1 }] },
    { orderId: 'forgotten-4', items: [{ sku: 'second', quantity: 1 }] },
  ]
  expect((await checkInvariants(shop, shelves, carts)).filter(({ holds }) => !holds)).toEqual([])
})

test('a warehouse and a carrier that refuse for a while do not lose the order', async () => {
  await sell('patient', 5)
  for (const url of [shop.urls.warehouse, shop.urls.carrier]) {
    await fetch(`${url}/control/faults`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ refuse: 3 }),
    })
  }
  await api.add('cal', [{ sku: 'patient', quantity: 1 }])
  expect((await api.checkout('cal', 'patient-1')).status).toBe(201)
  await until(
    () => api.order('cal', 'patient-1'),
    ({ status }) => status === 'DELIVERED',
  )
})

test('every read of a session sees its own writes and never goes back while replicas lag', async () => {
  const replicas = [...shop.cluster.postgres.orders.replicas, ...shop.cluster.postgres.profiles.replicas]
  for (const replica of replicas) await replica.pauseReplay()
  try {
    const saved = await api.call('PUT', '/api/profile', {
      user: 'dan',
      body: { name: 'Dan', country: 'Italy' },
    })
    const token = String(saved.headers['quorate-session-profiles'])
    const read = await api.call<{ country: string }>('GET', '/api/profile', {
      user: 'dan',
      headers: { 'quorate-session-profiles': token },
    })
    expect(read.body.country).toBe('Italy')

    await sell('lag', 5)
    await api.add('dan', [{ sku: 'lag', quantity: 1 }])
    const placed = await api.checkout('dan', 'lag-1')
    expect(placed.status).toBe(201)
    const headers = { 'quorate-session-orders': String(placed.headers['quorate-session-orders']) }
    const seen = await api.call<{ status: string }>('GET', '/api/orders/lag-1', { user: 'dan', headers })
    expect([seen.status, ['CREATED', 'PAYMENT_PENDING'].includes(seen.body.status)]).toEqual([200, false])
  } finally {
    for (const replica of replicas) await replica.resumeReplay()
  }
})
