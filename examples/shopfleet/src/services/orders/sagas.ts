import type { checkoutSaga } from './checkout-saga.ts'
import type { refundSaga } from './refund-saga.ts'

export type CheckoutSaga = ReturnType<typeof checkoutSaga>
export type RefundSaga = ReturnType<typeof refundSaga>

/** Order ids and refund ids are the customers' own and may be equal; saga ids may not. */
export const checkoutId = (orderId: string): string => orderId
export const refundSagaId = (refundId: string): string => `refund:${refundId}`
