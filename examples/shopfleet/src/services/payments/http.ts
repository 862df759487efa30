import type { Express } from 'express'
import { z } from 'zod'
import { orderId } from '../../api.ts'
import { route } from '../../shared/http-server.ts'
import { Problem } from '../../shared/problem.ts'
import { chargeBody, refundBody } from './contract.ts'
import type { Payments } from './payments.ts'
import type { PaymentsStore } from './store.ts'

const byOrder = { params: z.object({ orderId }) }

export function paymentsRoutes(app: Express, payments: Payments, store: PaymentsStore): void {
  app.post(
    '/charges',
    route({ body: chargeBody }, async ({ body }) => {
      const { providerId } = await payments.charge(body)
      return { status: 201, body: { orderId: body.orderId, amountCents: body.amountCents, providerId } }
    }),
  )

  app.get(
    '/charges/:orderId',
    route(byOrder, async ({ params }) => {
      const charge = await store.get(params.orderId)
      if (charge === undefined)
        throw new Problem(404, 'unknown-charge', `No charge for order ${params.orderId}`)
      return { body: charge }
    }),
  )

  app.post(
    '/charges/:orderId/void',
    route(byOrder, async ({ params }) => ({
      body: { orderId: params.orderId, refundedCents: await payments.void(params.orderId) },
    })),
  )

  app.post(
    '/refunds',
    route({ body: refundBody }, async ({ body }) => {
      await payments.refund(body)
      return { body: { refundId: body.refundId, amountCents: body.amountCents } }
    }),
  )
}
