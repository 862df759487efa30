import { Agent } from 'node:http'
import { Stripe } from 'stripe'
import { CURRENCY } from '../../api.ts'
import { NoAnswerError } from '../../shared/http-client.ts'
import { Problem } from '../../shared/problem.ts'
import { currentTrace, traceparent } from '../../shared/trace.ts'

/** What a charge came to, when the provider has said so. */
export type ChargeResult =
  /** The bank holds the money for us. */
  | { readonly status: 'held'; readonly providerId: string }
  | { readonly status: 'declined'; readonly providerId: string | undefined; readonly message: string }

/**
 * The payment provider, through its own client library. Each call may end with NoAnswerError: it is then unknown
 * whether anything was done, and the call is to be repeated.
 */
export interface Provider {
  /** Has the bank hold the amount; nothing is taken yet. */
  authorise(charge: { orderId: string; amountCents: number; paymentMethod: string }): Promise<ChargeResult>
  /** What is held for an order and not taken, by the metadata we sent along. */
  findHold(orderId: string): Promise<{ providerId: string; amountCents: number } | undefined>
  /** Takes all that is held. */
  capture(held: { orderId: string; providerId: string }): Promise<void>
  /** Lets go what is held. */
  cancel(held: { orderId: string; providerId: string }): Promise<void>
  /** Gives money back, once for each key. @returns the provider's id of the refund. */
  refund(refund: { key: string; providerId: string; amountCents: number }): Promise<string>
  close(): void
}

export interface ProviderAccount {
  readonly url: string
  readonly apiKey: string
  /** For one request, ms. Default 2,500. */
  readonly timeoutMs?: number | undefined
}

const TIMEOUT_MS = 2_500
const NETWORK_RETRIES = 1

export function stripeProvider({ url, apiKey, timeoutMs = TIMEOUT_MS }: ProviderAccount): Provider {
  const { hostname, port } = new URL(url)
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const stripe = new Stripe(apiKey, {
    host: hostname,
    port,
    protocol: 'http',
    timeout: timeoutMs,
    // The client repeats a request that got no answer with the same idempotency key.
    maxNetworkRetries: NETWORK_RETRIES,
    telemetry: false,
    httpClient: tracedHttpClient(agent),
  })

  return {
    async authorise({ orderId, amountCents, paymentMethod }) {
      try {
        const intent = await stripe.paymentIntents.create(
          {
            amount: amountCents,
            currency: CURRENCY,
            payment_method: paymentMethod,
            confirm: true,
            capture_method: 'manual',
            metadata: { order_id: orderId },
          },
          { idempotencyKey: `authorise:${orderId}` },
        )
        if (intent.status === 'requires_capture') return { status: 'held', providerId: intent.id }
        return { status: 'declined', providerId: intent.id, message: `The payment is ${intent.status}` }
      } catch (error) {
        if (error instanceof Stripe.errors.StripeCardError) {
          return { status: 'declined', providerId: error.payment_intent?.id, message: error.message }
        }
        // A wrong payment method is the customer's to change, as a declined card is.
        if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing') {
          return { status: 'declined', providerId: undefined, message: error.message }
        }
        throw unanswered(error)
      }
    },

    async findHold(orderId) {
      try {
        const found = await stripe.paymentIntents.search({
          query: `metadata['order_id']:'${orderId}' AND status:'requires_capture'`,
          limit: 1,
        })
        const intent = found.data[0]
        return intent === undefined
          ? undefined
          : { providerId: intent.id, amountCents: intent.amount_capturable }
      } catch (error) {
        throw unanswered(error)
      }
    },

    capture: ({ orderId, providerId }) =>
      endHold('succeeded', () =>
        stripe.paymentIntents.capture(providerId, {}, { idempotencyKey: `capture:${orderId}` }),
      ),

    cancel: ({ orderId, providerId }) =>
      endHold('canceled', () =>
        stripe.paymentIntents.cancel(providerId, {}, { idempotencyKey: `cancel:${orderId}` }),
      ),

    async refund({ key, providerId, amountCents }) {
      try {
        const refund = await stripe.refunds.create(
          { payment_intent: providerId, amount: amountCents },
          { idempotencyKey: `refund:${key}` },
        )
        return refund.id
      } catch (error) {
        throw unanswered(error)
      }
    },

    close: () => agent.destroy(),
  }
}

/**
 * Keys are forgotten after a day: a repeat that comes later than that finds done what it asks for.
 *
 * @throws Problem 409 if the hold has ended in another way, for example because it was not captured for days.
 */
async function endHold(wanted: 'succeeded' | 'canceled', ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask()
  } catch (error) {
    const status =
      error instanceof Stripe.errors.StripeInvalidRequestError ? error.payment_intent?.status : undefined
    if (status === wanted) return
    if (status !== undefined) {
      throw new Problem(409, 'hold-gone', `The provider holds nothing any more: the payment is ${status}`, {
        cause: error,
      })
    }
    throw unanswered(error)
  }
}

/** Connection lost, timeout, or the provider's own failure: the money may have moved or not. */
function unanswered(error: unknown): unknown {
  const away =
    error instanceof Stripe.errors.StripeConnectionError ||
    error instanceof Stripe.errors.StripeAPIError ||
    error instanceof Stripe.errors.StripeRateLimitError
  return away ? new NoAnswerError('payment-provider', 'unknown', error) : error
}

/** Stripe's Node client, with our trace on each request. */
function tracedHttpClient(agent: Agent) {
  const client = Stripe.createNodeHttpClient(agent)
  const makeRequest = client.makeRequest.bind(client)
  client.makeRequest = (host, port, path, method, headers, data, protocol, timeout) => {
    const trace = currentTrace()
    const traced = trace === undefined ? headers : { ...headers, traceparent: traceparent(trace) }
    return makeRequest(host, port, path, method, traced, data, protocol, timeout)
  }
  return client
}
