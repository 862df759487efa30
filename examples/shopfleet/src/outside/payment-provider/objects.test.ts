import { expect, test } from 'vitest'
import { askBank } from './cards.ts'
import { captured, confirmed, newIntent } from './objects.ts'

const intent = newIntent({
  amount: 500,
  captureMethod: 'automatic',
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

test('confirmed() only holds the amount if it is to be captured by hand, and captured() takes it', () => {
  const held = confirmed({ ...intent, capture_method: 'manual' }, 'pm_card_visa', 'approved')
  expect(held).toMatchObject({ status: 'requires_capture', amount_capturable: 500, amount_received: 0 })
  expect(captured(held, 450)).toMatchObject({
    status: 'succeeded',
    amount_capturable: 0,
    amount_received: 450,
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
