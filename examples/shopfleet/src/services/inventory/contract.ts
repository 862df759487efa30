/** What the inventory service takes and answers: shared with the services that call it. */
import { z } from 'zod'
import { cartLine, orderId, productView, sku } from '../../api.ts'

const lines = z.array(cartLine).min(1).max(1_000)

/** POST /reservations: all lines or none. The id is the order's: the same id again gives the same answer. */
export const reserveBody = z.object({ id: orderId, lines })
/** POST /restocks: sold units of a committed reservation come back to the shelf. The id is the refund's. */
export const restockBody = z.object({ id: orderId, reservationId: orderId, lines })

/** `promised`: held in name only, until a look finds it `reserved` or `oversold`. */
export const reservationStatus = z.enum(['reserved', 'promised', 'oversold', 'committed', 'released'])
export type ReservationStatus = z.infer<typeof reservationStatus>
export const reservationAnswer = z.object({ id: orderId, status: reservationStatus })

/** With the problem `out-of-stock`, and of an oversold reservation: which lines were short, and what was there. */
export const shortLine = z.object({ sku, wanted: z.int(), available: z.int() })
export type ShortLine = z.infer<typeof shortLine>

/** POST /reservations/:id/commit: what was held is sold. `oversold`: the promise cannot be kept, nothing was sold. */
export const commitAnswer = z.discriminatedUnion('status', [
  z.object({ id: orderId, status: z.literal('committed') }),
  z.object({ id: orderId, status: z.literal('oversold'), short: z.array(shortLine) }),
])

/** POST /display: what to show on product pages, read from two of three servers. */
export const displayBody = z.object({ skus: z.array(sku).min(1).max(200) })
export const stockBadge = productView.shape.stock.extend({ sku })
export const displayAnswer = z.object({ stock: z.array(stockBadge) })
export type StockBadge = z.infer<typeof stockBadge>
