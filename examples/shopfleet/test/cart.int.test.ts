import { createChaos, type Link } from '@quorate/chaos'
import { localCluster } from '@quorate/local-cluster'
import type { Redis } from 'ioredis'
import { pino } from 'pino'
import { request } from 'undici'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  cartSyncView,
  standingView,
  type CartLine,
  type CartSyncBody,
  type CartSyncView,
  type StandingView,
} from '../src/api.ts'
import { CartDevice } from '../src/device/cart-device.ts'
import { syncDevice } from '../src/device/sync-device.ts'
import { startCart } from '../src/services/cart/service.ts'
import type { RunningServer } from '../src/shared/http-server.ts'
import { openRedis, redisClient } from '../src/shared/redis.ts'
import { until } from './api.ts'

// The cart service alone, in two copies, on a Redis with a replica. All ways lead through links that can be broken.
const cluster = await localCluster({ redis: { cart: { replicas: 1 } } })
const chaos = createChaos({ seed: 7 })
const group = cluster.redis.cart
const log = pino({ level: 'silent' })
let redisLink: Link
let replicaLink: Link
let deviceLink: Link
const clients: Redis[] = []
let service: RunningServer
/** Knows nothing of what customers did at the first but by their tokens. */
let otherCopy: RunningServer

beforeAll(async () => {
  redisLink = await chaos.link({ from: 'cart', to: 'redis', target: { port: group.primary.port } })
  replicaLink = await chaos.link({
    from: 'cart',
    to: 'replica',
    target: { port: group.replicas[0].port },
  })
  service = await startCopy()
  otherCopy = await startCopy()
  deviceLink = await chaos.link({
    from: 'device',
    to: 'cart',
    target: { port: Number(new URL(service.url).port) },
  })
})

async function startCopy(): Promise<RunningServer> {
  const primary = await openRedis(`redis://127.0.0.1:${redisLink.port}`, { log })
  const replica = redisClient(`redis://127.0.0.1:${replicaLink.port}`, { log })
  clients.push(primary, replica)
  return startCart({ primary, replicas: [replica], log, secret: 'the same in all copies' })
}
let user = ''
let users = 0
beforeEach(() => {
  user = `user-${users++}`
})
afterAll(async () => {
  await service?.stop()
  await otherCopy?.stop()
  for (const client of clients) client.disconnect()
  await chaos[Symbol.asyncDispose]()
  await cluster.stop()
})

async function call<T>(
  origin: string,
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  body?: unknown,
  token?: string,
) {
  const response = await request(`${origin}/carts/${user}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { 'quorate-session': token }),
    },
    body: body === undefined ? null : JSON.stringify(body),
  })
  const next = response.headers['quorate-session']
  return {
    status: response.statusCode,
    body: (await response.body.json()) as T,
    token: typeof next === 'string' ? next : undefined,
  }
}

const items = async (): Promise<CartLine[]> =>
  (await call<{ items: CartLine[] }>(service.url, 'GET', '')).body.items
const take = async (orderId: string): Promise<CartLine[]> =>
  (await call<{ items: CartLine[] }>(service.url, 'POST', '/take', { orderId })).body.items
const viaLink = (): string => `http://127.0.0.1:${deviceLink.port}`

async function send(body: CartSyncBody): Promise<CartSyncView> {
  const answer = await call(viaLink(), 'PUT', '/sync', body)
  if (answer.status !== 200) throw new Error(`sync answered ${answer.status} ${JSON.stringify(answer.body)}`)
  return cartSyncView.parse(answer.body)
}
const sync = (device: CartDevice) => syncDevice(device, send)

/** Kills the primary; the replica takes over with what it has, and the service is led to it. */
async function failOver(): Promise<void> {
  await group.promote(0)
  for (const [link, { port }] of [
    [redisLink, group.primary],
    [replicaLink, group.replicas[0]],
  ] as const) {
    await link.retarget({ port })
    await link.resetConnections()
  }
}

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  )

const add = (sku: string, token?: string) =>
  call<{ items: CartLine[] }>(service.url, 'POST', '/items', { items: [{ sku, quantity: 1 }] }, token)
const skusAt = async ({ url }: RunningServer, token?: string): Promise<string[]> => {
  const { body } = await call<{ items: CartLine[] }>(url, 'GET', '', undefined, token)
  return body.items.map(({ sku }) => sku)
}
async function standing({ url }: RunningServer): Promise<StandingView> {
  return standingView.parse(await (await request(`${url}/replicas`)).body.json())
}
const isWhole = ({ replicas, primaryReachable }: StandingView): boolean =>
  primaryReachable === true && replicas.every(({ status }) => status === 'healthy')

/** Lets `work` run while the replica hears nothing, which it does not notice soon, and is not ejected yet. */
async function whileReplicaIsDeaf<T>(work: () => Promise<T>): Promise<T> {
  for (const copy of [service, otherCopy]) await until(() => standing(copy), isWhole)
  await group.replicas[0].caughtUp()
  const wire = group.link('primary', 'replica-1')
  await wire.partition()
  try {
    return await work()
  } finally {
    await wire.heal()
  }
}

test('a cart is read from the replica, as soon as that has all of this browser’s edits', async () => {
  const { token } = await add('mug')
  await group.replicas[0].caughtUp()
  const before = (await standing(otherCopy)).reads
  // The router learns how far the replica is by its next probe.
  await until(
    async () => {
      expect(await skusAt(otherCopy, token)).toEqual(['mug'])
      return (await standing(otherCopy)).reads
    },
    ({ replicas }) => replicas > before.replicas + 3,
  )
  const { primary } = (await standing(otherCopy)).reads
  for (let read = 0; read < 20; read++) expect(await skusAt(otherCopy, token)).toEqual(['mug'])
  expect((await standing(otherCopy)).reads.primary).toBe(primary)
})

test('a browser sees its own edit at another copy of the service while the replica is behind; without the token the old cart is there', async () => {
  await add('mug')
  const seen = await until(
    () =>
      whileReplicaIsDeaf(async () => {
        const { token } = await add(`tea-${users++}`)
        return { stranger: await skusAt(otherCopy), own: await skusAt(otherCopy, token), token }
      }),
    // On a slow day the replica is ejected before the stranger comes.
    ({ stranger, own }) => stranger.length < own.length,
  )
  expect(seen.stranger).toContain('mug')
  expect(seen.own.length).toBe(seen.stranger.length + 1)
  expect((await standing(otherCopy)).reads.primary).toBeGreaterThan(0)
})

test('edits of one user at once share a write, and each browser’s token has its own edit', async () => {
  await whileReplicaIsDeaf(async () => {
    for (let round = 0; round < 5; round++) {
      const skus = ['a', 'b', 'c', 'd'].map((letter) => `${letter}-${round}`)
      const answers = await Promise.all(skus.map((sku) => add(sku)))
      for (const [index, { token }] of answers.entries()) {
        expect(token).toBeDefined()
        expect(await skusAt(otherCopy, token)).toContain(skus[index])
      }
    }
  })
})

test('after an order took the cart, its customer does not meet the old one on the replica', async () => {
  const { token } = await add('mug')
  await whileReplicaIsDeaf(async () => {
    expect(await take(`order-${user}`)).toEqual([{ sku: 'mug', quantity: 1 }])
    expect(await skusAt(service, token)).toEqual([])
    expect(await skusAt(service)).toEqual([])
  })
})

test('with the primary out of reach carts are still shown, and an edit is refused within seconds', async () => {
  const { token } = await add('mug')
  await group.replicas[0].caughtUp()
  await until(
    async () => {
      await skusAt(otherCopy, token)
      return standing(otherCopy)
    },
    ({ reads }) => reads.replicas > 0,
  )
  await redisLink.partition({ mode: 'refuse' })
  try {
    await until(
      () => standing(otherCopy),
      ({ primaryReachable }) => primaryReachable === false,
    )
    expect(await skusAt(otherCopy, token)).toEqual(['mug'])
    const startMs = performance.now()
    const refused = await call<{ code: string }>(otherCopy.url, 'POST', '/items', {
      items: [{ sku: 'tea', quantity: 1 }],
    })
    expect([refused.status, refused.body.code]).toEqual([503, 'unavailable'])
    expect(performance.now() - startMs).toBeLessThan(10_000)
    const { alerts } = await standing(otherCopy)
    expect(alerts.map(({ kind }) => kind)).toContain('primary-lost')
  } finally {
    await redisLink.heal()
  }
  await until(() => standing(otherCopy), isWhole)
})

test('a reply that is lost on the way to the device: the retry is harmless', async () => {
  const phone = CartDevice.create('phone')
  phone.add('mug', 2)
  // The request gets through, and the connection breaks while the answer is on its way.
  await deviceLink.resetAfter({ bytes: 10, direction: 'from' })
  await expect(sync(phone)).rejects.toThrow(/closed|reset|ended|other side/i)
  await until(items, (there) => there.length === 1)
  expect(phone.waiting()).toEqual([{ sku: 'mug', change: 2 }])
  phone.add('tea', 1)
  await deviceLink.heal()

  await sync(phone)
  expect([phone.isWaiting, await items()]).toEqual([
    false,
    [
      { sku: 'mug', quantity: 2 },
      { sku: 'tea', quantity: 1 },
    ],
  ])
})

test('requests that arrive twice, at once and out of order change nothing more', async () => {
  const phone = CartDevice.create('phone')
  phone.add('mug', 2)
  const early = phone.request()
  phone.add('tea', 1)
  phone.setQuantity('mug', 1)
  const late = phone.request()
  const wanted = [
    { sku: 'mug', quantity: 1 },
    { sku: 'tea', quantity: 1 },
  ]
  const answers = await Promise.all([late, late, late, late].map((body) => send(body)))
  for (const answer of answers) expect(answer.items).toEqual(wanted)
  // Nobody waits for this one any more: the device has gone on.
  expect((await call<{ code: string }>(service.url, 'PUT', '/sync', early)).body.code).toBe(
    'duplicate-device',
  )
  phone.receive(late, answers[0] as CartSyncView)
  await sync(phone)
  expect([await items(), phone.items()]).toEqual([wanted, wanted])
})

test('of two orders for one cart one gets it, and a repeated order gets the same again', async () => {
  const phone = CartDevice.create('phone')
  const lines = [{ sku: 'mug', quantity: 3 }]
  // Many times: calls for one order must not find the cart that another of them has just emptied.
  for (let round = 0; round < 30; round++) {
    phone.add('mug', 3)
    await sync(phone)
    const ids = ['a', 'b', 'a', 'b', 'a'].map((id) => `${id}-${round}`)
    const taken = await Promise.all(ids.map((id) => take(id)))
    const [a, b] = [taken[0], taken[1]] as [CartLine[], CartLine[]]
    expect([a, b].toSorted((x, y) => x.length - y.length)).toEqual([[], lines])
    for (const [index, got] of taken.entries()) expect(got).toEqual(index % 2 === 0 ? a : b)
    expect(await take(a.length > 0 ? `a-${round}` : `b-${round}`)).toEqual(lines)
    await sync(phone)
    expect([await items(), phone.items()]).toEqual([[], []])
  }
})

test('a fail-over that loses acknowledged syncs: the devices bring every one of them back', async () => {
  const devices = ['phone', 'laptop', 'tablet'].map((label) => CartDevice.create(label))
  const replication = group.link('primary', 'replica-1')
  for (const device of devices) {
    device.add('mug', 2)
    await sync(device)
  }
  await group.replicas[0].caughtUp()

  // From here on the replica hears nothing, so what is acknowledged now will be gone.
  await replication.partition()
  let acknowledged = 6
  for (let round = 0; round < 4; round++) {
    for (const device of devices) {
      device.add('mug', 1)
      device.add(`${device.replica.slice(0, 5)}-${round}`, 1)
      await sync(device)
      acknowledged++
    }
  }
  expect(devices.map(({ isWaiting }) => isWaiting)).toEqual([false, false, false])
  expect((await items()).find(({ sku }) => sku === 'mug')?.quantity).toBe(acknowledged)

  await failOver()
  // Until the service has found the new primary it answers 503, which has no items.
  expect(await until(items, Array.isArray)).toEqual([{ sku: 'mug', quantity: 6 }])
  for (const device of devices) await until(() => succeeds(sync(device)), Boolean)
  expect((await items()).find(({ sku }) => sku === 'mug')?.quantity).toBe(acknowledged)

  // And in the middle of syncs: some are answered, some are not.
  const underWay = devices.map(async (device) => {
    for (let edit = 0; edit < 20; edit++) {
      device.add('mug', 1)
      await sync(device).catch(() => {})
    }
  })
  await failOver()
  await Promise.all(underWay)
  for (const device of [...devices, ...devices]) await until(() => succeeds(sync(device)), Boolean)
  const all = await items()
  expect(all.find(({ sku }) => sku === 'mug')).toEqual({ sku: 'mug', quantity: acknowledged + 60 })
  expect(all).toHaveLength(1 + 4 * devices.length)
  for (const device of devices) expect([device.isWaiting, device.items()]).toEqual([false, all])
})

test('a fail-over that loses what was added and shown: a device that had heard of it brings it back', async () => {
  await call(service.url, 'POST', '/items', { items: [{ sku: 'mug', quantity: 1 }] })
  await group.replicas[0].caughtUp()
  await group.link('primary', 'replica-1').partition()
  await call(service.url, 'POST', '/items', { items: [{ sku: 'tea', quantity: 2 }] })
  const phone = CartDevice.create('phone')
  await sync(phone)
  expect(phone.items()).toHaveLength(2)
  await failOver()
  expect(await until(items, Array.isArray)).toEqual([{ sku: 'mug', quantity: 1 }])

  // The service goes on under a new name: this edit and the lost one must not be taken for one.
  await call(service.url, 'POST', '/items', { items: [{ sku: 'pot', quantity: 5 }] })
  await sync(phone)
  const all = [
    { sku: 'mug', quantity: 1 },
    { sku: 'pot', quantity: 5 },
    { sku: 'tea', quantity: 2 },
  ]
  expect([await items(), phone.items()]).toEqual([all, all])
})
