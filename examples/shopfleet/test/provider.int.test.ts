import { testDatabase } from '@quorate/local-cluster/vitest'
import pg from 'pg'
import { pino } from 'pino'
import { Stripe } from 'stripe'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startPaymentProvider } from '../src/outside/payment-provider/service.ts'
import type { RunningServer } from '../src/shared/http-server.ts'

// The provider as the real client library sees it: what holds here holds for our payments service.
const API_KEY = 'sk_test_contract'
const log = pino({ level: 'silent' })
let pool: pg.Pool
let server: RunningServer
let stripe: Stripe

function clientOf(url: string, options: { apiKey?: string; retries?: number } = {}): Stripe {
  const { hostname, port } = new URL(url)
  return new Stripe(options.apiKey ?? API_KEY, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: options.retries ?? 0,
    timeout: 5_000,
    telemetry: false,
  })
}

async function faults(settings: { loseReplies?: number; refuse?: number; delayMs?: number }): Promise<void> {
  await fetch(`${server.url}/control/faults`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  })
}

beforeAll(async () => {
  const database = await testDatabase()
  pool = new pg.Pool({ connectionString: database.url, max: 8 })
  server = await startPaymentProvider({ pool, log, apiKey: API_KEY })
  stripe = clientOf(server.url)
})
afterAll(async () => {
  await server?.stop()
  await pool?.end()
})
beforeEach(() => faults({}))

const pay = (orderId: string, extra: Partial<Stripe.PaymentIntentCreateParams> = {}) => ({
  amount: 1_250,
  currency: 'gbp',
  payment_method: 'pm_card_visa',
  confirm: true,
  metadata: { order_id: orderId },
  ...extra,
})

test('a good card is charged', async () => {
  const intent = await stripe.paymentIntents.create(pay('good'))
  expect(intent).toMatchObject({
    status: 'succeeded',
    amount_received: 1_250,
    currency: 'gbp',
    metadata: { order_id: 'good' },
  })
  expect(await stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
    id: intent.id,
    status: 'succeeded',
  })
})

test('a bad card is a card error with its decline code and the intent inside', async () => {
  const refused = stripe.paymentIntents.create(pay('bad', { payment_method: 'pm_card_chargeDeclined' }))
  await expect(refused).rejects.toBeInstanceOf(Stripe.errors.StripeCardError)
  await expect(refused).rejects.toMatchObject({
    statusCode: 402,
    code: 'card_declined',
    decline_code: 'generic_decline',
    payment_intent: { status: 'requires_payment_method', amount_received: 0 },
  })
})

test('an intent can be confirmed later, and once only', async () => {
  const intent = await stripe.paymentIntents.create(pay('later', { confirm: false }))
  expect(intent.status).toBe('requires_confirmation')
  expect((await stripe.paymentIntents.confirm(intent.id)).status).toBe('succeeded')
  await expect(stripe.paymentIntents.confirm(intent.id)).rejects.toMatchObject({
    code: 'payment_intent_unexpected_state',
  })
})

test('a hold is captured once, whole or in part, and never for more than is held', async () => {
  const hold = () => stripe.paymentIntents.create(pay('held', { capture_method: 'manual' }))
  const intent = await hold()
  expect(intent).toMatchObject({ status: 'requires_capture', amount_capturable: 1_250, amount_received: 0 })
  await expect(stripe.refunds.create({ payment_intent: intent.id })).rejects.toMatchObject({
    code: 'payment_intent_unexpected_state',
  })
  const answers = await Promise.all(
    Array.from({ length: 5 }, () =>
      stripe.paymentIntents.capture(intent.id, {}, { idempotencyKey: 'capture-held' }),
    ),
  )
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 'succeeded', amount_capturable: 0, amount_received: 1_250 })
  // Without the key it is refused, and the refusal tells how the intent is.
  await expect(stripe.paymentIntents.capture(intent.id)).rejects.toMatchObject({
    code: 'payment_intent_unexpected_state',
    payment_intent: { status: 'succeeded' },
  })

  const { id } = await hold()
  await expect(stripe.paymentIntents.capture(id, { amount_to_capture: 1_251 })).rejects.toMatchObject({
    param: 'amount_to_capture',
  })
  expect(await stripe.paymentIntents.capture(id, { amount_to_capture: 50 })).toMatchObject({
    amount_received: 50,
  })
})

test('a hold that is cancelled is released, and can be captured no more', async () => {
  const { id } = await stripe.paymentIntents.create(pay('released', { capture_method: 'manual' }))
  expect(await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' })).toMatchObject({
    status: 'canceled',
    amount_capturable: 0,
  })
  await expect(stripe.paymentIntents.capture(id)).rejects.toMatchObject({
    payment_intent: { status: 'canceled' },
  })
  await expect(stripe.paymentIntents.cancel(id)).rejects.toMatchObject({
    payment_intent: { status: 'canceled' },
  })
})

test('captures and cancellations at once, each with a key of its own: one wins, the others are told', async () => {
  const { id } = await stripe.paymentIntents.create(pay('contended', { capture_method: 'manual' }))
  const ends = await Promise.all(
    Array.from({ length: 12 }, (_, index) => {
      const options = { idempotencyKey: `contended-${index}` }
      const asked =
        index % 2 === 0
          ? stripe.paymentIntents.capture(id, {}, options)
          : stripe.paymentIntents.cancel(id, {}, options)
      return asked.then(
        ({ status }) => status,
        (error: Stripe.errors.StripeInvalidRequestError) => error.code,
      )
    }),
  )
  const won = ends.filter((end) => end !== 'payment_intent_unexpected_state')
  expect(won).toEqual([(await stripe.paymentIntents.retrieve(id)).status])
  const winner = ends.findIndex((end) => end === won[0])
  // The winner's answer is kept under its key, and its key is of no use for anything else.
  const again = { idempotencyKey: `contended-${winner}` }
  const { id: other } = await stripe.paymentIntents.create(pay('other', { capture_method: 'manual' }))
  await expect(stripe.paymentIntents.capture(other, {}, again)).rejects.toBeInstanceOf(
    Stripe.errors.StripeIdempotencyError,
  )
})

test('a capture whose reply is lost has taken the money once', async () => {
  const { id } = await stripe.paymentIntents.create(pay('lost-capture', { capture_method: 'manual' }))
  await faults({ loseReplies: 2 })
  const options = { idempotencyKey: 'capture-lost' }
  await expect(stripe.paymentIntents.capture(id, {}, options)).rejects.toBeInstanceOf(
    Stripe.errors.StripeConnectionError,
  )
  expect(await stripe.paymentIntents.capture(id, {}, options)).toMatchObject({
    status: 'succeeded',
    amount_received: 1_250,
  })
})

test('the same idempotency key gives the same answer, declines included, also ten times at once', async () => {
  const options = { idempotencyKey: 'same-key' }
  const intents = await Promise.all(
    Array.from({ length: 10 }, () => stripe.paymentIntents.create(pay('same'), options)),
  )
  expect(new Set(intents.map(({ id }) => id)).size).toBe(1)
  expect(
    intents.filter(({ lastResponse }) => lastResponse.headers['idempotent-replayed'] === 'true'),
  ).toHaveLength(9)

  const bad = () =>
    stripe.paymentIntents.create(pay('same-bad', { payment_method: 'pm_card_chargeDeclined' }), {
      idempotencyKey: 'bad-key',
    })
  const ids = await Promise.all(
    [bad(), bad()].map((call) =>
      call.catch((error: Stripe.errors.StripeCardError) => error.payment_intent?.id),
    ),
  )
  expect(ids[0]).toBe(ids[1])
})

test('the same idempotency key with other parameters is refused', async () => {
  const options = { idempotencyKey: 'changed-key' }
  await stripe.paymentIntents.create(pay('changed'), options)
  const other = stripe.paymentIntents.create(pay('changed', { amount: 1 }), options)
  await expect(other).rejects.toBeInstanceOf(Stripe.errors.StripeIdempotencyError)
})

test('a lost reply is a connection error, and the key then gives the charge that was made', async () => {
  const options = { idempotencyKey: 'lost-key' }
  // The client repeats once by itself when the connection breaks, whatever its settings.
  await faults({ loseReplies: 2 })
  const lost = stripe.paymentIntents.create(pay('lost'), options)
  await expect(lost).rejects.toBeInstanceOf(Stripe.errors.StripeConnectionError)
  const again = await stripe.paymentIntents.create(pay('lost'), options)
  expect(again.status).toBe('succeeded')
  expect((await stripe.paymentIntents.search({ query: `metadata['order_id']:'lost'` })).data).toHaveLength(1)
})

test('the client repeats by itself what got no answer, and is charged once', async () => {
  await faults({ loseReplies: 1 })
  const retrying = clientOf(server.url, { retries: 1 })
  await retrying.paymentIntents.create(pay('retried'))
  expect((await stripe.paymentIntents.search({ query: `metadata['order_id']:'retried'` })).data).toHaveLength(
    1,
  )
})

test('search finds charges by metadata and status', async () => {
  await stripe.paymentIntents.create(pay('found'))
  await stripe.paymentIntents.create(pay('found', { confirm: false }))
  const all = await stripe.paymentIntents.search({ query: `metadata['order_id']:'found'` })
  const paid = await stripe.paymentIntents.search({
    query: `metadata['order_id']:'found' AND status:'succeeded'`,
  })
  expect([all.data.length, paid.data.length]).toEqual([2, 1])
  await expect(stripe.paymentIntents.search({ query: 'amount>5' })).rejects.toMatchObject({ statusCode: 400 })
})

test('list pages through all intents, newest first', async () => {
  const made = await Promise.all(
    Array.from({ length: 5 }, (_, index) => stripe.paymentIntents.create(pay(`page-${index}`))),
  )
  const seen: string[] = []
  for await (const { id } of stripe.paymentIntents.list({ limit: 2 })) seen.push(id)
  expect(new Set(seen).size).toBe(seen.length)
  for (const { id } of made) expect(seen).toContain(id)
})

test('refunds give back parts, all that is left, and never more than was taken', async () => {
  const intent = await stripe.paymentIntents.create(pay('refunds'))
  const part = await stripe.refunds.create(
    { payment_intent: intent.id, amount: 250 },
    { idempotencyKey: 'part' },
  )
  expect(
    await stripe.refunds.create({ payment_intent: intent.id, amount: 250 }, { idempotencyKey: 'part' }),
  ).toMatchObject({ id: part.id })
  await expect(stripe.refunds.create({ payment_intent: intent.id, amount: 1_001 })).rejects.toMatchObject({
    param: 'amount',
  })
  expect(await stripe.refunds.create({ payment_intent: intent.id })).toMatchObject({
    amount: 1_000,
    status: 'succeeded',
  })
  await expect(stripe.refunds.create({ payment_intent: intent.id })).rejects.toMatchObject({
    code: 'charge_already_refunded',
  })
  expect((await stripe.refunds.list({ payment_intent: intent.id })).data).toHaveLength(2)
})

test('a wrong key, a wrong amount and an unknown method are refused in the provider’s own terms', async () => {
  const stranger = clientOf(server.url, { apiKey: 'sk_test_wrong' })
  await expect(stranger.paymentIntents.create(pay('x'))).rejects.toBeInstanceOf(
    Stripe.errors.StripeAuthenticationError,
  )
  await expect(stripe.paymentIntents.create(pay('x', { amount: 0 }))).rejects.toMatchObject({
    param: 'amount',
    statusCode: 400,
  })
  await expect(stripe.paymentIntents.create(pay('x', { payment_method: 'pm_nobody' }))).rejects.toMatchObject(
    { code: 'resource_missing' },
  )
  await expect(stripe.paymentIntents.retrieve('pi_nobody')).rejects.toMatchObject({ statusCode: 404 })
})

test('a provider that is down answers 503, and one that is slow runs into the client’s timeout', async () => {
  await faults({ refuse: 1 })
  await expect(stripe.paymentIntents.create(pay('down'))).rejects.toBeInstanceOf(Stripe.errors.StripeAPIError)
  await faults({ delayMs: 500 })
  const hasty = stripe.paymentIntents.create(pay('slow'), { timeout: 100, idempotencyKey: 'slow' })
  await expect(hasty).rejects.toBeInstanceOf(Stripe.errors.StripeConnectionError)
})
