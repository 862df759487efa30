/**
 * A payment provider that speaks the PaymentIntents and Refunds API of Stripe, as much of it as the real
 * `stripe` client needs: form-encoded bodies, bearer keys, idempotency keys, declines, search.
 * It is "the outside world": another company, with a database of its own.
 */
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { Pool } from 'pg'
import { z } from 'zod'
import { listen, route, traced, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate, type Queryable } from '../../shared/postgres.ts'
import { createServer } from 'node:http'
import { invalidRequest, noSuch, ProviderError } from './errors.ts'
import { faultSwitch, providerFaults, type ProviderFaults } from './faults.ts'
import { newId, type PaymentIntent } from './objects.ts'
import {
  cancelIntent,
  cancelParams,
  captureIntent,
  captureParams,
  confirmIntent,
  confirmParams,
  createIntent,
  createIntentParams,
  createRefund,
  refundParams,
} from './payments.ts'
import { parseSearch } from './search.ts'
import {
  fingerprintOf,
  KeyReusedError,
  providerMigrations,
  providerStore,
  type Answer,
  type ProviderStore,
  type Told,
} from './store.ts'

export interface PaymentProviderOptions {
  readonly pool: Pool
  readonly log: Logger
  /** The secret key that callers must present. */
  readonly apiKey: string
  readonly faults?: Partial<ProviderFaults> | undefined
}

export async function startPaymentProvider({
  pool,
  log,
  apiKey,
  faults,
}: PaymentProviderOptions): Promise<RunningServer> {
  await migrate(pool, providerMigrations)
  const faultable = faultSwitch(providerFaults.parse(faults ?? {}))
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(traced(log))
  app.put(
    '/control/faults',
    express.json(),
    route({ body: providerFaults }, async ({ body }) => {
      faultable.set(body)
      return {}
    }),
  )
  app.use(authenticated(apiKey), express.urlencoded({ extended: true, limit: '100kb' }), faultable.middleware)
  providerRoutes(app, providerStore(pool))
  app.use((request) => {
    throw new ProviderError(404, {
      type: 'invalid_request_error',
      message: `Unrecognized request URL (${request.method}: ${request.path}).`,
    })
  })
  app.use(answerErrors(log))
  return listen(createServer(app), 0)
}

const idPath = z.object({ id: z.string().max(100) })
const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(10),
  starting_after: z.string().max(100).optional(),
  payment_intent: z.string().max(100).optional(),
})

function providerRoutes(app: Express, store: ProviderStore): void {
  app.post('/v1/payment_intents', create(store))
  app.get(
    '/v1/payment_intents/search',
    read(async ({ query }) => {
      const { query: text, limit } = z
        .object({ query: z.string().max(1_000), limit: listQuery.shape.limit })
        .parse(query)
      const clauses = parseSearch(text)
      if (clauses === undefined) throw invalidRequest('We were unable to parse your search query.', 'query')
      const data = await store.intents(clauses, limit, undefined)
      return {
        object: 'search_result',
        url: '/v1/payment_intents/search',
        has_more: false,
        next_page: null,
        data,
      }
    }),
  )
  app.get(
    '/v1/payment_intents/:id',
    read(async ({ params }) => {
      const { id } = idPath.parse(params)
      return (await store.intent(id)) ?? fail(noSuch('payment_intent', id))
    }),
  )
  app.post('/v1/payment_intents/:id/confirm', change(store, confirmParams, confirmIntent))
  app.post('/v1/payment_intents/:id/cancel', change(store, cancelParams, cancelIntent))
  app.post('/v1/payment_intents/:id/capture', change(store, captureParams, captureIntent))
  app.get(
    '/v1/payment_intents',
    read(async ({ query }) => {
      const { limit, starting_after } = listQuery.parse(query)
      return page('/v1/payment_intents', limit, await store.intents([], limit + 1, starting_after))
    }),
  )
  app.post(
    '/v1/refunds',
    write(store, refundParams, (tx, params) => createRefund(store, tx, params)),
  )
  app.get(
    '/v1/refunds/:id',
    read(async ({ params }) => {
      const { id } = idPath.parse(params)
      return (await store.refund(id)) ?? fail(noSuch('refund', id))
    }),
  )
  app.get(
    '/v1/refunds',
    read(async ({ query }) => {
      const { limit, payment_intent } = listQuery.parse(query)
      return page('/v1/refunds', limit, await store.refunds(payment_intent, limit + 1))
    }),
  )
}

function page(url: string, limit: number, found: readonly unknown[]) {
  return { object: 'list', url, has_more: found.length > limit, data: found.slice(0, limit) }
}

function read(handler: (request: Request) => Promise<unknown>): RequestHandler {
  return async (request, response) => {
    send(response, { status: 200, body: await handler(request) })
  }
}

/** Every order makes one of these, so it takes one statement. */
function create(store: ProviderStore): RequestHandler {
  return async (request, response) => {
    const { key, form } = keyedForm(request)
    const { intent, answer } = createIntent(createIntentParams.parse(form))
    const keyed = { key: key ?? `none:${intent.id}`, fingerprint: fingerprintOf(request.path, form) }
    sendKeyed(response, key, await store.saveOnce(keyed, intent, answer))
  }
}

/** A step in the life of an intent. */
function change<P extends z.ZodType>(
  store: ProviderStore,
  schema: P,
  step: (intent: PaymentIntent, params: z.infer<P>) => Told,
): RequestHandler {
  return async (request, response) => {
    const { key, form } = keyedForm(request)
    const params = schema.parse(form)
    const { id } = idPath.parse(request.params)
    const keyed = { key, fingerprint: fingerprintOf(request.path, form) }
    const answer = await store.changeOnce(keyed, id, (intent) => step(intent, params))
    sendKeyed(response, key, answer ?? fail(noSuch('payment_intent', id)))
  }
}

/** A write with an idempotency key: the same key gets the same answer, declines included. */
function write<P extends z.ZodType>(
  store: ProviderStore,
  schema: P,
  work: (tx: Queryable, params: z.infer<P>) => Promise<Answer>,
): RequestHandler {
  return async (request, response) => {
    const { key, form } = keyedForm(request)
    const params = schema.parse(form)
    const keyed = { key, fingerprint: fingerprintOf(request.path, form) }
    sendKeyed(response, key, await store.once(keyed, (tx) => work(tx, params)))
  }
}

function keyedForm(request: Request): { key: string | undefined; form: unknown } {
  const key = request.header('idempotency-key')
  if (key !== undefined && key.length > 255)
    throw invalidRequest('Idempotency keys are at most 255 characters long.')
  return { key, form: request.body ?? {} }
}

function sendKeyed(
  response: Response,
  key: string | undefined,
  answer: Answer & { replayed: boolean },
): void {
  if (key !== undefined) response.set('idempotency-key', key)
  if (answer.replayed) response.set('idempotent-replayed', 'true')
  send(response, answer)
}

function send(response: Response, { status, body }: Answer): void {
  response.status(status).set('request-id', newId('req')).json(body)
}

function authenticated(apiKey: string): RequestHandler {
  return (request, _response, next) => {
    if (request.header('authorization') === `Bearer ${apiKey}`) return next()
    throw new ProviderError(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' })
  }
}

function answerErrors(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    if (error instanceof ProviderError) return send(response, error.answer)
    if (error instanceof z.ZodError) {
      const issue = error.issues[0]
      return send(
        response,
        invalidRequest(`Invalid ${issue?.path.join('.')}: ${issue?.message}`, issue?.path.join('.')).answer,
      )
    }
    if (error instanceof KeyReusedError) {
      return send(response, {
        status: 400,
        body: {
          error: {
            type: 'idempotency_error',
            message:
              'Keys for idempotent requests can only be used with the same parameters they were first used with.',
          },
        },
      })
    }
    log.error({ err: error }, 'provider failed')
    send(response, {
      status: 500,
      body: { error: { type: 'api_error', message: 'Something went wrong on our end.' } },
    })
  }
}

function fail(error: Error): never {
  throw error
}
