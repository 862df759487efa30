import { createSagaEngine, isNonRetryable, type SagaEvent } from '@quorate/saga'
import type { Pool, PoolClient } from 'pg'
import { createApp, route, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { watchReplicas } from '../../shared/replica-watch.ts'
import { routedReads } from '../../shared/routed-reads.ts'
import { apologies } from './apology.ts'
import { checkoutSaga, DECIDING_STEP, NOTHING } from './checkout-saga.ts'
import { decisions, type Decisions } from './decisions.ts'
import { ordersRoutes } from './http.ts'
import { ordersMigrations } from './migrations.ts'
import { neighbours, type NeighbourUrls } from './neighbours.ts'
import { orders } from './orders.ts'
import { refundSaga } from './refund-saga.ts'
import { checkoutId } from './sagas.ts'

export interface OrdersOptions {
  readonly primary: Pool
  readonly replicas: readonly Pool[]
  readonly log: Logger
  readonly urls: NeighbourUrls
  /** Signs session tokens. */
  readonly secret: string
  /** How long a customer waits for a decision before they are told "still at it", ms. */
  readonly patienceMs: number
  readonly onSaga?: ((event: SagaEvent) => void) | undefined
}

/** A dead worker's orders go on elsewhere after this time. */
const LEASE_MS = 4_000

export async function startOrders(options: OrdersOptions): Promise<RunningServer> {
  const { primary, replicas, log, urls, secret, patienceMs, onSaga } = options
  await migrate(primary, ordersMigrations)
  const shop = neighbours(urls)
  const checkout = checkoutSaga(shop, {
    apologise: apologies(primary, shop),
    expectNothing: async (orderId) => {
      await engine.signal(checkoutId(orderId), 'delivered', NOTHING)
    },
  })
  const refund = refundSaga(shop)
  const waiting = decisions()
  const engine = createSagaEngine<PoolClient>({
    pool: primary,
    sagas: [checkout, refund],
    leaseMs: LEASE_MS,
    onEvent: (event) => {
      announce(waiting, event)
      logSaga(log, event)
      onSaga?.(event)
    },
  })
  await engine.migrate()

  const watch = watchReplicas(log)
  const reads = routedReads({ service: 'orders', primary, replicas, secret, watch })
  const app = createApp(log)
  app.use(reads.middleware)
  const placing = orders({
    engine,
    checkout,
    refund,
    decisions: waiting,
    primary,
    sessions: reads.db,
    patienceMs,
  })
  ordersRoutes(app, { orders: placing, engine, db: reads.db })
  app.get(
    '/replicas',
    route({}, async () => ({ body: watch.view(reads.db) })),
  )
  const server = await serve(app, { service: 'orders', log, check: () => primary.query('select 1') })
  await shop.listenToCarrier(`${server.url}/webhooks/carrier`)
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await engine.stop({ deadlineMs: 3_000 })
      await shop.close()
      await reads[Symbol.asyncDispose]()
    },
  }
}

/** Tells those who wait for an order that it is paid, or over. */
function announce(waiting: Decisions, event: SagaEvent): void {
  if (event.type === 'step-succeeded' && event.step === DECIDING_STEP) waiting.announce(event.id)
  if (event.type === 'saga-settled') waiting.announce(event.id)
}

function logSaga(log: Logger, event: SagaEvent): void {
  if (event.type === 'saga-settled') {
    if (event.status === 'needs-attention') log.error(event, 'saga needs attention')
    else log.info(event, 'saga settled')
  } else if ('error' in event) {
    // A declined card is not our fault, and needs no stack.
    if (isNonRetryable(event.error)) log.info({ ...event, error: event.error.message }, event.type)
    else log.warn({ ...event, error: undefined, err: event.error }, event.type)
  } else {
    log.debug(event, event.type)
  }
}
