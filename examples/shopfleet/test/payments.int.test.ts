import { createLocks } from '@quorate/fenced-lock'
import { redisLockStore } from '@quorate/fenced-lock/redis'
import { testDatabase, testRedis } from '@quorate/local-cluster/vitest'
import { Redis } from 'ioredis'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startPaymentProvider } from '../src/outside/payment-provider/service.ts'
import { ordersMigrations } from '../src/services/orders/migrations.ts'
import { startPayments } from '../src/services/payments/service.ts'
import type { RunningServer } from '../src/shared/http-server.ts'
import { migrate } from '../src/shared/postgres.ts'
import { until } from './api.ts'

// Payments and its provider alone, with the orders as rows: each service of the shop runs by itself.
const warnings: string[] = []
const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
const API_KEY = 'sk_test_payments'
const PATIENCE_MS = 300

let pool: pg.Pool
let ordersPool: pg.Pool
let providerPool: pg.Pool
let redis: Redis
let provider: RunningServer
let payments: RunningServer

beforeAll(async () => {
  const [ours, orders, theirs, locks] = await Promise.all([
    testDatabase(),
    testDatabase(),
    testDatabase(),
    testRedis(),
  ])
  pool = new pg.Pool({ connectionString: ours.url, max: 8 })
  ordersPool = new pg.Pool({ connectionString: orders.url, max: 8 })
  await migrate(ordersPool, ordersMigrations)
  providerPool = new pg.Pool({ connectionString: theirs.url, max: 8 })
  redis = new Redis(locks.url)
  provider = await startPaymentProvider({ pool: providerPool, log, apiKey: API_KEY })
  payments = await startPayments({
    pool,
    orders: ordersPool,
    redis,
    log,
    provider: { url: provider.url, apiKey: API_KEY, timeoutMs: PATIENCE_MS },
    payoutEveryMs: 50,
  })
})
afterAll(async () => {
  await payments?.stop()
  await provider?.stop()
  await Promise.all([pool?.end(), ordersPool?.end(), providerPool?.end()])
  redis?.disconnect()
})
beforeEach(() => faults({}))

async function faults(settings: { delayMs?: number; loseReplies?: number }): Promise<void> {
  await send('PUT', `${provider.url}/control/faults`, settings)
}

async function send(method: string, url: string, body?: unknown): Promise<{ status: number; json: unknown }> {
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text) }
}

const charge = (orderId: string) =>
  send('POST', `${payments.url}/charges`, { orderId, amountCents: 800, paymentMethod: 'pm_card_visa' })

/** An order that waits for its payment. */
async function placeOrder(orderId: string, totalCents = 800): Promise<void> {
  await ordersPool.query(
    `insert into orders (id, user_id, status, total_cents) values ($1, 'ann', 'PAYMENT_PENDING', $2)`,
    [orderId, totalCents],
  )
}
const call = (orderId: string, action: 'settle' | 'capture' | 'void') =>
  send('POST', `${payments.url}/charges/${orderId}/${action}`)

async function statusOf(orderId: string): Promise<string> {
  const { rows } = await ordersPool.query<{ status: string }>('select status from orders where id = $1', [
    orderId,
  ])
  return rows[0]?.status ?? 'unknown'
}

/** What the provider holds, and what it has taken. */
async function atProvider(orderId: string): Promise<{ held: number; taken: number }> {
  const { rows } = await providerPool.query(
    `select coalesce(sum((body ->> 'amount_capturable')::int), 0)::int as held,
       coalesce(sum((body ->> 'amount_received')::int), 0)::int as taken
     from provider_intents i where body -> 'metadata' ->> 'order_id' = $1`,
    [orderId],
  )
  return rows[0] as { held: number; taken: number }
}

async function postings(orderId: string): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `select posting || ' ' || account || ' ' || amount_cents as line from ledger where posting like '%:' || $1 order by 1`,
    [orderId],
  )
  return rows.map(({ line }) => line)
}

async function paidOut(): Promise<number> {
  const { rows } = await pool.query('select coalesce(sum(amount_cents), 0)::int as cents from payouts')
  return (rows[0] as { cents: number }).cents
}

test('a settled charge and a paid order come together, and the provider takes the money after that', async () => {
  await placeOrder('whole')
  expect((await call('whole', 'settle')).status).toBe(404)
  expect((await charge('whole')).status).toBe(201)
  expect((await call('whole', 'capture')).json).toMatchObject({ code: 'not-settled' })
  expect(await atProvider('whole')).toEqual({ held: 800, taken: 0 })
  // As often as anybody asks, also at once.
  const answers = await Promise.all(
    (['settle', 'settle', 'settle'] as const).map((action) => call('whole', action)),
  )
  expect(answers.some(({ status }) => status === 204)).toBe(true)
  await until(
    () => call('whole', 'settle'),
    ({ status }) => status === 204,
  )
  expect(await statusOf('whole')).toBe('PAID')
  expect(await postings('whole')).toEqual(['charge:whole receivable 800', 'charge:whole sales -800'])
  expect(await atProvider('whole')).toEqual({ held: 800, taken: 0 })
  for (const status of [204, 204]) expect((await call('whole', 'capture')).status).toBe(status)
  expect(await atProvider('whole')).toEqual({ held: 0, taken: 800 })
  expect(await postings('whole')).toEqual([
    'capture:whole provider 800',
    'capture:whole receivable -800',
    'charge:whole receivable 800',
    'charge:whole sales -800',
  ])
  const history = await ordersPool.query(
    `select from order_history where order_id = 'whole' and status = 'PAID'`,
  )
  expect(history.rowCount).toBe(1)
})

test('an order that costs something else, or was cancelled, is not paid, and its charge not settled', async () => {
  await placeOrder('dear', 801)
  await charge('dear')
  expect((await call('dear', 'settle')).json).toMatchObject({ code: 'not-payable' })
  await placeOrder('gone')
  await charge('gone')
  await ordersPool.query(
    `update orders set status = 'CANCELLED', cancel_reason = 'unavailable' where id = 'gone'`,
  )
  expect((await call('gone', 'settle')).json).toMatchObject({ code: 'not-payable' })
  for (const id of ['dear', 'gone']) {
    expect(await postings(id)).toEqual([])
    expect((await send('GET', `${payments.url}/charges/${id}`)).json).toMatchObject({ status: 'authorised' })
    expect(await call(id, 'void')).toEqual({ status: 200, json: { orderId: id, releasedCents: 800 } })
    expect(await atProvider(id)).toEqual({ held: 0, taken: 0 })
  }
})

test('a settled charge cannot be voided: the order stays paid', async () => {
  await placeOrder('kept')
  await charge('kept')
  expect((await call('kept', 'settle')).status).toBe(204)
  expect((await call('kept', 'void')).json).toMatchObject({ code: 'charge-settled' })
  expect(await statusOf('kept')).toBe('PAID')
  expect((await call('kept', 'capture')).status).toBe(204)
  expect(await atProvider('kept')).toEqual({ held: 0, taken: 800 })
})

test('a hold that has ended by itself cannot be captured, and that is said once for all', async () => {
  await placeOrder('expired')
  await charge('expired')
  expect((await call('expired', 'settle')).status).toBe(204)
  // As the provider does with a hold that nobody captures for days.
  await providerPool.query(
    `update provider_intents set body = body || '{"status": "canceled", "amount_capturable": 0}'
     where body -> 'metadata' ->> 'order_id' = 'expired'`,
  )
  for (let attempt = 1; attempt <= 2; attempt++) {
    const { status, json } = await call('expired', 'capture')
    expect([status, json]).toMatchObject([409, { code: 'hold-gone' }])
  }
  expect(await postings('expired')).toEqual(['charge:expired receivable 800', 'charge:expired sales -800'])
})

test('a settlement and a void at the same time: one of them wins, in both databases and at the provider', async () => {
  const ids = Array.from({ length: 12 }, (_, index) => `either-${index}`)
  for (const id of ids) {
    await placeOrder(id)
    await charge(id)
  }
  // Started in turns, so that neither is always the first.
  const ends = await Promise.all(
    ids.map(async (id, index) => {
      const order = index % 2 === 0 ? (['settle', 'void'] as const) : (['void', 'settle'] as const)
      const answers = await Promise.all(order.map((action) => call(id, action)))
      const settled = answers[order.indexOf('settle')]?.status === 204
      const voided = answers[order.indexOf('void')]?.status === 200
      return { id, settled, voided, status: await statusOf(id), ...(await atProvider(id)) }
    }),
  )
  for (const { settled, voided, status, held } of ends) {
    expect(settled).toBe(!voided)
    expect([status, held]).toEqual(settled ? ['PAID', 800] : ['PAYMENT_PENDING', 0])
  }
})

test('a hold that arrives after its order was voided is found and released', async () => {
  // Slow enough that our client gives up on both of its tries while the first is still on its way.
  await faults({ delayMs: 8 * PATIENCE_MS })
  expect((await charge('late')).status).toBe(503)
  await faults({})
  expect(await call('late', 'void')).toEqual({ status: 200, json: { orderId: 'late', releasedCents: 0 } })
  const cancelled = async (): Promise<number> =>
    (
      await providerPool.query(
        `select from provider_intents where body -> 'metadata' ->> 'order_id' = 'late' and body ->> 'status' = 'canceled'`,
      )
    ).rowCount ?? 0
  await until(cancelled, (count) => count > 0)
  expect(await atProvider('late')).toEqual({ held: 0, taken: 0 })
  expect((await charge('late')).status).toBe(409)
})

test('a charge and a void at the same time leave no money with the provider', async () => {
  await faults({ delayMs: PATIENCE_MS / 3 })
  const [charged] = await Promise.all([charge('race'), call('race', 'void')])
  expect([201, 409]).toContain(charged.status)
  await until(
    () => atProvider('race'),
    ({ held, taken }) => held === 0 && taken === 0,
  )
})

test('nobody pays out while another holder has the lock, and a stale token pays nothing', async () => {
  await until(
    async () => {
      const { rows } = await pool.query(
        `select coalesce(sum(amount_cents), 0)::int as cents from ledger where account = 'provider' and payout_id is null`,
      )
      return (rows[0] as { cents: number }).cents
    },
    (cents) => cents <= 0,
  )
  const before = await paidOut()
  await using store = redisLockStore(redis)
  const lock = await createLocks({ store }).acquire('payouts', { ttlMs: 10_000 })
  await placeOrder('locked')
  expect((await charge('locked')).status).toBe(201)
  for (const action of ['settle', 'capture'] as const) expect((await call('locked', action)).status).toBe(204)
  // Somebody with a later token was here: whoever comes with an older one is refused by the database.
  await pool.query(`update quorate.lock_guard set token = token + 1000000000000 where key = 'payouts'`)
  await lock.release()
  await until(
    async () => warnings.filter((line) => line.includes('payout refused')).length,
    (refused) => refused >= 3,
  )
  expect(await paidOut()).toBe(before)
  await pool.query(`delete from quorate.lock_guard where key = 'payouts'`)
  await until(paidOut, (cents) => cents === before + 800)
})
