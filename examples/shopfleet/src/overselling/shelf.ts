/** The shelf of the comparison, read straight from the database. */
import { systemClock } from '@quorate/core'
import { inTransaction, type Pool } from '../shared/postgres.ts'
import { openStock } from '../services/inventory/open-stock.ts'

export interface ShelfFacts {
  readonly sold: number
  /** The lowest the shelf ever was by the ledger. */
  readonly lowest: number
  /** The row is what the ledger says, nothing is held any more, and no unit has appeared or vanished. */
  readonly isConsistent: boolean
  /** Times the row was written. */
  readonly writes: number
}

export async function openShelf(db: Pool, sku: string, units: number): Promise<void> {
  await inTransaction(db, (tx) => openStock(tx, [{ sku, units }]))
}

export async function readShelf(db: Pool, sku: string): Promise<ShelfFacts> {
  const { rows } = await db.query<ShelfFacts>(
    `with running as (
       select id, kind, available_delta, reserved_delta, sold_delta,
              sum(available_delta) over (order by id) as available
       from stock_movements where sku = $1
     ), ledger as (
       select min(available)::int as lowest, sum(available_delta) as available, sum(reserved_delta) as reserved,
              sum(sold_delta) as sold, sum(available_delta) filter (where kind = 'opening') as opening
       from running
     )
     select stock.sold, ledger.lowest, stock.version - 1 as writes,
            stock.available = ledger.available and stock.reserved = ledger.reserved and stock.sold = ledger.sold
              and stock.reserved = 0 and stock.available + stock.sold = ledger.opening as "isConsistent"
     from stock, ledger where stock.sku = $1`,
    [sku],
  )
  const [row] = rows
  if (row === undefined) throw new Error(`Shelf ${sku} vanished`)
  return row
}

export interface WaitCount {
  /** @returns how many connections waited for a lock, at each look. */
  stop(): Promise<readonly number[]>
}

const LOOK_EVERY_MS = 20

/** Looks now and then how many of an application's connections wait for a lock. */
export function countWaiting(db: Pool, application: string): WaitCount {
  const stopping = new AbortController()
  const counts: number[] = []
  const work = (async () => {
    while (!stopping.signal.aborted) {
      const { rows } = await db.query<{ waiting: number }>(
        `select count(*)::int as waiting from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'`,
        [application],
      )
      counts.push(rows[0]?.waiting ?? 0)
      await systemClock.sleep(LOOK_EVERY_MS, { signal: stopping.signal }).catch(() => {})
    }
  })()
  work.catch(() => {})
  return {
    async stop() {
      stopping.abort()
      await work
      return counts
    },
  }
}
