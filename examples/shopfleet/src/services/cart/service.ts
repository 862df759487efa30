import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import { readYourWritesRedis } from '@quorate/read-your-writes/ioredis'
import type { Request } from 'express'
import type { Redis } from 'ioredis'
import { createApp, route, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { watchReplicas } from '../../shared/replica-watch.ts'
import { replicaId, ROUTER_TIMES } from '../../shared/routed-reads.ts'
import { cartRoutes } from './http.ts'
import { cartStore } from './store.ts'

export interface CartOptions {
  readonly primary: Redis
  readonly replicas: readonly Redis[]
  readonly log: Logger
  /** Signs session tokens; the same in all copies of the service. */
  readonly secret: string
}

export async function startCart({ primary, replicas, log, secret }: CartOptions): Promise<RunningServer> {
  const watch = watchReplicas(log)
  const db = readYourWritesRedis({
    primary,
    replicas: replicas.map((client, index) => ({ id: replicaId(index), client })),
    secret,
    ...ROUTER_TIMES,
    onEvent: watch.onEvent,
  })
  const app = createApp(log)
  // Whose cart it is, and not who asks: an order that takes it has no session of the customer.
  app.use(
    '/carts/:userId',
    readYourWritesExpress<Request<{ userId: string }>>(db, {
      cookie: false,
      key: ({ params }) => params.userId,
    }),
  )
  cartRoutes(app, cartStore({ db, primary }))
  app.get(
    '/replicas',
    route({}, async () => ({ body: watch.view(db) })),
  )
  const server = await serve(app, { service: 'cart', log, check: () => primary.ping() })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await db.stop()
    },
  }
}
