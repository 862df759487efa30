import type { Express } from 'express'
import { z } from 'zod'
import { orderId } from '../../api.ts'
import { route } from '../../shared/http-server.ts'
import { chargeBody, refundBody } from './contract.ts'
import { unknownCharge, type Payments } from './payments.ts'
import type { Settlement } from './settlement.ts'
import type { PaymentsStore } from './store.ts'

export interface PaymentsHttpParts {
  readonly payments: Payments
  readonly settlement: Settlement
  readonly store: PaymentsStore
}

const byOrder = { params: z.object({ orderId }) }

export function paymentsRoutes(app: Express, { payments, settlement, store }: PaymentsHttpParts): void {
  app.post(
    '/charges',
    route({ body: chargeBody }, async ({ body }) => {
      const { providerId } = await payments.authorise(body)
      return { status: 201, body: { orderId: body.orderId, amountCents: body.amountCents, providerId } }
    }),
  )

  app.get(
    '/charges/:orderId',
    route(byOrder, async ({ params }) => {
      const charge = await store.get(params.orderId)
      if (charge === undefined) throw unknownCharge(params.orderId)
      return { body: charge }
    }),
  )

  app.post(
    '/charges/:orderId/settle',
    route(byOrder, async ({ params }) => {
      await settlement.settle(params.orderId)
      return {}
    }),
  )

  app.post(
    '/charges/:orderId/capture',
    route(byOrder, async ({ params }) => {
      await payments.capture(params.orderId)
      return {}
    }),
  )

  app.post(
    '/charges/:orderId/void',
    route(byOrder, async ({ params }) => ({
      body: { orderId: params.orderId, releasedCents: await payments.void(params.orderId) },
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
