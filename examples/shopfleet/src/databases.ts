/** Which databases the shop has, each service its own, and the pools that reach them. */
import type { LocalCluster } from '@quorate/local-cluster'
import type { Pool } from 'pg'
import type { Logger } from './shared/logging.ts'
import { openPool, type Address } from './shared/postgres.ts'

/** For atomic commits over both: Postgres comes with 0. As many as there can be connections, so that it never runs out. */
const PREPARED = { max_prepared_transactions: 60 }

export const DATABASES = {
  postgres: {
    catalog: {},
    // The primary decides; product pages ask two of the three.
    inventory: { replicas: 2 },
    orders: { replicas: 2, settings: PREPARED },
    // A commit waits for the standby, so that no charge and no decision is forgotten when the primary is lost.
    payments: { replicas: 1, synchronous: true, settings: PREPARED },
    // Written in one region, read in another.
    profiles: { replicas: 1, regions: ['us-east-1', 'eu-west-1'] },
    // The provider, the warehouse and the carrier: other companies, one server for the three of them here.
    outside: { databases: ['provider', 'warehouse', 'carrier'] },
  },
  redis: {
    cart: { replicas: 1 },
    locks: {},
  },
} as const

/** From us-east-1 to eu-west-1, ms. */
const ATLANTIC_MS = 40

/** Makes the wires between regions as long as they are in the world. A fail-over puts new ones in their place. */
export async function keepDistance({ postgres }: ShopCluster): Promise<void> {
  await postgres.profiles.link('primary', 'replica-1').latency({ ms: ATLANTIC_MS })
}

export type ShopCluster = LocalCluster<typeof DATABASES>

/** Pools by service, for the services themselves and for the proofs. */
export interface ShopPools {
  readonly catalog: Pool
  readonly inventory: Pool
  readonly inventoryReplicas: readonly Pool[]
  readonly orders: Pool
  readonly ordersReplicas: readonly Pool[]
  readonly payments: Pool
  /** The payments service's own way into the orders database. */
  readonly payableOrders: Pool
  readonly profiles: Pool
  readonly profilesReplicas: readonly Pool[]
  readonly provider: Pool
  readonly warehouse: Pool
  readonly carrier: Pool
}

export function openPools({ postgres }: ShopCluster, log: Logger): ShopPools {
  const open = (name: string, url: Address, max: number): Pool => openPool(url, { name, max, log })
  const outside = (database: string): string => {
    const url = new URL(postgres.outside.primary.url)
    url.pathname = `/${database}`
    return url.href
  }
  const replicas = (name: string, servers: readonly { url: string }[], max: number): Pool[] =>
    servers.map(({ url }, index) => open(`${name}-replica-${index + 1}`, url, max))
  return {
    catalog: open('catalog', postgres.catalog.primary.url, 8),
    inventory: open('inventory', postgres.inventory.primary.url, 16),
    inventoryReplicas: replicas('inventory', postgres.inventory.replicas, 4),
    orders: open('orders', postgres.orders.primary.url, 24),
    ordersReplicas: replicas('orders', postgres.orders.replicas, 8),
    // Asked for with each connection: after a fail-over it is another server's.
    payments: open('payments', () => postgres.payments.primary.url, 24),
    payableOrders: open('payments-settlement', postgres.orders.primary.url, 16),
    profiles: open('profiles', postgres.profiles.primary.url, 8),
    profilesReplicas: replicas('profiles', postgres.profiles.replicas, 8),
    provider: open('provider', outside('provider'), 16),
    warehouse: open('warehouse', outside('warehouse'), 8),
    carrier: open('carrier', outside('carrier'), 8),
  }
}

export async function closePools(pools: ShopPools): Promise<void> {
  await Promise.all(
    Object.values(pools as unknown as Record<string, Pool | readonly Pool[]>)
      .flat()
      .map((pool) => pool.end()),
  )
}
