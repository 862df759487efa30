import type { Pool } from 'pg'
import { createApp, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import type { StockBadge } from './contract.ts'
import { inventoryRoutes } from './http.ts'
import { inventoryMigrations } from './migrations.ts'
import { inventoryStore } from './store.ts'

export interface InventoryOptions {
  readonly pool: Pool
  readonly log: Logger
  readonly display: (skus: readonly string[]) => Promise<StockBadge[]>
}

export async function startInventory({ pool, log, display }: InventoryOptions): Promise<RunningServer> {
  await migrate(pool, inventoryMigrations)
  const app = createApp(log)
  inventoryRoutes(app, { store: inventoryStore(pool), display })
  return serve(app, { service: 'inventory', log, check: () => pool.query('select 1') })
}
