/** Starts every service of the shop and tells each where the others are. */
import { randomBytes } from 'node:crypto'
import type { SagaEvent } from '@quorate/saga'
import type { ShopPools, ShopRedis } from './databases.ts'
import { startGateway } from './gateway/service.ts'
import { startCarrier } from './outside/carrier/service.ts'
import { startPaymentProvider } from './outside/payment-provider/service.ts'
import { startWarehouse } from './outside/warehouse/service.ts'
import { startCart } from './services/cart/service.ts'
import { startCatalog } from './services/catalog/service.ts'
import type { Overselling } from './services/inventory/overselling.ts'
import { startInventory } from './services/inventory/service.ts'
import { startOrders } from './services/orders/service.ts'
import { startPayments } from './services/payments/service.ts'
import { startProfiles } from './services/profiles/service.ts'
import type { RunningServer } from './shared/http-server.ts'
import type { Logs } from './shared/logging.ts'
import { openRedis, redisClient } from './shared/redis.ts'

export interface ServiceUrls {
  readonly gateway: string
  readonly catalog: string
  readonly inventory: string
  readonly cart: string
  readonly orders: string
  readonly payments: string
  readonly profiles: string
  readonly provider: string
  readonly warehouse: string
  readonly carrier: string
}

export interface StartServicesOptions {
  readonly pools: ShopPools
  readonly redis: ShopRedis & { readonly locks: string }
  readonly logs: Logs
  readonly gatewayPort: number
  /** The built storefront. */
  readonly webFolder: string
  readonly deliveryMs: number
  readonly overselling: Overselling | undefined
  readonly patienceMs: number
  readonly payoutEveryMs: number
  readonly onSaga: (event: SagaEvent) => void
  readonly onStarted: (done: number, total: number) => void
  /** Gets how to stop each part as soon as it is up. */
  readonly undo: (() => Promise<unknown>)[]
  readonly signal: AbortSignal | undefined
}

const SERVERS = 10
/** Of the account at the provider, which is on this machine and takes no other. */
const PROVIDER_KEY = 'sk_test_shopfleet'

export async function startServices(options: StartServicesOptions): Promise<ServiceUrls> {
  const { pools, redis, logs, undo, signal } = options
  // Tokens of an earlier run are not understood, which costs those sessions one read at the primary.
  const secret = randomBytes(32).toString('base64')
  let started = 0
  const up = async (start: Promise<RunningServer>): Promise<string> => {
    const server = await start
    undo.push(() => server.stop())
    signal?.throwIfAborted()
    options.onStarted(++started, SERVERS)
    return server.url
  }

  const openCart = async (): Promise<string> => {
    const log = logs.of('cart')
    const primary = await openRedis(redis.cart, { log })
    undo.push(async () => primary.disconnect())
    // Not waited for: a service that cannot start because a replica is away would be no better for having one.
    const replicas = redis.cartReplicas.map((replica) => redisClient(replica, { log }))
    undo.push(async () => {
      for (const replica of replicas) replica.disconnect()
    })
    return up(startCart({ primary, replicas, log, secret }))
  }
  const openPayments = async (provider: string): Promise<string> => {
    const log = logs.of('payments')
    const client = await openRedis(redis.locks, { log })
    undo.push(async () => client.disconnect())
    return up(
      startPayments({
        pool: pools.payments,
        orders: pools.payableOrders,
        redis: client,
        log,
        provider: { url: provider, apiKey: PROVIDER_KEY },
        payoutEveryMs: options.payoutEveryMs,
      }),
    )
  }

  const provider = up(
    startPaymentProvider({ pool: pools.provider, log: logs.of('provider'), apiKey: PROVIDER_KEY }),
  )
  const urls = await all({
    provider,
    warehouse: up(startWarehouse({ pool: pools.warehouse, log: logs.of('warehouse') })),
    carrier: up(
      startCarrier({ pool: pools.carrier, log: logs.of('carrier'), deliveryMs: options.deliveryMs }),
    ),
    catalog: up(startCatalog({ pool: pools.catalog, log: logs.of('catalog') })),
    inventory: up(
      startInventory({
        primary: pools.inventory,
        replicas: pools.inventoryReplicas,
        log: logs.of('inventory'),
        overselling: options.overselling,
      }),
    ),
    cart: openCart(),
    profiles: up(
      startProfiles({
        primary: pools.profiles,
        replicas: pools.profilesReplicas,
        log: logs.of('profiles'),
        secret,
      }),
    ),
    payments: provider.then(openPayments),
  })
  const orders = await up(
    startOrders({
      primary: pools.orders,
      replicas: pools.ordersReplicas,
      secret,
      log: logs.of('orders'),
      urls,
      patienceMs: options.patienceMs,
      onSaga: options.onSaga,
    }),
  )
  const { catalog, inventory, cart, payments, profiles } = urls
  const gateway = await up(
    startGateway({
      urls: {
        catalog: [catalog],
        inventory: [inventory],
        cart: [cart],
        orders: [orders],
        payments: [payments],
        profiles: [profiles],
      },
      log: logs.of('gateway'),
      port: options.gatewayPort,
      webFolder: options.webFolder,
    }),
  )
  return { ...urls, orders, gateway }
}

/** Waits for all of them also when one fails, so that nothing starts behind the back of the clean-up. */
async function all<T extends Record<string, Promise<string>>>(
  starting: T,
): Promise<{ [K in keyof T]: string }> {
  const results = await Promise.allSettled(Object.values(starting))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  const urls = results.map((result) => (result as PromiseFulfilledResult<string>).value)
  return Object.fromEntries(Object.keys(starting).map((name, index) => [name, urls[index]])) as {
    [K in keyof T]: string
  }
}
