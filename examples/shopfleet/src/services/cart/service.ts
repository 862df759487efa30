import type { Redis } from 'ioredis'
import { createApp, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { cartRoutes } from './http.ts'
import { cartStore } from './store.ts'

export async function startCart({ redis, log }: { redis: Redis; log: Logger }): Promise<RunningServer> {
  const app = createApp(log)
  cartRoutes(app, cartStore(redis))
  return serve(app, { service: 'cart', log, check: () => redis.ping() })
}
