/** The provider's objects, as its API shows them: the fields that a shop reads. */
import { randomBytes } from 'node:crypto'
import type { Decline } from './cards.ts'

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  /** The bank holds the money for us; it is not taken yet. */
  | 'requires_capture'
  | 'succeeded'
  | 'canceled'

/** `manual`: a confirmation only holds the money, and a capture takes it. */
export type CaptureMethod = 'automatic' | 'automatic_async' | 'manual'

export interface PaymentIntent {
  readonly id: string
  readonly object: 'payment_intent'
  readonly amount: number
  readonly amount_capturable: number
  readonly amount_received: number
  readonly capture_method: CaptureMethod
  readonly currency: string
  readonly status: IntentStatus
  readonly payment_method: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly last_payment_error: unknown
  readonly latest_charge: string | null
  readonly created: number
  readonly livemode: false
}

export interface Refund {
  readonly id: string
  readonly object: 'refund'
  readonly amount: number
  readonly currency: string
  readonly payment_intent: string
  readonly status: 'succeeded'
  readonly metadata: Readonly<Record<string, string>>
  readonly created: number
}

export function newId(prefix: 'pi' | 're' | 'ch' | 'req'): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`
}

export interface NewIntent {
  readonly amount: number
  readonly captureMethod: CaptureMethod
  readonly currency: string
  readonly paymentMethod: string | null
  readonly metadata: Readonly<Record<string, string>>
  readonly createdSeconds: number
}

/** A payment intent nobody has confirmed yet. */
export function newIntent({
  amount,
  captureMethod,
  currency,
  paymentMethod,
  metadata,
  createdSeconds,
}: NewIntent): PaymentIntent {
  return {
    id: newId('pi'),
    object: 'payment_intent',
    amount,
    amount_capturable: 0,
    amount_received: 0,
    capture_method: captureMethod,
    currency,
    status: paymentMethod === null ? 'requires_payment_method' : 'requires_confirmation',
    payment_method: paymentMethod,
    metadata,
    last_payment_error: null,
    latest_charge: null,
    created: createdSeconds,
    livemode: false,
  }
}

/** The intent after the bank has spoken: money taken, or held, or back to asking for another payment method. */
export function confirmed(
  intent: PaymentIntent,
  paymentMethod: string,
  bank: 'approved' | Decline,
): PaymentIntent {
  const latest_charge = newId('ch')
  if (bank === 'approved') {
    const approved = {
      ...intent,
      payment_method: paymentMethod,
      last_payment_error: null,
      latest_charge,
    }
    return intent.capture_method === 'manual'
      ? { ...approved, status: 'requires_capture', amount_capturable: intent.amount }
      : { ...approved, status: 'succeeded', amount_received: intent.amount }
  }
  return {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    last_payment_error: cardError(bank),
    latest_charge,
  }
}

/** The intent after the money was taken; what is not taken of it goes back to the customer's account. */
export function captured(intent: PaymentIntent, amount: number): PaymentIntent {
  return { ...intent, status: 'succeeded', amount_capturable: 0, amount_received: amount }
}

export function cardError({ code, declineCode, message }: Decline) {
  return { type: 'card_error', code, decline_code: declineCode, message }
}
