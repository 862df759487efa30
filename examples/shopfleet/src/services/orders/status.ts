/** The life of an order: which status may follow which. Pure; the SQL is made from this table. */
import type { OrderStatus } from '../../api.ts'

const NEXT: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  CREATED: ['PAYMENT_PENDING', 'CANCELLED'],
  PAYMENT_PENDING: ['PAID', 'CANCELLED'],
  PAID: ['FULFILLMENT_PENDING', 'REFUNDED'],
  FULFILLMENT_PENDING: ['SHIPPED', 'REFUNDED'],
  SHIPPED: ['DELIVERED', 'REFUNDED'],
  DELIVERED: ['REFUNDED'],
  CANCELLED: [],
  REFUNDED: [],
}

export function mayFollow(from: OrderStatus, to: OrderStatus): boolean {
  return NEXT[from].includes(to)
}

/** The statuses from which an order may come to this one. */
export function predecessors(to: OrderStatus): OrderStatus[] {
  return (Object.keys(NEXT) as OrderStatus[]).filter((from) => mayFollow(from, to))
}

/** Paid or later, or cancelled: the customer has an answer. */
export function isDecided(status: OrderStatus): boolean {
  return status !== 'CREATED' && status !== 'PAYMENT_PENDING'
}

export function isRefundable(status: OrderStatus): boolean {
  return mayFollow(status, 'REFUNDED')
}
