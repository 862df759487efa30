import type { Pool } from 'pg'
import { createApp, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { stockDisplay } from './display.ts'
import { inventoryRoutes } from './http.ts'
import { inventoryMigrations } from './migrations.ts'
import { inventoryStore, type InventoryStoreOptions } from './store.ts'

export interface InventoryOptions extends InventoryStoreOptions {
  readonly primary: Pool
  readonly replicas: readonly Pool[]
  readonly log: Logger
}

export async function startInventory(options: InventoryOptions): Promise<RunningServer> {
  const { primary, replicas, log } = options
  await migrate(primary, inventoryMigrations)
  const display = stockDisplay([primary, ...replicas], log)
  const app = createApp(log)
  const store = inventoryStore(primary, options)
  inventoryRoutes(app, { store, display: display.read })
  const server = await serve(app, { service: 'inventory', log, check: () => primary.query('select 1') })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await store[Symbol.asyncDispose]()
      await display[Symbol.asyncDispose]()
    },
  }
}
