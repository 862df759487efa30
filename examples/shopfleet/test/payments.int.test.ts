import { createLocks } from '@quorate/fenced-lock'
import { redisLockStore } from '@quorate/fenced-lock/redis'
import { testDatabase, testRedis } from '@quorate/local-cluster/vitest'
import { Redis } from 'ioredis'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startPaymentProvider } from '../src/outside/payment-provider/service.ts'
import { startPayments } from '../src/services/payments/service.ts'
import type { RunningServer } from '../src/shared/http-server.ts'
import { until } from './api.ts'

// Payments and its provider alone: each service of the shop runs by itself.
const warnings: string[] = []
const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
const API_KEY = 'sk_test_payments'
const PATIENCE_MS = 300

let pool: pg.Pool
let providerPool: pg.Pool
let redis: Redis
let provider: RunningServer
let payments: RunningServer

beforeAll(async () => {
  const [ours, theirs, locks] = await Promise.all([testDatabase(), testDatabase(), testRedis()])
  pool = new pg.Pool({ connectionString: ours.url, max: 8 })
  providerPool = new pg.Pool({ connectionString: theirs.url, max: 8 })
  redis = new Redis(locks.url)
  provider = await startPaymentProvider({ pool: providerPool, log, apiKey: API_KEY })
  payments = await startPayments({
    pool,
    redis,
    log,
    provider: { url: provider.url, apiKey: API_KEY, timeoutMs: PATIENCE_MS },
    payoutEveryMs: 50,
  })
})
afterAll(async () => {
  await payments?.stop()
  await provider?.stop()
  await Promise.all([pool?.end(), providerPool?.end()])
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

async function kept(orderId: string): Promise<{ taken: number; refunded: number }> {
  const { rows } = await providerPool.query(
    `select coalesce(sum((body ->> 'amount_received')::int), 0)::int as taken,
       coalesce(sum((select sum(amount) from provider_refunds where intent = i.id)), 0)::int as refunded
     from provider_intents i where body -> 'metadata' ->> 'order_id' = $1`,
    [orderId],
  )
  return rows[0] as { taken: number; refunded: number }
}

async function paidOut(): Promise<number> {
  const { rows } = await pool.query('select coalesce(sum(amount_cents), 0)::int as cents from payouts')
  return (rows[0] as { cents: number }).cents
}

test('a charge that arrives after its order was voided is found and given back', async () => {
  // Slow enough that our client gives up on both of its tries while the first is still on its way.
  await faults({ delayMs: 8 * PATIENCE_MS })
  expect((await charge('late')).status).toBe(503)
  await faults({})
  expect(await send('POST', `${payments.url}/charges/late/void`)).toEqual({
    status: 200,
    json: { orderId: 'late', refundedCents: 0 },
  })
  expect(
    await until(
      () => kept('late'),
      ({ refunded }) => refunded > 0,
    ),
  ).toEqual({ taken: 800, refunded: 800 })
  expect((await charge('late')).status).toBe(409)
})

test('a charge and a void at the same time leave no money with the provider', async () => {
  await faults({ delayMs: PATIENCE_MS / 3 })
  const [charged] = await Promise.all([charge('race'), send('POST', `${payments.url}/charges/race/void`)])
  expect([201, 409]).toContain(charged.status)
  await until(
    () => kept('race'),
    ({ taken, refunded }) => taken === refunded,
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
  expect((await charge('locked')).status).toBe(201)
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
