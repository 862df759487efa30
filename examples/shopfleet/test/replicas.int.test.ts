import { readFile } from 'node:fs/promises'
import type { Pool } from 'pg'
import { pino } from 'pino'
import { request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  replicasReport,
  USER_HEADER,
  type OrderView,
  type ReplicaAlert,
  type StandingView,
} from '../src/api.ts'
import { startGateway } from '../src/gateway/service.ts'
import { startShop, type Shop } from '../src/shop.ts'
import { apiOf, until, type Api } from './api.ts'
import { Browser } from './browser.ts'
import { followOrder, goneBack } from './follow-order.ts'

// Reads by session, over the gateway as browsers do, while replicas lag and a primary is down.
let shop: Shop
let api: Api

beforeAll(async () => {
  shop = await startShop({ deliveryMs: 50, payoutEveryMs: 60_000 })
  api = apiOf(shop.gatewayUrl)
  await api.sell('follow', 10_000)
})
afterAll(() => shop?.stop())

type Service = 'profiles' | 'orders' | 'cart'

async function standing(service: Service): Promise<StandingView> {
  const { services } = replicasReport.parse((await api.call('GET', '/api/admin/replicas')).body)
  const found = services.find((one) => one.service === service)?.standing
  if (found === undefined || found === null) throw new Error(`The ${service} service does not answer`)
  return found
}
const isWhole = ({ primaryReachable, replicas }: StandingView): boolean =>
  primaryReachable === true && replicas.every(({ status }) => status === 'healthy')
const whole = (service: Service) => until(() => standing(service), isWhole)
const alertsOf = async (service: Service, kind: ReplicaAlert['kind'], id: string) =>
  (await standing(service)).alerts.filter((alert) => alert.kind === kind && alert.id === id)

interface Profile {
  readonly country: string
  readonly version: number
}
const save = (browser: Browser, country: string) =>
  browser.call<Profile & { code: string }>('PUT', '/api/profile', { name: browser.user, country })
const own = async (browser: Browser): Promise<Profile> =>
  (await browser.call<Profile>('GET', '/api/profile')).body
/** Somebody else, at the service itself, looks at Ann's profile; with the token of who told him of it. */
async function seenByOthers(token?: string): Promise<string> {
  const headers = { [USER_HEADER]: 'support', ...(token === undefined ? {} : { 'quorate-session': token }) }
  const response = await request(`${shop.urls.profiles}/profiles/ann`, { headers })
  const { country } = (await response.body.json()) as Partial<Profile>
  return country ?? `answered ${response.statusCode}`
}

test('profiles: written in one region and read at once; others see the old one until its replica has it', async () => {
  const [replica] = shop.cluster.postgres.profiles.replicas
  const [phone, laptop] = [new Browser(shop.gatewayUrl, 'ann'), new Browser(shop.gatewayUrl, 'ann')]
  const ben = new Browser(shop.gatewayUrl, 'ben')
  await save(ben, 'France')
  let country = ''
  const seen = await until(
    async () => {
      const before = `Italy ${country.length}`
      await save(phone, before)
      await until(seenByOthers, (there) => there === before)
      await whole('profiles')
      await replica.pauseReplay()
      country = `${before} moved`
      try {
        const saved = await save(phone, country)
        const others = await seenByOthers()
        return {
          before,
          saved: saved.status,
          phone: (await own(phone)).country,
          laptop: (await own(laptop)).country,
          others,
          told: await seenByOthers(phone.token('profiles')),
          ben: (await own(ben)).country,
        }
      } finally {
        await replica.resumeReplay()
      }
    },
    // On a slow day the replica is ejected before the other looks.
    ({ before, others }) => others === before,
  )
  expect(seen).toMatchObject({ saved: 200, phone: country, laptop: country, told: country, ben: 'France' })
  expect(await until(seenByOthers, (there) => there === country)).toBe(country)
})

test('profiles: with the primary down reads go on, a write is a 503 that says when to come back', async () => {
  const ann = new Browser(shop.gatewayUrl, 'ann')
  await save(ann, 'Spain')
  await shop.cluster.postgres.profiles.replicas[0].caughtUp()
  await until(seenByOthers, (there) => there === 'Spain')
  await whole('profiles')
  const { primary } = shop.cluster.postgres.profiles
  const lostBefore = (await alertsOf('profiles', 'primary-lost', 'primary')).length
  await primary.kill()
  try {
    const refused = await save(ann, 'Portugal')
    expect([refused.status, refused.body.code, refused.headers['retry-after']]).toEqual([
      503,
      'unavailable',
      '1',
    ])
    await until(
      () => standing('profiles'),
      ({ primaryReachable }) => primaryReachable === false,
    )
    const lost = await alertsOf('profiles', 'primary-lost', 'primary')
    expect(lost.length).toBeGreaterThan(lostBefore)
    for (let read = 0; read < 20; read++) {
      expect(await seenByOthers()).toBe('Spain')
      // Her own: seen, or not to be had now, but never without what she wrote.
      const { status, body } = await ann.call<Profile>('GET', '/api/profile')
      expect(['200 Spain', '503 undefined']).toContain(`${status} ${body.country}`)
    }
  } finally {
    await primary.restart()
  }
  await until(
    () => save(ann, 'Norway'),
    ({ status }) => status === 200,
  )
  expect((await own(ann)).country).toBe('Norway')
  await whole('profiles')
  expect((await alertsOf('profiles', 'primary-back', 'primary')).length).toBeGreaterThan(lostBefore)
})

/** The status of an order on the replica that lags, which no session asks. */
async function onSlowReplica(orderId: string): Promise<string | undefined> {
  const [pool] = shop.pools.ordersReplicas as readonly [Pool, ...Pool[]]
  const { rows } = await pool.query<{ status: string }>('select status from orders where id = $1', [orderId])
  return rows[0]?.status
}

test('orders: what a customer has seen of an order stays seen, when a slow replica comes to have their own writes', async () => {
  await whole('orders')
  const [slow] = shop.cluster.postgres.orders.replicas
  await slow.applyDelay(500)
  try {
    const histories = await Promise.all(
      Array.from({ length: 6 }, (_, index) => {
        const orderId = `slow-${index}`
        const isThere = async (): Promise<boolean> => (await onSlowReplica(orderId)) === 'DELIVERED'
        return followOrder(new Browser(shop.gatewayUrl, orderId), orderId, isThere)
      }),
    )
    expect(goneBack(histories)).toEqual([])
  } finally {
    await slow.applyDelay(0)
  }
})

const APPLY_DELAY_MS = 8_000

test('orders: one replica lags by 8 s and is ejected with an alert; no order goes backwards for its customer', async () => {
  const [slow, fast] = shop.cluster.postgres.orders.replicas
  await whole('orders')
  const lagAlerts = async (): Promise<ReplicaAlert[]> =>
    (await alertsOf('orders', 'ejected', 'replica-1')).filter(({ status }) => status === 'lagging')
  const ejectedBefore = (await lagAlerts()).length
  await slow.applyDelay(APPLY_DELAY_MS)
  const browsers = Array.from({ length: 6 }, (_, index) => new Browser(shop.gatewayUrl, `follower-${index}`))
  const histories: OrderView[][] = []
  let ejected: readonly ReplicaAlert[] = []
  let lastId = ''
  try {
    for (let round = 0; ejected.length === ejectedBefore; round++) {
      if (round === 200) throw new Error('The replica was not ejected')
      const followed = browsers.map((browser) => followOrder(browser, `${browser.user}-${round}`))
      histories.push(...(await Promise.all(followed)))
      ejected = await lagAlerts()
      lastId = `follower-0-${round}`
    }
    // The last order is delivered for its customer, and unheard of on the replica: the lag was there.
    expect(await onSlowReplica(lastId)).toBeUndefined()
  } finally {
    await slow.applyDelay(0)
  }
  expect(goneBack(histories)).toEqual([])
  expect(ejected[0]?.lagMs).toBeGreaterThanOrEqual(2_000) // rounded

  await Promise.all([slow.caughtUp(), fast.caughtUp()])
  await whole('orders')
  expect(await alertsOf('orders', 'readmitted', 'replica-1')).not.toEqual([])
  // Lines are written out a moment later.
  const warning = await until(
    async () =>
      (await linesOf('orders')).find(({ alert, status }) => alert === 'ejected' && status === 'lagging'),
    (line) => line !== undefined,
  )
  expect(warning).toMatchObject({ level: 40, id: 'replica-1' })
})

interface LogLine {
  readonly level: number
  readonly service: string
  readonly alert?: string
  /** A word in an alert, a number in the line of a request. */
  readonly status?: unknown
}

async function linesOf(service: Service): Promise<LogLine[]> {
  const text = await readFile(shop.logFile, 'utf8')
  const lines = text.split('\n').slice(0, -1) // the last one is not whole, or empty
  return lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line.service === service)
}

test('a token of one service means nothing to another: the primary answers, and hands on one of its own', async () => {
  const ann = new Browser(shop.gatewayUrl, 'ann')
  await save(ann, 'Greece')
  await ann.call('POST', '/api/cart/items', { items: [{ sku: 'follow', quantity: 1 }] })
  await followOrder(ann, 'foreign-1')
  const services = ['profiles', 'orders', 'cart'] as const
  const paths = { profiles: '/api/profile', orders: '/api/orders', cart: '/api/cart' }
  for (const service of services) await whole(service)
  await shop.drain()

  /** Who has served a read with this token, asked by a user of whom the service knows nothing else. */
  let strangers = 0
  async function servedBy(service: Service, token: string) {
    const before = (await standing(service)).reads
    const answer = await api.call('GET', paths[service], {
      user: `stranger-${strangers++}`,
      headers: { [`quorate-session-${service}`]: token },
    })
    const { reads } = await standing(service)
    return {
      by: reads.primary > before.primary ? 'primary' : 'replica',
      isReplaced: answer.headers[`quorate-session-${service}`] !== undefined,
    }
  }
  for (const service of services) {
    // Its own token is understood: as soon as a replica has all of it, that serves.
    await until(
      () => servedBy(service, ann.token(service)),
      ({ by }) => by === 'replica',
    )
    for (const other of services.filter((name) => name !== service)) {
      const token = ann.token(other)
      expect([service, other, await servedBy(service, token)]).toEqual([
        service,
        other,
        { by: 'primary', isReplaced: true },
      ])
    }
  }
})

test('a cookie that no service has made is no error: the primary answers, and the browser gets a new one', async () => {
  const dora = new Browser(shop.gatewayUrl, 'dora')
  await save(dora, 'Malta')
  for (const service of ['profiles', 'orders', 'cart'] as const) await whole(service)
  for (const rubbish of ['rubbish', '%0A', '%', 'A'.repeat(5_000)]) {
    for (const [service, path] of [
      ['profiles', '/api/profile'],
      ['orders', '/api/orders'],
      ['cart', '/api/cart'],
    ] as const) {
      const { primary } = (await standing(service)).reads
      dora.setCookie(`quorate-session-${service}`, rubbish)
      const { status } = await dora.call('GET', path)
      const now = (await standing(service)).reads.primary
      expect([service, rubbish, status, now]).toEqual([service, rubbish, 200, primary + 1])
      expect(dora.token(service)).not.toBe(rubbish)
    }
  }
})

test('cart: over the gateway an edit is seen at once while the replica hears nothing, and read there later', async () => {
  await whole('cart')
  const { cart } = shop.cluster.redis
  await cart.replicas[0].caughtUp()
  const cara = new Browser(shop.gatewayUrl, 'cara')
  const skus = async (): Promise<string[]> => {
    const { body } = await cara.call<{ items: { sku: string }[] }>('GET', '/api/cart')
    return body.items.map(({ sku }) => sku)
  }
  const wire = cart.link('primary', 'replica-1')
  await wire.partition()
  try {
    const { primary } = (await standing('cart')).reads
    for (const sku of ['mug', 'pot', 'tea']) {
      await cara.call('POST', '/api/cart/items', { items: [{ sku, quantity: 1 }] })
      expect(await skus()).toContain(sku)
    }
    expect((await standing('cart')).reads.primary).toBe(primary + 3)
  } finally {
    await wire.heal()
  }
  await cart.replicas[0].caughtUp()
  const { replicas } = (await standing('cart')).reads
  await until(
    async () => {
      expect(await skus()).toEqual(['mug', 'pot', 'tea'])
      return (await standing('cart')).reads.replicas
    },
    (now) => now > replicas,
  )
})

test('a replica that is killed is down, with an alert, and healthy again when it is back', async () => {
  const [replica] = shop.cluster.redis.cart.replicas
  await replica.kill()
  try {
    const { replicas } = await until(
      () => standing('cart'),
      (now) => now.replicas[0]?.status === 'down',
    )
    expect(replicas).toEqual([{ id: 'replica-1', status: 'down', lagMs: null, lagBytes: null }])
    expect((await alertsOf('cart', 'ejected', 'replica-1'))[0]).toMatchObject({ status: 'down' })
  } finally {
    await replica.restart()
  }
  await whole('cart')
})

test('a copy of a service that does not answer is in the report, beside one that does', async () => {
  const nobody = 'http://127.0.0.1:9' // the port of a service that no machine runs any more
  const { catalog, inventory, payments, profiles, orders } = shop.urls
  const gateway = await startGateway({
    urls: {
      catalog: [catalog],
      inventory: [inventory],
      payments: [payments],
      profiles: [profiles],
      orders: [orders, nobody],
      cart: [nobody],
    },
    log: pino({ level: 'silent' }),
    port: 0,
    webFolder: 'none',
  })
  try {
    const { status, body } = await apiOf(gateway.url).call('GET', '/api/admin/replicas')
    const found = replicasReport
      .parse(body)
      .services.map(({ service, standing: of }) => `${service} ${of === null ? 'silent' : 'answers'}`)
    expect(status).toBe(200)
    expect(found.toSorted((one, other) => one.localeCompare(other))).toEqual([
      'cart silent',
      'orders answers',
      'orders silent',
      'profiles answers',
    ])
  } finally {
    await gateway.stop()
  }
})
