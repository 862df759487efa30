import type { Express } from 'express'
import { z } from 'zod'
import { orderId, stockBody } from '../../api.ts'
import { route } from '../../shared/http-server.ts'
import { Problem } from '../../shared/problem.ts'
import { displayBody, reserveBody, restockBody, type StockBadge } from './contract.ts'
import type { InventoryStore } from './store.ts'

export interface InventoryParts {
  readonly store: InventoryStore
  /** Stock for product pages, from two of three servers. */
  readonly display: (skus: readonly string[]) => Promise<StockBadge[]>
}

const byId = { params: z.object({ id: orderId }) }

export function inventoryRoutes(app: Express, { store, display }: InventoryParts): void {
  app.put(
    '/stock',
    route({ body: stockBody }, async ({ body }) => {
      await store.open(body.stock)
      return {}
    }),
  )

  app.post(
    '/display',
    route({ body: displayBody }, async ({ body }) => ({ body: { stock: await display(body.skus) } })),
  )

  app.post(
    '/reservations',
    route({ body: reserveBody }, async ({ body: { id, lines } }) => {
      const result = await store.reserve(id, lines)
      if ('short' in result) {
        throw new Problem(
          409,
          'out-of-stock',
          'Some lines are short; order what is available, or other products',
          {
            details: { short: result.short },
          },
        )
      }
      if (result.status === 'released') {
        throw new Problem(409, 'reservation-settled', `Reservation ${id} was released; reserve with a new id`)
      }
      return { status: 201, body: { id, status: result.status } }
    }),
  )

  app.post(
    '/reservations/:id/commit',
    route(byId, async ({ params: { id } }) => {
      const committed = await store.commit(id)
      return { body: { id, ...committed } }
    }),
  )

  app.post(
    '/reservations/:id/release',
    route(byId, async ({ params: { id } }) => {
      await store.release(id)
      return { body: { id, status: 'released' } }
    }),
  )

  app.post(
    '/restocks',
    route({ body: restockBody }, async ({ body }) => {
      await store.restock(body.id, body.reservationId, body.lines)
      return {}
    }),
  )
}
