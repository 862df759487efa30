import { afterAll, beforeAll, expect, test } from 'vitest'
import { moneyInvariants } from '../src/invariants/money.ts'
import { settlementInvariants } from '../src/invariants/settlement.ts'
import { startShop, type Shop } from '../src/shop.ts'
import { apiOf, until, type Api } from './api.ts'

// Servers are killed here, so this shop is nobody else's.
let shop: Shop
let api: Api

beforeAll(async () => {
  shop = await startShop({ deliveryMs: 50, payoutEveryMs: 60_000 })
  api = apiOf(shop.gatewayUrl)
})
afterAll(() => shop?.stop())

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
  await api.sell('shown', 5)
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
  ['comes back', async () => shop.cluster.postgres.payments.primary.restart()],
  ['is replaced by its standby', async () => shop.cluster.postgres.payments.promote(0)],
])(
  'the payments primary dies in the middle of checkouts and %s: every order is paid or cancelled, no penny lost',
  async (how, mend) => {
    const run = how.split(' ')[0] ?? ''
    await api.sell(run, 100, 700)
    const orders = Array.from({ length: 12 }, (_, index) => ({
      user: `${run}-payer-${index}`,
      id: `${run}-${index}`,
    }))
    for (const { user } of orders) await api.add(user, [{ sku: run, quantity: 1 }])
    const answers = orders.map(({ user, id }) => api.checkout(user, id))
    // In the middle: some charges are on record, not all.
    await until(
      async () =>
        (
          (
            await shop.pools.payments.query('select count(*)::int as n from charges where order_id like $1', [
              `${run}-%`,
            ])
          ).rows[0] as { n: number }
        ).n,
      (n) => n > 0,
    )
    await shop.cluster.postgres.payments.primary.kill()
    await mend()
    await Promise.all(answers)
    await shop.drain()
    for (const { user, id } of orders) {
      const { status } = await until(
        () => api.order(user, id),
        (order) => ['DELIVERED', 'CANCELLED'].includes(order.status),
      )
      expect(await keptByProvider(id)).toBe(status === 'DELIVERED' ? 700 : 0)
    }
    // Nor anything held, prepared, or owed for an order that is not paid; by all orders so far.
    const proofs = [...(await moneyInvariants(shop.pools)), ...(await settlementInvariants(shop.pools))]
    expect(proofs).toHaveLength(4)
    expect(proofs.filter(({ holds }) => !holds)).toEqual([])
  },
)

test('the orders primary dies in the middle of checkouts: a repeat with the same id finds the order, charged once', async () => {
  await api.sell('again', 100, 300)
  const orders = Array.from({ length: 8 }, (_, index) => ({ user: `again-${index}`, id: `again-${index}` }))
  for (const { user } of orders) await api.add(user, [{ sku: 'again', quantity: 1 }])
  const answers = orders.map(({ user, id }) => api.checkout(user, id))
  await until(
    async () =>
      (
        (
          await shop.pools.payments.query(
            `select count(*)::int as n from charges where order_id like 'again-%'`,
          )
        ).rows[0] as { n: number }
      ).n,
    (n) => n > 0,
  )
  await shop.cluster.postgres.orders.primary.kill()
  await shop.cluster.postgres.orders.primary.restart()
  for (const { status } of await Promise.all(answers)) expect([201, 202, 503]).toContain(status)
  for (const { user, id } of orders) {
    await until(
      () => api.checkout(user, id),
      ({ status }) => status === 201,
    )
  }
  await shop.drain()
  for (const { id } of orders) expect(await keptByProvider(id)).toBe(300)
  const proofs = [...(await moneyInvariants(shop.pools)), ...(await settlementInvariants(shop.pools))]
  expect(proofs.filter(({ holds }) => !holds)).toEqual([])
})

test('a warehouse and a carrier that refuse for a while do not lose the order', async () => {
  await api.sell('patient', 5)
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

    await api.sell('lag', 5)
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
