import { createChaos, type Link } from '@quorate/chaos'
import { localCluster } from '@quorate/local-cluster'
import type { Redis } from 'ioredis'
import { pino } from 'pino'
import { request } from 'undici'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { cartSyncView, type CartLine, type CartSyncBody, type CartSyncView } from '../src/api.ts'
import { CartDevice } from '../src/device/cart-device.ts'
import { syncDevice } from '../src/device/sync-device.ts'
import { startCart } from '../src/services/cart/service.ts'
import type { RunningServer } from '../src/shared/http-server.ts'
import { openRedis } from '../src/shared/redis.ts'
import { until } from './api.ts'

// The cart service alone, on a Redis with a replica. Both ways lead through links that can be broken.
const cluster = await localCluster({ redis: { cart: { replicas: 1 } } })
const chaos = createChaos({ seed: 7 })
const group = cluster.redis.cart
const log = pino({ level: 'silent' })
let redisLink: Link
let deviceLink: Link
let redis: Redis
let service: RunningServer

beforeAll(async () => {
  redisLink = await chaos.link({ from: 'cart', to: 'redis', target: { port: group.primary.port } })
  redis = await openRedis(`redis://127.0.0.1:${redisLink.port}`, { log })
  service = await startCart({ redis, log })
  deviceLink = await chaos.link({
    from: 'device',
    to: 'cart',
    target: { port: Number(new URL(service.url).port) },
  })
})
let user = ''
let users = 0
beforeEach(() => {
  user = `user-${users++}`
})
afterAll(async () => {
  await service?.stop()
  redis?.disconnect()
  await chaos[Symbol.asyncDispose]()
  await cluster.stop()
})

async function call<T>(origin: string, method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown) {
  const response = await request(`${origin}/carts/${user}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: response.statusCode, body: (await response.body.json()) as T }
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
  await redisLink.retarget({ port: group.primary.port })
  await redisLink.resetConnections()
}

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  )

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
