/** The warehouse: packs parcels, now and then refuses for a while. Another company, with a database of its own. */
import type { Pool } from 'pg'
import { refusals, refusalBody } from '../refusals.ts'
import { createApp, route, serve, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { packBody } from './contract.ts'

export const warehouseMigrations = [
  `create table warehouse_parcels (
     order_id text primary key,
     parcel_id bigint generated always as identity,
     lines jsonb not null,
     packed_at timestamptz not null default now()
   )`,
]

export async function startWarehouse({ pool, log }: { pool: Pool; log: Logger }): Promise<RunningServer> {
  await migrate(pool, warehouseMigrations)
  const app = createApp(log)
  const refusing = refusals('warehouse')
  app.put(
    '/control/faults',
    route({ body: refusalBody }, async ({ body }) => refusing.set(body)),
  )

  app.post(
    '/parcels',
    refusing.middleware,
    route({ body: packBody }, async ({ body }) => {
      const { rows } = await pool.query<{ parcel_id: number }>({
        name: 'warehouse-pack',
        // The update changes nothing; it makes the statement return the parcel that is there already.
        text: `insert into warehouse_parcels (order_id, lines) values ($1, $2)
               on conflict (order_id) do update set order_id = excluded.order_id returning parcel_id`,
        values: [body.orderId, JSON.stringify(body.lines)],
      })
      return { status: 201, body: { parcelId: `parcel-${rows[0]?.parcel_id}` } }
    }),
  )
  return serve(app, { service: 'warehouse', log, check: () => pool.query('select 1') })
}
