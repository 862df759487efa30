/** Holding money, taking it and giving it back: each an answer that is recorded together with what it tells. */
import { z } from 'zod'
import { systemClock } from '@quorate/core'
import { askBank, type Decline } from './cards.ts'
import { invalidRequest, noSuch, ProviderError } from './errors.ts'
import {
  captured,
  cardError,
  confirmed,
  newId,
  newIntent,
  type PaymentIntent,
  type Refund,
} from './objects.ts'
import type { Answer, ProviderStore, Told } from './store.ts'
import type { Queryable } from '../../shared/postgres.ts'

// Form-encoded, so every value arrives as text.
const amount = z
  .string()
  .regex(/^[1-9]\d{0,9}$/, 'a positive whole number of minor units')
  .transform(Number)
const metadata = z.record(z.string().max(40), z.string().max(500)).default({})

export const createIntentParams = z.object({
  amount,
  currency: z.enum(['gbp', 'eur', 'usd']),
  payment_method: z.string().max(100).optional(),
  confirm: z.enum(['true', 'false']).default('false'),
  capture_method: z.enum(['automatic', 'automatic_async', 'manual']).default('automatic_async'),
  description: z.string().max(500).optional(),
  metadata,
})
export const confirmParams = z.object({ payment_method: z.string().max(100).optional() })
export const captureParams = z.object({ amount_to_capture: amount.optional() })
export const cancelParams = z.object({
  cancellation_reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned']).optional(),
})
export const refundParams = z.object({
  payment_intent: z.string().max(100),
  amount: amount.optional(),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
  metadata,
})

const seconds = (): number => Math.floor(systemClock.now() / 1_000)

export function createIntent(params: z.infer<typeof createIntentParams>): Told {
  const intent = newIntent({
    amount: params.amount,
    captureMethod: params.capture_method,
    currency: params.currency,
    paymentMethod: params.payment_method ?? null,
    metadata: params.metadata,
    createdSeconds: seconds(),
  })
  if (params.confirm === 'true') return confirm(intent, params.payment_method)
  return { intent, answer: { status: 200, body: intent } }
}

export function confirmIntent(intent: PaymentIntent, params: z.infer<typeof confirmParams>): Told {
  if (intent.status !== 'requires_confirmation' && intent.status !== 'requires_payment_method')
    throw wrongState(intent, 'confirm')
  return confirm(intent, params.payment_method ?? intent.payment_method ?? undefined)
}

/** Takes the money that is held, or a part of it; once. */
export function captureIntent(intent: PaymentIntent, params: z.infer<typeof captureParams>): Told {
  if (intent.status !== 'requires_capture') throw wrongState(intent, 'capture')
  const wanted = params.amount_to_capture ?? intent.amount_capturable
  if (wanted > intent.amount_capturable) {
    throw invalidRequest(
      `The amount to capture (${wanted}) is greater than the amount capturable (${intent.amount_capturable})`,
      'amount_to_capture',
    )
  }
  const after = captured(intent, wanted)
  return { intent: after, answer: { status: 200, body: after } }
}

/** Ends an intent; money that is held is released. */
export function cancelIntent(intent: PaymentIntent): Told {
  if (intent.status === 'succeeded' || intent.status === 'canceled') throw wrongState(intent, 'cancel')
  const after: PaymentIntent = { ...intent, status: 'canceled', amount_capturable: 0 }
  return { intent: after, answer: { status: 200, body: after } }
}

/** Gives money back, all that is left or a part of it, never more than was taken. */
export async function createRefund(
  store: ProviderStore,
  tx: Queryable,
  params: z.infer<typeof refundParams>,
): Promise<Answer> {
  const intent = await store.lockIntent(tx, params.payment_intent)
  if (intent === undefined) throw noSuch('payment_intent', params.payment_intent, 400)
  if (intent.status !== 'succeeded') throw wrongState(intent, 'refund')
  const left = intent.amount_received - (await store.refundedAmount(tx, intent.id))
  const wanted = params.amount ?? left
  if (left === 0) {
    throw new ProviderError(400, {
      type: 'invalid_request_error',
      code: 'charge_already_refunded',
      message: `Charge ${intent.latest_charge} has already been refunded.`,
    })
  }
  if (wanted > left)
    throw invalidRequest(
      `Refund amount (${wanted}) is greater than unrefunded amount on charge (${left})`,
      'amount',
    )
  const refund: Refund = {
    id: newId('re'),
    object: 'refund',
    amount: wanted,
    currency: intent.currency,
    payment_intent: intent.id,
    status: 'succeeded',
    metadata: params.metadata,
    created: seconds(),
  }
  await store.saveRefund(tx, refund)
  return { status: 200, body: refund }
}

function confirm(intent: PaymentIntent, paymentMethod: string | undefined): Told {
  if (paymentMethod === undefined)
    throw invalidRequest('A payment method is needed to confirm', 'payment_method')
  const bank = askBank(paymentMethod)
  if (bank === undefined) throw noSuch('PaymentMethod', paymentMethod, 400)
  const after = confirmed(intent, paymentMethod, bank)
  return { intent: after, answer: bank === 'approved' ? { status: 200, body: after } : declined(after, bank) }
}

/** 402 with the intent inside, so that the shop learns its id. */
function declined(intent: PaymentIntent, decline: Decline): Answer {
  return {
    status: 402,
    body: { error: { ...cardError(decline), charge: intent.latest_charge, payment_intent: intent } },
  }
}

function wrongState(intent: PaymentIntent, action: string): ProviderError {
  return new ProviderError(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message: `You cannot ${action} this PaymentIntent because it has a status of ${intent.status}.`,
    payment_intent: intent,
  })
}
