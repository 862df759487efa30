import { expect, test } from 'vitest'
import type { OrderView } from '../api.ts'
import { replayFault } from './fault.ts'
import { Latencies } from './latencies.ts'
import { sell, type SellOptions } from './sell.ts'
import { ShopAnswerError } from './shop-client.ts'

const customer = { userId: 'ann', country: 'France', jobs: [] }
const job = {
  type: 'sale',
  orderId: '536365',
  items: [{ sku: 'mug', quantity: 2 }],
  paymentMethod: 'pm_card_visa',
} as const

const order = (id: string, facts: Partial<OrderView>): OrderView => ({
  id,
  userId: 'ann',
  status: 'PAID',
  cancelReason: null,
  short: null,
  apology: null,
  totalCents: 900,
  refundedCents: 0,
  tracking: null,
  lines: [],
  createdAt: '',
  updatedAt: '',
  ...facts,
})
const undone = { status: 'CANCELLED', cancelReason: 'unavailable' } as const

/** A shop that answers checkouts as it is told, and notes all that a customer does. */
function shopOf(answers: ((id: string) => OrderView)[], known: readonly OrderView[] = [], awayFor = 0) {
  const calls: string[] = []
  const client: SellOptions['client'] = {
    order: async (_user, id) => {
      calls.push(`look ${id}`)
      if (awayFor-- > 0) throw new ShopAnswerError('GET /api/orders', 503, undefined)
      return known.find((one) => one.id === id)
    },
    emptyCart: async () => void calls.push('empty'),
    addToCart: async () => void calls.push('fill'),
    checkout: async (_user, id) => {
      calls.push(`order ${id}`)
      const answer = answers.shift()
      if (answer === undefined) throw new Error('No more answers')
      return answer(id)
    },
  }
  return { calls, client }
}
const away = (): never => {
  throw new ShopAnswerError('POST /api/checkout', 503, undefined)
}

const run = (client: SellOptions['client'], options: Partial<SellOptions> = {}) =>
  sell({ client, latencies: new Latencies(), resumed: false, comeBackMs: 0, ...options }, customer, job)

test('sell() orders once when the shop is well', async () => {
  const { client, calls } = shopOf([(id) => order(id, {})])
  expect(await run(client)).toEqual({ id: '536365', outcome: 'accepted', amountCents: 900 })
  expect(calls).toEqual(['fill', 'order 536365'])
})

test('sell() repeats the same order when the answer tells of none', async () => {
  const { client, calls } = shopOf([away, away, (id) => order(id, {})])
  expect(await run(client)).toEqual({ id: '536365', outcome: 'accepted', amountCents: 900 })
  expect(calls).toEqual(['fill', 'order 536365', 'order 536365', 'order 536365'])
})

test('sell() fills the cart anew and orders under a new id when the shop has undone the order', async () => {
  const { client, calls } = shopOf([
    (id) => order(id, undone),
    (id) => order(id, undone),
    (id) => order(id, {}),
  ])
  expect(await run(client)).toEqual({ id: '536365', outcome: 'accepted', amountCents: 900, attempts: 3 })
  expect(calls).toEqual(['fill', 'order 536365', 'fill', 'order 536365-2', 'fill', 'order 536365-3'])
})

test('sell() of a resumed replay finds which of its orders was the last', async () => {
  const known = [order('536365', undone), order('536365-2', {})]
  const { client, calls } = shopOf([], known)
  expect(await run(client, { resumed: true })).toMatchObject({ outcome: 'accepted', attempts: 2 })
  expect(calls).toEqual(['look 536365', 'look 536365-2'])
})

test('sell() waits until an order that is being undone is undone', async () => {
  const { client, calls } = shopOf(
    [(id) => order(id, { ...undone, status: 'PAYMENT_PENDING' }), (id) => order(id, {})],
    [order('536365', undone)],
  )
  expect(await run(client)).toMatchObject({ attempts: 2 })
  expect(calls).toEqual(['fill', 'order 536365', 'look 536365', 'fill', 'order 536365-2'])
})

test('sell() looks again when the shop cannot say what became of an order', async () => {
  const { client, calls } = shopOf(
    [(id) => order(id, { status: 'PAYMENT_PENDING' })],
    [order('536365', { status: 'PAID' })],
    2,
  )
  expect(await run(client)).toMatchObject({ outcome: 'accepted' })
  expect(calls).toEqual(['fill', 'order 536365', 'look 536365', 'look 536365', 'look 536365'])
})

test('a fault strikes once, at half of the jobs, and tells what customers noticed', async () => {
  let strikes = 0
  const fault = replayFault('payments-primary', async () => void strikes++)
  fault.progress(0, 4)
  const { client } = shopOf([
    (id) => {
      for (const done of [1, 2, 3]) fault.progress(done, 4)
      return order(id, undone)
    },
    away,
    (id) => order(id, {}),
  ])
  await run(client, { fault })
  expect(strikes).toBe(1)
  expect(await fault.ended()).toMatchObject({
    name: 'payments-primary',
    afterJobs: 2,
    jobs: 4,
    checkoutsInFlight: 1,
    refused: 2,
  })
})

test('a fault that never came, or that could not be mended, is an error', async () => {
  const never = replayFault('payments-primary', async () => {})
  never.progress(0, 4)
  await expect(never.ended()).rejects.toThrow(/ended before the fault/)
  const unmended = replayFault('payments-primary', () => Promise.reject(new Error('no standby')))
  unmended.progress(4, 4)
  await expect(unmended.ended()).rejects.toThrow('no standby')
})
