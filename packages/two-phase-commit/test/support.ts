import { localCluster, type PostgresServer } from '@quorate/local-cluster'
import pg from 'pg'
import {
  coLocated,
  type Coordinator,
  type CoordinatorEvent,
  type CoordinatorOptions,
  createCoordinator,
  separateLog,
} from '@quorate/two-phase-commit'

/** What each account begins with. */
export const START_CENTS = 1_000_000

const TABLES = `
  CREATE TABLE account (id text PRIMARY KEY, cents bigint NOT NULL CHECK (cents >= 0));
  CREATE TABLE transfer (id text PRIMARY KEY, cents bigint NOT NULL);
  INSERT INTO account VALUES ('x', ${START_CENTS})`

export type Names = 'payments' | 'orders'

/** Two servers with an account each, and one for a log of its own. */
export interface Bank extends AsyncDisposable {
  readonly urls: Readonly<Record<Names | 'log', string>>
  readonly pools: Readonly<Record<Names | 'log', pg.Pool>>
}

export async function openBank(
  urls: Readonly<Record<Names | 'log', string>>,
  { max = 8, isFresh = true }: { readonly max?: number; readonly isFresh?: boolean } = {},
): Promise<Bank> {
  const pool = (connectionString: string): pg.Pool => {
    const made = new pg.Pool({ connectionString, max })
    made.on('error', () => {}) // a connection that dies while idle is the next query's problem
    return made
  }
  const pools = { payments: pool(urls.payments), orders: pool(urls.orders), log: pool(urls.log) }
  if (isFresh) for (const name of ['payments', 'orders'] as const) await pools[name].query(TABLES)
  return {
    urls,
    pools,
    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(pools).map((one) => one.end()))
    },
  }
}

/** Where the log is. */
export type Place = 'co-located' | 'separate'

export function coordinatorOf(
  { pools }: Bank,
  place: Place,
  options: Partial<CoordinatorOptions<Record<Names, pg.Pool>>> = {},
): Coordinator<Record<Names, pg.Pool>> {
  const { payments, orders } = pools
  return createCoordinator({
    participants: { payments, orders },
    log: place === 'co-located' ? coLocated<Names>('payments') : separateLog(pools.log),
    recoverEveryMs: Infinity,
    adviseMs: 60_000, // a busy machine is no news
    ...options,
  })
}

/** Moves money from payments to orders, and notes it on both sides. */
export function transfer(
  coordinator: Coordinator<Record<Names, pg.Pool>>,
  id: string,
  options: { readonly timeoutMs?: number; readonly cents?: number } = {},
): Promise<string> {
  const { cents = 5, timeoutMs } = options
  return coordinator.transaction(
    async ({ payments, orders }, context) => {
      await payments.query('UPDATE account SET cents = cents - $1', [cents])
      await orders.query('UPDATE account SET cents = cents + $1', [cents])
      await payments.query('INSERT INTO transfer VALUES ($1, $2)', [id, cents])
      await orders.query('INSERT INTO transfer VALUES ($1, $2)', [id, cents])
      return context.id
    },
    { timeoutMs },
  )
}

/** What both sides say, and what is left over. */
export async function audit({ pools }: Bank): Promise<{
  readonly cents: number
  readonly transfers: Readonly<Record<Names, readonly string[]>>
  readonly prepared: readonly string[]
}> {
  const rows = async <Row extends pg.QueryResultRow>(pool: pg.Pool, text: string): Promise<Row[]> =>
    (await pool.query<Row>(text)).rows
  const cents = async (pool: pg.Pool): Promise<number> =>
    Number((await rows<{ cents: string }>(pool, 'SELECT sum(cents) AS cents FROM account'))[0]?.cents)
  const transfers = async (pool: pg.Pool): Promise<string[]> =>
    (await rows<{ id: string }>(pool, 'SELECT id FROM transfer ORDER BY id')).map(({ id }) => id)
  const gids = async (pool: pg.Pool): Promise<string[]> =>
    (
      await rows<{ gid: string }>(
        pool,
        'SELECT gid FROM pg_prepared_xacts WHERE database = current_database()',
      )
    ).map(({ gid }) => gid)
  return {
    cents: (await cents(pools.payments)) + (await cents(pools.orders)),
    transfers: { payments: await transfers(pools.payments), orders: await transfers(pools.orders) },
    prepared: [...(await gids(pools.payments)), ...(await gids(pools.orders))],
  }
}

/** Keeps what a coordinator reports. */
export function listener(): {
  readonly events: CoordinatorEvent[]
  readonly onEvent: (event: CoordinatorEvent) => void
} {
  const events: CoordinatorEvent[] = []
  return { events, onEvent: (event) => void events.push(event) }
}

/** Both participants and the log on one server, in databases of their own. */
export async function oneServer(): Promise<
  { readonly urls: Record<Names | 'log', string>; readonly server: PostgresServer } & AsyncDisposable
> {
  const cluster = await localCluster({
    postgres: { bank: { databases: ['payments', 'orders', 'log'], settings: { max_connections: 100 } } },
  })
  const server = cluster.postgres.bank.primary
  const urls = {
    payments: server.urlOf('payments'),
    orders: server.urlOf('orders'),
    log: server.urlOf('log'),
  }
  return { urls, server, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}
