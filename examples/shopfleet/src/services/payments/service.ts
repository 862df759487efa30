import type { Pool } from 'pg'
import { createApp, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { paymentsRoutes } from './http.ts'
import { paymentsMigrations } from './migrations.ts'
import { payments } from './payments.ts'
import { stripeProvider } from './provider.ts'
import { paymentsStore } from './store.ts'

export interface PaymentsOptions {
  readonly pool: Pool
  readonly log: Logger
  readonly provider: { readonly url: string; readonly apiKey: string }
}

export async function startPayments({
  pool,
  log,
  provider: account,
}: PaymentsOptions): Promise<RunningServer> {
  await migrate(pool, paymentsMigrations)
  const store = paymentsStore(pool)
  const provider = stripeProvider(account)
  const app = createApp(log)
  paymentsRoutes(app, payments(store, provider), store)
  const server = await serve(app, { service: 'payments', log, check: () => pool.query('select 1') })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      provider.close()
    },
  }
}
