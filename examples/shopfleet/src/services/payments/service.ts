import { createLocks } from '@quorate/fenced-lock'
import { postgresGuard } from '@quorate/fenced-lock/postgres'
import { redisLockStore } from '@quorate/fenced-lock/redis'
import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { createApp, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { paymentsRoutes } from './http.ts'
import { paymentsMigrations } from './migrations.ts'
import { payments } from './payments.ts'
import { startPayoutWorker } from './payouts.ts'
import { stripeProvider, type ProviderAccount } from './provider.ts'
import { openSettlement, type SettlementPool } from './settlement.ts'
import { paymentsStore } from './store.ts'

export interface PaymentsOptions {
  readonly pool: Pool
  /** Into the orders database, where a settlement makes the order PAID. */
  readonly orders: SettlementPool
  /** Where the payout workers' lock is. */
  readonly redis: Redis
  readonly log: Logger
  readonly provider: ProviderAccount
  readonly payoutEveryMs: number
}

/** Usually one in each copy of this service; two here, so that there is somebody to be locked out. */
const PAYOUT_WORKERS = ['payout-1', 'payout-2']

export async function startPayments(options: PaymentsOptions): Promise<RunningServer> {
  const { pool, orders, redis, log } = options
  const guard = postgresGuard()
  await migrate(pool, paymentsMigrations)
  await guard.migrate(pool)
  const store = paymentsStore(pool)
  const provider = stripeProvider(options.provider)
  const settlement = await openSettlement({ payments: pool, orders, log })

  const app = createApp(log)
  paymentsRoutes(app, { payments: payments(store, provider), settlement, store })
  const server = await serve(app, { service: 'payments', log, check: () => pool.query('select 1') })

  const lockStore = redisLockStore(redis)
  const locks = createLocks({ store: lockStore })
  const workers = PAYOUT_WORKERS.map((name) =>
    startPayoutWorker({ name, pool, locks, guard, store, provider, everyMs: options.payoutEveryMs, log }),
  )
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await settlement[Symbol.asyncDispose]()
      await Promise.all(workers.map((worker) => worker.stop()))
      await lockStore[Symbol.asyncDispose]()
      provider.close()
    },
  }
}
