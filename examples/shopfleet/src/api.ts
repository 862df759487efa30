/**
 * The public HTTP API of the gateway, as schemas: what the storefront, the story and the replay of
 * real orders send and get. Money is in minor units (pence) of one currency; quantities are whole.
 *
 * Terminology
 * - sku: stock-keeping unit, the code of a product.
 * - order line: a sku with a quantity and the price it was sold at.
 * - reservation: stock held for one order, either committed (sold) or released.
 */
import { z } from 'zod'
import { MAX_CART_BYTES, MAX_CART_LINES, MAX_LINE_QUANTITY } from './limits.ts'

export const CURRENCY = 'gbp'

export const sku = z.string().trim().min(1).max(40)
export const quantity = z.int().min(1).max(MAX_LINE_QUANTITY)
export const userId = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'letters, digits, dot, dash and underscore, at most 64')
export const orderId = z
  .string()
  .regex(/^[\w.-]{1,64}$/, 'letters, digits, dot, dash and underscore, at most 64')
export const minorUnits = z.int().min(0).max(1_000_000_000)

/** PUT /api/admin/products: creates or replaces; at most 1,000 in one call. */
export const product = z.object({ sku, name: z.string().min(1).max(200), priceCents: minorUnits.min(1) })
export const productsBody = z.object({ products: z.array(product).min(1).max(1_000) })
export type Product = z.infer<typeof product>

/** PUT /api/admin/stock: what is on the shelf at the start. Said again it changes nothing; another number for a sku is refused (409). */
export const stockLevel = z.object({ sku, units: z.int().min(0).max(10_000_000) })
export const stockBody = z.object({ stock: z.array(stockLevel).min(1).max(1_000) })
export type StockLevel = z.infer<typeof stockLevel>

/** GET /api/products and /api/products/:sku: catalogue entries with a stock badge read from two of three inventory servers. */
export const productView = product.extend({
  stock: z.object({
    /** Units free to sell, as the quorum saw them; `null` when fewer than two servers answered in time. */
    available: z.int().nullable(),
    /** Version of the stock row the number comes from. */
    version: z.int().nullable(),
    /** How many of the three servers answered, and of those how many were behind. */
    responses: z.int(),
    stale: z.int(),
  }),
})
export const productList = z.object({ products: z.array(productView), next: sku.nullable() })
export type ProductView = z.infer<typeof productView>

/** GET /api/profile, PUT /api/profile (the user of the session). */
export const profileBody = z.object({
  name: z.string().trim().min(1).max(200),
  email: z.email().nullable().default(null),
  country: z.string().trim().min(1).max(60),
  address: z.string().trim().max(400).nullable().default(null),
})
export const profileView = profileBody.extend({ userId, version: z.int() })
export type ProfileView = z.infer<typeof profileView>

/** POST /api/cart/items adds; PUT /api/cart/items/:sku sets a quantity (0 removes); DELETE /api/cart empties. */
export const cartLine = z.object({ sku, quantity })
export const cartItemsBody = z.object({ items: z.array(cartLine).min(1).max(MAX_CART_LINES) })
export const cartQuantityBody = z.object({ quantity: z.int().min(0).max(MAX_LINE_QUANTITY) })
/** A cart, or a part of one, as bytes of `@quorate/crdt`. */
export const cartBytes = z.base64().max(Math.ceil(MAX_CART_BYTES / 3) * 4)
export const cartView = z.object({
  /** May be past the limits: what devices did offline is merged, not refused. */
  items: z.array(z.object({ sku, quantity: z.int().min(1) })),
  /** What to take out before the next checkout; `null` as long as one order can hold it all. */
  overLimit: z.string().nullable(),
})

/**
 * PUT /api/cart/sync: a device hands in what the shop lacks, and gets what it lacks itself. All three are
 * base64 of bytes of `@quorate/crdt` and `@quorate/vector-clock`.
 *
 * Any request may be repeated, lost, or arrive late: deltas merge in any order, any number of times. A
 * device that then still has more than `version` says (the shop's Redis may have lost its last edits in a
 * fail-over) hands that in with another call.
 *
 * Refused, with nothing merged: 400 `wrong-bytes`, `wrong-type`, `newer-format`, `too-large`; 409
 * `duplicate-device` when two writers use one name.
 */
export const cartSyncBody = z
  .object({
    /** The name that the device edits under. */
    replica: z.string().min(1).max(100).optional(),
    /** Version of the device's copy: what it need not be told. Left out, the whole cart is answered. */
    version: z.base64().optional(),
    /** What the device has and the shop may lack. */
    delta: z.base64().optional(),
    /** In place of `delta`: all that the device has. */
    state: z.base64().optional(),
  })
  .refine(({ delta, state }) => (delta === undefined) !== (state === undefined), {
    error: 'send either delta or state',
  })
export const cartSyncView = cartView.extend({
  /** Version of the shop's copy after the merge. */
  version: z.base64(),
  /** What the device lacks; to merge, also if it holds nothing new. */
  delta: z.base64(),
  /** All that the shop has, for devices that handed in all they had. */
  state: z.base64().optional(),
})
export type CartView = z.infer<typeof cartView>
export type CartSyncBody = z.infer<typeof cartSyncBody>
export type CartSyncView = z.infer<typeof cartSyncView>
export type CartLine = z.infer<typeof cartLine>

export const ORDER_STATUSES = [
  'CREATED',
  'PAYMENT_PENDING',
  'PAID',
  'FULFILLMENT_PENDING',
  'SHIPPED',
  'DELIVERED',
  'CANCELLED',
  'REFUNDED',
] as const
export const orderStatus = z.enum(ORDER_STATUSES)
export type OrderStatus = z.infer<typeof orderStatus>

/** Why an order was cancelled. */
export const cancelReason = z.enum(['out-of-stock', 'declined', 'unknown-product', 'unavailable'])

export const orderLine = cartLine.extend({ priceCents: minorUnits, refundedQuantity: z.int().min(0) })
export const orderView = z.object({
  id: orderId,
  userId,
  status: orderStatus,
  /** Set before the status is CANCELLED if the undoing takes long: it will be. */
  cancelReason: cancelReason.nullable(),
  /** Why a paid order was REFUNDED without the customer asking: it had been sold more often than it was there. */
  apology: z.enum(['oversold']).nullable(),
  /** With `out-of-stock`: which lines were short, and what was there. */
  short: z.array(z.object({ sku, wanted: z.int(), available: z.int() })).nullable(),
  lines: z.array(orderLine),
  /**
   * What took the lines out of the cart, as a delta of it. A device that merges it knows that they are ordered, and tells
   * the shop again should that have forgotten it. `null` as long as there are no lines.
   */
  cartRemoval: cartBytes.nullable(),
  totalCents: minorUnits,
  refundedCents: minorUnits,
  tracking: z.string().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
})
export type OrderView = z.infer<typeof orderView>
export const orderList = z.object({ orders: z.array(orderView) })

/**
 * POST /api/checkout: the session's cart becomes an order. The order id is the idempotency key: the
 * same id again gives the same order, whatever the cart holds by then. Answers once the order is
 * decided (201: PAID or later; 402: declined; 409: out of stock; 422: a product that is not sold, or an
 * empty or too large cart, which makes no order; 503: a service is away), or 202 if that takes longer than the shop waits. The cart loses what was ordered, also when the order is then cancelled: a repeat needs a new order.
 */
export const checkoutBody = z.object({
  orderId,
  /** A payment method of the provider, for example `pm_card_visa` or `pm_card_chargeDeclined`. */
  paymentMethod: z.string().min(1).max(100),
  /**
   * All that the customer's device has, as `state` of a sync: the shop takes it in first, so that the order is of the
   * cart that the customer sees, also if a fail-over has just forgotten some of it. Left out: what the shop has.
   * What a sync refuses is refused here too (400, 409), and makes no order.
   */
  cart: cartBytes.optional(),
})

/**
 * POST /api/orders/:id/refunds: gives back units of a paid order. The refund id is the idempotency key.
 * 201: the money is back; 202: it is on its way; 409: not that many left.
 */
export const refundBody = z.object({ refundId: orderId, lines: z.array(cartLine).min(1).max(1_000) })
export const refundView = z.object({ refundId: orderId, orderId, amountCents: minorUnits, order: orderView })
export type RefundView = z.infer<typeof refundView>

/**
 * GET /api/admin/replicas: how the databases behind each copy of a service stand, as that copy sees it. Only of
 * the services that read from replicas by session.
 */
export const replicaStatus = z.enum([
  'unknown',
  'healthy',
  'lagging',
  'slow',
  'disconnected',
  'promoted',
  'down',
])
/** `null` while it is not known. */
const lag = { lagMs: z.number().nullable(), lagBytes: z.number().nullable() }
export const replicaView = z.object({ id: z.string(), status: replicaStatus, ...lag })
export const replicaAlert = z.object({
  kind: z.enum(['ejected', 'readmitted', 'primary-lost', 'primary-back']),
  /** The server it is about; its status and its lag were these then. */
  id: z.string(),
  status: replicaStatus,
  ...lag,
  at: z.iso.datetime(),
})
export const standingView = z.object({
  /** `null` until it was asked. */
  primaryReachable: z.boolean().nullable(),
  replicas: z.array(replicaView),
  /** Reads since the start, by who has served them. */
  reads: z.object({ replicas: z.int(), primary: z.int() }),
  /** The last ones, newest first. */
  alerts: z.array(replicaAlert),
})
export const replicasReport = z.object({
  services: z.array(
    z.object({
      service: z.string(),
      /** From 1. */
      copy: z.int(),
      /** `null` for a copy that does not answer. */
      standing: standingView.nullable(),
    }),
  ),
})
export type ReplicaView = z.infer<typeof replicaView>
export type ReplicaAlert = z.infer<typeof replicaAlert>
export type StandingView = z.infer<typeof standingView>
export type ReplicasReport = z.infer<typeof replicasReport>

/** Every answer that is not 2xx. `code` is stable, `message` says what to do. */
export const problem = z.object({
  code: z.string(),
  message: z.string(),
  traceId: z.string(),
  order: orderView.optional(),
})
export type Problem = z.infer<typeof problem>

/** Who is shopping: this header on every call (the storefront sets it from its user switch). */
export const USER_HEADER = 'x-user-id'
