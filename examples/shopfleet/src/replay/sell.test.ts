import { expect, test } from 'vitest'
import type { CartLine, OrderView } from '../api.ts'
import { CartDevice } from '../device/cart-device.ts'
import { CartShop } from '../device/shop.test-helper.ts'
import { replayFault } from './fault.ts'
import { Latencies } from './latencies.ts'
import { sell, type SellOptions } from './sell.ts'
import { ShopAnswerError } from './shop-client.ts'

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
  cartRemoval: null,
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
  const cart = new CartShop()
  const client: SellOptions['client'] = {
    order: async (_user, id) => {
      calls.push(`look ${id}`)
      if (awayFor-- > 0) throw new ShopAnswerError('GET /api/orders', 503, undefined)
      return known.find((one) => one.id === id)
    },
    emptyCart: async () => void calls.push('empty'),
    syncCart: async (_user, body) => {
      calls.push('sync')
      return cart.sync(body)
    },
    checkout: async (_user, id, _paymentMethod, state) => {
      cart.sync({ state })
      calls.push(`order ${id}`)
      const answer = answers.shift()
      if (answer === undefined) throw new Error('No more answers')
      return answer(id)
    },
  }
  return { calls, client, cart }
}
const away = (): never => {
  throw new ShopAnswerError('POST /api/checkout', 503, undefined)
}

const run = (client: SellOptions['client'], options: Partial<SellOptions> = {}) =>
  sell(
    { client, latencies: new Latencies(), resumed: false, comeBackMs: 0, ...options },
    { userId: 'ann', device: CartDevice.create('phone') },
    job,
  )

test('sell() orders once when the shop is well', async () => {
  const { client, calls } = shopOf([(id) => order(id, {})])
  expect(await run(client)).toEqual({ id: '536365', outcome: 'accepted', amountCents: 900 })
  expect(calls).toEqual(['sync', 'order 536365'])
})

test('sell() repeats the same order when the answer tells of none', async () => {
  const { client, calls } = shopOf([away, away, (id) => order(id, {})])
  expect(await run(client)).toEqual({ id: '536365', outcome: 'accepted', amountCents: 900 })
  expect(calls).toEqual(['sync', 'order 536365', 'order 536365', 'order 536365'])
})

test('sell() orders the same under a new id when the shop has undone the order, whether that had the cart or not', async () => {
  const ordered: CartLine[][] = []
  const { client, calls, cart } = shopOf([
    (id) => {
      ordered.push(cart.take())
      return order(id, undone)
    },
    // Not taken, as far as the shop could tell: all of it is still there.
    (id) => order(id, undone),
    // Taken, and then forgotten by a fail-over: only the order knows.
    (id) => {
      const before = cart.snapshot()
      const { items, removal } = cart.order(CartDevice.create('knows nothing more'))
      cart.failOver(before)
      ordered.push(items)
      return order(id, { ...undone, cartRemoval: removal })
    },
    (id) => {
      ordered.push(cart.take())
      return order(id, {})
    },
  ])
  expect(await run(client)).toEqual({ id: '536365', outcome: 'accepted', amountCents: 900, attempts: 4 })
  expect(ordered).toEqual([job.items, job.items, job.items])
  expect(calls.filter((call) => call.startsWith('order'))).toEqual([
    'order 536365',
    'order 536365-2',
    'order 536365-3',
    'order 536365-4',
  ])
})

test('sell() hands the cart in again when the shop has forgotten it, and is told so by nobody', async () => {
  const ordered: CartLine[][] = []
  const { client, cart } = shopOf([
    (id) => {
      ordered.push(cart.take())
      return order(id, {})
    },
  ])
  const { syncCart } = client
  const forgetful: SellOptions['client'] = {
    ...client,
    syncCart: async (user, body) => {
      const before = cart.snapshot()
      const answer = await syncCart(user, body)
      cart.failOver(before)
      return answer
    },
  }
  await run(forgetful)
  expect(ordered).toEqual([job.items])
})

test('sell() of a resumed replay finds which of its orders was the last', async () => {
  const known = [order('536365', undone), order('536365-2', {})]
  const { client, calls } = shopOf([], known)
  expect(await run(client, { resumed: true })).toMatchObject({ outcome: 'accepted', attempts: 2 })
  expect(calls).toEqual(['look 536365', 'look 536365-2'])
})

test('sell() hands a cart in again that was answered 503, merged or not, and it is ordered once', async () => {
  const ordered: CartLine[][] = []
  const { client, cart } = shopOf([
    (id) => {
      ordered.push(cart.take())
      return order(id, {})
    },
  ])
  const fault = replayFault('cart-primary', async () => {})
  fault.progress(1, 1)
  let turn = 0
  const flaky: SellOptions['client'] = {
    ...client,
    syncCart: async (_user, body) => {
      if (turn++ === 0) throw new ShopAnswerError('PUT /api/cart/sync', 503, undefined)
      const answer = cart.sync(body)
      if (turn === 2) throw new ShopAnswerError('PUT /api/cart/sync', 503, undefined)
      return answer
    },
  }
  await run(flaky, { fault })
  expect(ordered).toEqual([job.items])
  expect(await fault.ended()).toMatchObject({ refused: 0, refusedForSeconds: 0, refusedCarts: 2 })
})

test('sell() waits until an order that is being undone is undone', async () => {
  const { client, calls } = shopOf(
    [(id) => order(id, { ...undone, status: 'PAYMENT_PENDING' }), (id) => order(id, {})],
    [order('536365', undone)],
  )
  expect(await run(client)).toMatchObject({ attempts: 2 })
  expect(calls).toEqual(['sync', 'order 536365', 'look 536365', 'sync', 'sync', 'order 536365-2'])
})

test('sell() looks again when the shop cannot say what became of an order', async () => {
  const { client, calls } = shopOf(
    [(id) => order(id, { status: 'PAYMENT_PENDING' })],
    [order('536365', { status: 'PAID' })],
    2,
  )
  expect(await run(client)).toMatchObject({ outcome: 'accepted' })
  expect(calls).toEqual(['sync', 'order 536365', 'look 536365', 'look 536365', 'look 536365'])
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
