/** The carrier: takes parcels, delivers them a moment later, and posts the news to the shop's webhook. */
import { randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import { refusalBody, refusals } from '../refusals.ts'
import { createApp, route, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { currentTrace, traceparent } from '../../shared/trace.ts'
import { shipBody, webhookBody } from './contract.ts'
import { startDeliveries } from './deliveries.ts'
import { carrierMigrations, carrierStore } from './store.ts'

export interface CarrierOptions {
  readonly pool: Pool
  readonly log: Logger
  /** From the door of the warehouse to the customer's, ms. A real one takes days. */
  readonly deliveryMs: number
}

export async function startCarrier({ pool, log, deliveryMs }: CarrierOptions): Promise<RunningServer> {
  await migrate(pool, carrierMigrations)
  const store = carrierStore(pool)
  const deliveries = startDeliveries(store, log)
  const refusing = refusals('carrier')

  const app = createApp(log)
  app.put(
    '/control/faults',
    route({ body: refusalBody }, async ({ body }) => refusing.set(body)),
  )
  app.put(
    '/webhook',
    route({ body: webhookBody }, async ({ body }) => {
      await deliveries.tellAt(body.url)
      return {}
    }),
  )
  app.post(
    '/shipments',
    refusing.middleware,
    route({ body: shipBody }, async ({ body }) => {
      const trace = currentTrace()
      const tracking = await store.ship({
        ...body,
        tracking: `SF${randomBytes(6).toString('hex').toUpperCase()}`,
        deliverInMs: deliveryMs,
        traceparent: trace === undefined ? null : traceparent(trace),
      })
      deliveries.expect(deliveryMs)
      return { status: 201, body: { tracking } }
    }),
  )
  const server = await serve(app, { service: 'carrier', log, check: () => pool.query('select 1') })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await deliveries.stop()
    },
  }
}
