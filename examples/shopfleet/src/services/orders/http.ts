import type { ReadYourWrites } from '@quorate/read-your-writes'
import { SagaNotFoundError, type SagaEngine } from '@quorate/saga'
import type { Express } from 'express'
import { z } from 'zod'
import { orderId } from '../../api.ts'
import { deliveredEvent } from '../../outside/carrier/contract.ts'
import { route } from '../../shared/http-server.ts'
import { ordersQuery, placeBody, refundBody } from './contract.ts'
import { unknownOrder, type Orders } from './orders.ts'
import { checkoutId } from './sagas.ts'
import { listOrders, readOrder } from './views.ts'

export interface OrdersHttpParts {
  readonly orders: Orders
  readonly engine: SagaEngine
  /** Sends reads to a replica that has all this customer has seen: an order never goes backwards. */
  readonly db: Pick<ReadYourWrites, 'read'>
}

const MONOTONIC = { level: 'monotonic' } as const
const PAGE = 100
const MOST_COUNTED = 1_000
const byId = { params: z.object({ id: orderId }) }

export function ordersRoutes(app: Express, { orders, engine, db }: OrdersHttpParts): void {
  app.post(
    '/orders',
    route({ body: placeBody }, async ({ body }) => ({ body: await orders.place(body) })),
  )

  app.get(
    '/orders',
    route({ query: ordersQuery }, async ({ query }) => ({
      body: { orders: await db.read((sql) => listOrders(sql, query.userId, PAGE), MONOTONIC) },
    })),
  )

  app.get(
    '/orders/:id',
    route({ ...byId, query: ordersQuery }, async ({ params, query }) => {
      const order = await db.read((sql) => readOrder(sql, params.id), MONOTONIC)
      if (order?.userId !== query.userId) throw unknownOrder(params.id)
      return { body: order }
    }),
  )

  app.post(
    '/orders/:id/refunds',
    route({ ...byId, body: refundBody }, async ({ params, body }) => {
      const { done, ...refund } = await orders.refund({ ...body, orderId: params.id })
      return { status: done ? 201 : 202, body: { refundId: body.refundId, orderId: params.id, ...refund } }
    }),
  )

  // The carrier posts the same news until it is told that we have it.
  app.post(
    '/webhooks/carrier',
    route({ body: deliveredEvent }, async ({ body }) => {
      try {
        await engine.signal(checkoutId(body.orderId), body.event, body)
      } catch (error) {
        if (error instanceof SagaNotFoundError) throw unknownOrder(body.orderId)
        throw error
      }
      return {}
    }),
  )

  app.get(
    '/sagas',
    route({}, async () => {
      const count = async (status: 'running' | 'compensating' | 'needs-attention'): Promise<number> =>
        (await engine.list({ status, limit: MOST_COUNTED })).length
      const [running, compensating, needsAttention] = await Promise.all([
        count('running'),
        count('compensating'),
        count('needs-attention'),
      ])
      return { body: { open: running + compensating, needsAttention } }
    }),
  )
}
