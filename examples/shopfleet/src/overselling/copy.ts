/** A copy of the inventory service with one of the answers, and what can be counted of it. */
import type { Pool } from 'pg'
import { inventoryRoutes } from '../services/inventory/http.ts'
import { stockMover } from '../services/inventory/movements.ts'
import { inventoryStore, type InventoryStoreOptions } from '../services/inventory/store.ts'
import { createApp, serve } from '../shared/http-server.ts'
import type { Logger } from '../shared/logging.ts'
import { openPool } from '../shared/postgres.ts'
import type { Compared } from './answers.ts'
import { naiveTaking } from './naive.ts'
import { versionTaking } from './version.ts'

export interface Copy extends AsyncDisposable {
  readonly url: string
  /** Statements sent to the database so far. */
  readonly statements: () => number
}

export interface CopyOptions {
  readonly answer: Compared
  readonly databaseUrl: string
  readonly connections: number
  readonly lookAfterMs: number
  readonly log: Logger
}

export async function startCopy({
  answer,
  databaseUrl,
  connections,
  lookAfterMs,
  log,
}: CopyOptions): Promise<Copy> {
  const pool = openPool(databaseUrl, { name: `inventory-${answer}`, max: connections, log })
  let statements = 0
  countStatements(pool, () => statements++)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => pool.end())
  const store = stack.use(
    inventoryStore(pool, {
      log,
      lookAfterMs,
      ...answerOf(answer, pool),
    }),
  )
  const app = createApp(log)
  inventoryRoutes(app, { store, display: async () => [] })
  const server = await serve(app, { service: 'inventory', log })
  stack.defer(() => server.stop())
  const owned = stack.move()
  return { url: server.url, statements: () => statements, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function answerOf(answer: Compared, pool: Pool): Pick<InventoryStoreOptions, 'overselling' | 'taking'> {
  if (answer === 'naive') return { taking: naiveTaking(pool, stockMover(pool)) }
  if (answer === 'version') return { taking: versionTaking(pool, stockMover(pool)) }
  return { overselling: answer }
}

/** All that goes to the server, whoever sends it. */
function countStatements(pool: Pool, count: () => void): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    Object.assign(client, {
      query: (...args: unknown[]) => {
        count()
        return query(...args)
      },
    })
  })
}
