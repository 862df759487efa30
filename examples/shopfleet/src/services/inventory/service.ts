import type { Pool } from 'pg'
import { createApp, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { stockDisplay } from './display.ts'
import { inventoryRoutes } from './http.ts'
import { inventoryMigrations } from './migrations.ts'
import { inventoryStore } from './store.ts'

export interface InventoryOptions {
  readonly primary: Pool
  readonly replicas: readonly Pool[]
  readonly log: Logger
}

export async function startInventory({ primary, replicas, log }: InventoryOptions): Promise<RunningServer> {
  await migrate(primary, inventoryMigrations)
  const display = stockDisplay([primary, ...replicas], log)
  const app = createApp(log)
  inventoryRoutes(app, { store: inventoryStore(primary), display: display.read })
  const server = await serve(app, { service: 'inventory', log, check: () => primary.query('select 1') })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await display[Symbol.asyncDispose]()
    },
  }
}
