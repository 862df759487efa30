import { expect, test } from 'vitest'
import { ORDER_STATUSES, type OrderView } from '../api.ts'
import { checkoutAnswer } from './answers.ts'

const order: OrderView = {
  id: 'o-1',
  userId: 'ann',
  status: 'PAID',
  cancelReason: null,
  apology: null,
  cartRemoval: null,
  short: null,
  lines: [],
  totalCents: 100,
  refundedCents: 0,
  tracking: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
}

test('checkoutAnswer() is 202 only while the order is undecided', () => {
  const open = ORDER_STATUSES.filter(
    (status) => status !== 'CANCELLED' && checkoutAnswer({ ...order, status }).status === 202,
  )
  expect(open).toEqual(['CREATED', 'PAYMENT_PENDING'])
})

test.each([
  ['declined', 402],
  ['out-of-stock', 409],
  ['unknown-product', 422],
  ['unavailable', 503],
] as const)(
  'checkoutAnswer() refuses an order cancelled as %s with %i and the order inside',
  (cancelReason, status) => {
    const cancelled: OrderView = { ...order, status: 'CANCELLED', cancelReason }
    expect(() => checkoutAnswer(cancelled)).toThrow(
      expect.objectContaining({ status, code: cancelReason, details: { order: cancelled } }),
    )
  },
)

test('checkoutAnswer() refuses an order that is about to be cancelled', () => {
  const turning: OrderView = { ...order, status: 'PAYMENT_PENDING', cancelReason: 'unavailable' }
  expect(() => checkoutAnswer(turning)).toThrow(
    expect.objectContaining({ status: 503, retryAfterSeconds: 1 }),
  )
})
