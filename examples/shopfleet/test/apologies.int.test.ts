import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OrderView } from '../src/api.ts'
import { checkInvariants } from '../src/invariants/check-invariants.ts'
import { moveOrder } from '../src/services/orders/store.ts'
import { inTransaction } from '../src/shared/postgres.ts'
import { startShop, type Shop } from '../src/shop.ts'
import { apiOf, until, type Api } from './api.ts'

// The whole shop, selling first and looking afterwards.
let shop: Shop
let api: Api

beforeAll(async () => {
  shop = await startShop({ overselling: 'compensate', deliveryMs: 50, payoutEveryMs: 60_000 })
  api = apiOf(shop.gatewayUrl)
})
afterAll(() => shop?.stop())

/** Does something while no look can be taken at a product: its row is locked. A promise does not need it. */
async function beforeTheLook<T>(sku: string, work: () => Promise<T>): Promise<T> {
  const holder = await shop.pools.inventory.connect()
  try {
    await holder.query('begin')
    await holder.query('select from stock where sku = $1 for update', [sku])
    return await work()
  } finally {
    await holder.query('rollback')
    holder.release()
  }
}

test('20 customers are sold the last 7 units: 7 get theirs, 13 their money back and an apology', async () => {
  await api.sell('hot', 7, 500)
  const users = Array.from({ length: 20 }, (_, index) => `fan-${index}`)
  await Promise.all(users.map((user) => api.add(user, [{ sku: 'hot', quantity: 1 }])))
  const answers = await beforeTheLook('hot', () =>
    Promise.all(users.map((user) => api.checkout(user, `order-of-${user}`))),
  )
  // Sold first: everybody has a yes.
  expect(answers.map(({ status }) => status)).toEqual(users.map(() => 201))
  await shop.drain()

  const orders = await Promise.all(users.map((user) => api.order(user, `order-of-${user}`)))
  const delivered = orders.filter(({ status }) => status === 'DELIVERED')
  const undone = orders.filter(({ status }) => status === 'REFUNDED')
  expect([delivered.length, undone.length]).toEqual([7, 13])
  expect(delivered.filter(({ apology, tracking }) => apology !== null || tracking === null)).toEqual([])
  for (const order of undone) {
    expect(order).toMatchObject<Partial<OrderView>>({
      apology: 'oversold',
      short: [{ sku: 'hot', wanted: 1, available: 0 }],
      refundedCents: 500,
      tracking: null,
    })
  }
  // Nobody packed what was not there.
  const { rows } = await shop.pools.warehouse.query('select order_id from warehouse_parcels')
  expect(rows).toHaveLength(7)
})

test('what was undone for a declined card or at the customer’s wish needs no apology', async () => {
  await api.sell('lamp', 1, 900)
  await api.add('dora', [{ sku: 'lamp', quantity: 1 }])
  await api.add('emil', [{ sku: 'lamp', quantity: 1 }])
  await beforeTheLook('lamp', async () => {
    expect((await api.checkout('dora', 'declined', 'pm_card_chargeDeclined')).status).toBe(402)
    // Dora's lamp was never hers.
    expect((await api.checkout('emil', 'lamp-1')).status).toBe(201)
  })
  await shop.drain()
  expect(await api.order('dora', 'declined')).toMatchObject({ status: 'CANCELLED', apology: null })
  expect(await api.order('emil', 'lamp-1')).toMatchObject({ status: 'DELIVERED', apology: null })

  await api.sell('chair', 1, 300)
  const buyers = ['fred', 'gina']
  for (const user of buyers) await api.add(user, [{ sku: 'chair', quantity: 1 }])
  await beforeTheLook('chair', () =>
    Promise.all(buyers.map((user) => api.checkout(user, `chair-of-${user}`))),
  )
  // Both want their money back at once, the one who is about to get it with an apology, too.
  const refunds = await Promise.all(
    buyers.map((user) =>
      api.refund(user, `chair-of-${user}`, `refund-of-${user}`, [{ sku: 'chair', quantity: 1 }]),
    ),
  )
  expect(refunds.filter(({ status }) => ![201, 202, 409].includes(status))).toEqual([])
  await shop.drain()
  const chairs = await Promise.all(buyers.map((user) => api.order(user, `chair-of-${user}`)))
  expect(chairs.map(({ status, refundedCents }) => [status, refundedCents])).toEqual([
    ['REFUNDED', 300],
    ['REFUNDED', 300],
  ])
})

test('an order that is refunded in full while it moves on stays REFUNDED, and its saga ends', async () => {
  await shop.pools.orders.query(
    `insert into orders (id, user_id, status, total_cents) values ('moving', 'hans', 'SHIPPED', 100)`,
  )
  const refund = await shop.pools.orders.connect()
  try {
    await refund.query('begin')
    await refund.query(`update orders set status = 'REFUNDED', refunded_cents = 100 where id = 'moving'`)
    // Waits for the refund's lock, with a snapshot in which the order is SHIPPED.
    const moved = inTransaction(shop.pools.orders, (tx) => moveOrder(tx, 'moving', 'DELIVERED'))
    await until(
      async () => (await shop.pools.orders.query(`select from pg_locks where not granted`)).rowCount,
      (waiting) => (waiting ?? 0) > 0,
    )
    await refund.query('commit')
    expect(await moved).toBe(false)
  } finally {
    refund.release()
    await shop.pools.orders.query(`delete from orders where id = 'moving'`)
  }
})

test('every invariant holds, and the stock was below zero on the way', async () => {
  const opening = [
    { sku: 'hot', units: 7 },
    { sku: 'lamp', units: 1 },
    { sku: 'chair', units: 1 },
  ]
  const invariants = await checkInvariants(shop, opening, [])
  expect(invariants.filter(({ holds }) => !holds)).toEqual([])
  const proofs = invariants.map(({ proof }) => proof).join('\n')
  expect(proofs).toMatch(/14 units were promised that were not there/)
})
