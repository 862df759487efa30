import type { Pool } from 'pg'
import type { DeliveredEvent } from './contract.ts'

export const carrierMigrations = [
  `create table carrier_shipments (
     order_id text primary key,
     tracking text not null unique,
     parcel_id text not null,
     country text not null,
     deliver_at timestamptz not null,
     told_at timestamptz,
     traceparent text
   );
   create index carrier_to_tell on carrier_shipments (deliver_at) where told_at is null;

   create table carrier_webhook (singleton boolean primary key default true check (singleton), url text not null)`,
]

export interface Delivery extends DeliveredEvent {
  readonly traceparent: string | null
}

export interface CarrierStore {
  ship(shipment: {
    orderId: string
    parcelId: string
    country: string
    tracking: string
    deliverInMs: number
    traceparent: string | null
  }): Promise<string>
  /** Parcels that have arrived and whose sender does not know yet, oldest first. */
  arrived(limit: number): Promise<Delivery[]>
  told(orderIds: readonly string[]): Promise<void>
  setWebhook(url: string): Promise<void>
  webhook(): Promise<string | undefined>
  /** Until the next parcel arrives, ms; `undefined` when none is under way. */
  nextArrivalMs(): Promise<number | undefined>
}

export function carrierStore(pool: Pool): CarrierStore {
  return {
    async ship({ orderId, parcelId, country, tracking, deliverInMs, traceparent }) {
      const { rows } = await pool.query<{ tracking: string }>({
        name: 'carrier-ship',
        text: `insert into carrier_shipments (order_id, parcel_id, country, tracking, deliver_at, traceparent)
               values ($1, $2, $3, $4, now() + make_interval(secs => $5), $6)
               on conflict (order_id) do update set order_id = excluded.order_id returning tracking`,
        values: [orderId, parcelId, country, tracking, deliverInMs / 1_000, traceparent],
      })
      return rows[0]?.tracking ?? tracking
    },

    async arrived(limit) {
      const { rows } = await pool.query<{
        order_id: string
        tracking: string
        deliver_at: Date
        traceparent: string | null
      }>(
        `select order_id, tracking, deliver_at, traceparent from carrier_shipments
         where told_at is null and deliver_at <= now() order by deliver_at limit $1`,
        [limit],
      )
      return rows.map((row) => ({
        event: 'delivered',
        orderId: row.order_id,
        tracking: row.tracking,
        at: row.deliver_at.toISOString(),
        traceparent: row.traceparent,
      }))
    },

    async told(orderIds) {
      await pool.query('update carrier_shipments set told_at = now() where order_id = any($1::text[])', [
        orderIds,
      ])
    },

    async setWebhook(url) {
      await pool.query(
        'insert into carrier_webhook (url) values ($1) on conflict (singleton) do update set url = excluded.url',
        [url],
      )
    },

    async webhook() {
      const { rows } = await pool.query<{ url: string }>('select url from carrier_webhook')
      return rows[0]?.url
    },

    async nextArrivalMs() {
      const { rows } = await pool.query<{ ms: number | null }>(
        `select (extract(epoch from min(deliver_at) - now()) * 1000)::float8 as ms from carrier_shipments where told_at is null`,
      )
      return rows[0]?.ms ?? undefined
    },
  }
}
