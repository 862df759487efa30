/** Which databases the shop has, each service its own, and the pools that reach them. */
import type { LocalCluster } from '@quorate/local-cluster'
import type { Pool } from 'pg'
import type { Logger } from './shared/logging.ts'
import { openPool, type Address } from './shared/postgres.ts'
import { redisRole, type RedisRole } from './shared/redis-role.ts'
import { role, type Role } from './shared/role.ts'

/** For atomic commits over both: Postgres comes with 0. As many as there can be connections, so that it never runs out. */
const PREPARED = { max_prepared_transactions: 60 }

export const DATABASES = {
  postgres: {
    catalog: {},
    // A commit of inventory, orders or payments waits for one standby, so that nothing which another service may have
    // heard of is forgotten when a primary is lost. In inventory the primary decides; product pages ask two of three.
    inventory: { replicas: 2, synchronous: true },
    orders: { replicas: 2, synchronous: true, settings: PREPARED },
    payments: { replicas: 1, synchronous: true, settings: PREPARED },
    // Written in one region, read in another, which is too far to wait for: a fail-over may forget the last changes.
    profiles: { replicas: 1, regions: ['us-east-1', 'eu-west-1'] },
    // The provider, the warehouse and the carrier: other companies, one server for the three of them here.
    outside: { databases: ['provider', 'warehouse', 'carrier'] },
  },
  redis: {
    // Nobody waits for its replica either: what a fail-over forgets of a cart, the customer's devices bring back.
    cart: { replicas: 1 },
    locks: {},
  },
} as const

/** From us-east-1 to eu-west-1, ms. */
const ATLANTIC_MS = 40

/** Makes the wires between regions as long as they are in the world. After a fail-over there are new ones. */
export async function keepDistance({ postgres }: ShopCluster): Promise<void> {
  await postgres.profiles.link('primary', 'replica-1').latency({ ms: ATLANTIC_MS })
}

export type ShopCluster = LocalCluster<typeof DATABASES>

/** Where the cart service finds its servers. */
export interface ShopRedis {
  readonly cart: RedisRole
  readonly cartReplicas: readonly RedisRole[]
}

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

export interface OpenPools {
  readonly pools: ShopPools
  readonly redis: ShopRedis
  /** There was a fail-over: connections that lead to the wrong server are cut. */
  readonly moved: () => void
}

export function openPools({ postgres, redis }: ShopCluster, log: Logger): OpenPools {
  const roles: Pick<Role, 'moved'>[] = []
  const open = (name: string, address: Address, max: number): Pool => openPool(address, { name, max, log })
  const follow = (name: string, player: () => string, max: number): Pool => {
    const one = role(player)
    roles.push(one)
    return open(name, one, max)
  }
  const followRedis = (player: () => string): RedisRole => {
    const one = redisRole(player)
    roles.push(one)
    return one
  }
  const primary = (name: string, group: { readonly primary: { readonly url: string } }, max: number): Pool =>
    follow(name, () => group.primary.url, max)
  const replicas = (
    name: string,
    group: { readonly replicas: readonly { readonly url: string }[] },
    max: number,
  ): Pool[] =>
    group.replicas.map(({ url }, index) =>
      follow(`${name}-replica-${index + 1}`, () => group.replicas[index]?.url ?? url, max),
    )
  const outside = (database: string): string => {
    const url = new URL(postgres.outside.primary.url)
    url.pathname = `/${database}`
    return url.href
  }
  return {
    pools: {
      catalog: open('catalog', postgres.catalog.primary.url, 8),
      inventory: primary('inventory', postgres.inventory, 16),
      inventoryReplicas: replicas('inventory', postgres.inventory, 4),
      orders: primary('orders', postgres.orders, 24),
      ordersReplicas: replicas('orders', postgres.orders, 8),
      payments: primary('payments', postgres.payments, 24),
      payableOrders: primary('payments-settlement', postgres.orders, 16),
      profiles: primary('profiles', postgres.profiles, 8),
      profilesReplicas: replicas('profiles', postgres.profiles, 8),
      provider: open('provider', outside('provider'), 16),
      warehouse: open('warehouse', outside('warehouse'), 8),
      carrier: open('carrier', outside('carrier'), 8),
    },
    redis: {
      cart: followRedis(() => redis.cart.primary.url),
      cartReplicas: redis.cart.replicas.map(({ url }, index) =>
        followRedis(() => redis.cart.replicas[index]?.url ?? url),
      ),
    },
    moved: () => {
      for (const { moved } of roles) moved()
    },
  }
}

export async function closePools(pools: ShopPools): Promise<void> {
  await Promise.all(
    Object.values(pools as unknown as Record<string, Pool | readonly Pool[]>)
      .flat()
      .map((pool) => pool.end()),
  )
}
