import type { Pool } from 'pg'
import { createApp, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { catalogRoutes } from './http.ts'
import { catalogMigrations } from './migrations.ts'
import { catalogStore } from './store.ts'

export async function startCatalog({ pool, log }: { pool: Pool; log: Logger }): Promise<RunningServer> {
  await migrate(pool, catalogMigrations)
  const app = createApp(log)
  catalogRoutes(app, catalogStore(pool))
  return serve(app, { service: 'catalog', log, check: () => pool.query('select 1') })
}
