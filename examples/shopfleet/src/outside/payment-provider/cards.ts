/** The provider's test payment methods, with the names and answers the real one gives. */
export interface Decline {
  readonly code: 'card_declined'
  readonly declineCode: string
  readonly message: string
}

const APPROVED = new Set(['pm_card_visa', 'pm_card_visa_debit', 'pm_card_mastercard', 'pm_card_amex'])

const DECLINED: Readonly<Record<string, Decline>> = {
  pm_card_chargeDeclined: {
    code: 'card_declined',
    declineCode: 'generic_decline',
    message: 'Your card was declined.',
  },
  pm_card_chargeDeclinedInsufficientFunds: {
    code: 'card_declined',
    declineCode: 'insufficient_funds',
    message: 'Your card has insufficient funds.',
  },
}

/** What the bank says; `undefined` for a payment method nobody knows. */
export function askBank(paymentMethod: string): 'approved' | Decline | undefined {
  if (APPROVED.has(paymentMethod)) return 'approved'
  return Object.hasOwn(DECLINED, paymentMethod) ? DECLINED[paymentMethod] : undefined
}
