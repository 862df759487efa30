import { expect, test } from 'vitest'
import { askBank } from './cards.ts'
import { confirmed, newIntent } from './objects.ts'

const intent = newIntent({
  amount: 500,
  currency: 'gbp',
  paymentMethod: 'pm_card_visa',
  metadata: {},
  createdSeconds: 1,
})

test('confirmed() takes the whole amount when the bank agrees', () => {
  expect(confirmed(intent, 'pm_card_visa', 'approved')).toMatchObject({
    status: 'succeeded',
    amount_received: 500,
  })
})

test('confirmed() takes nothing and asks for another card when the bank declines', () => {
  const bank = askBank('pm_card_chargeDeclinedInsufficientFunds')
  expect(bank).toMatchObject({ declineCode: 'insufficient_funds' })
  const declined = confirmed(
    intent,
    'pm_card_chargeDeclinedInsufficientFunds',
    bank === 'approved' || bank === undefined ? 'approved' : bank,
  )
  expect(declined).toMatchObject({
    status: 'requires_payment_method',
    amount_received: 0,
    payment_method: null,
  })
})

test('askBank() knows no method by the name of an object property', () => {
  expect(askBank('constructor')).toBeUndefined()
})
