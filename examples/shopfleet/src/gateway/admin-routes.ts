/** What the people who run the shop call. In a real shop this sits behind a login of its own. */
import type { Express } from 'express'
import { productsBody, standingView, stockBody, type ReplicasReport } from '../api.ts'
import { upsertAnswer } from '../services/catalog/contract.ts'
import { sagaCounts } from '../services/orders/contract.ts'
import { route } from '../shared/http-server.ts'
import type { Instances } from './instances.ts'
import type { Fleet } from './fleet.ts'

const HEALTH_DEADLINE_MS = 1_500
/** Those that send reads to replicas by what the session has to see. */
const ROUTED = ['profiles', 'orders', 'cart'] as const

export function adminRoutes(app: Express, fleet: Fleet): void {
  app.put(
    '/api/admin/products',
    route({ body: productsBody }, async ({ body }) => ({
      body: await fleet.catalog.for('admin').call('PUT', '/products', { body, answer: upsertAnswer }),
    })),
  )

  app.put(
    '/api/admin/stock',
    route({ body: stockBody }, async ({ body }) => {
      await fleet.inventory.for('admin').call('PUT', '/stock', { body })
      return {}
    }),
  )

  app.get(
    '/api/admin/replicas',
    route({}, async () => ({ body: { services: await standings(fleet) } })),
  )

  app.get(
    '/api/admin/health',
    route({}, async () => {
      const { catalog, inventory, cart, orders, payments, profiles } = fleet
      const checks = Object.entries({ catalog, inventory, cart, orders, payments, profiles }).map(check)
      const services = Object.fromEntries(await Promise.all(checks))
      const sagas = await orders
        .for('admin')
        .call('GET', '/sagas', { answer: sagaCounts, deadlineMs: HEALTH_DEADLINE_MS })
        .catch(() => null)
      const ok = Object.values(services).every((service) => service.ok)
      return { status: ok ? 200 : 503, body: { ok, services, sagas } }
    }),
  )
}

/** Each copy has a router of its own, and an opinion of its own. */
async function standings(fleet: Fleet): Promise<ReplicasReport['services']> {
  const copies = ROUTED.flatMap((service) =>
    fleet[service].all.map((client, index) => ({ service, copy: index + 1, client })),
  )
  return Promise.all(
    copies.map(async ({ client, ...copy }) => ({
      ...copy,
      standing: await client
        .call('GET', '/replicas', { answer: standingView, deadlineMs: HEALTH_DEADLINE_MS })
        .catch(() => null),
    })),
  )
}

async function check([name, copies]: [string, Instances]): Promise<[string, { ok: boolean; ms: number }]> {
  const startMs = performance.now()
  const answers = await Promise.allSettled(
    copies.all.map((copy) => copy.call('GET', '/health', { deadlineMs: HEALTH_DEADLINE_MS })),
  )
  const ok = answers.every(({ status }) => status === 'fulfilled')
  return [name, { ok, ms: Math.round(performance.now() - startMs) }]
}
