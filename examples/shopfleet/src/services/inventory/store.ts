import { optimisticRepository, table } from '@quorate/optimistic-lock/pg'
import type { Pool, PoolClient } from 'pg'
import type { CartLine, StockLevel } from '../../api.ts'
import { Problem, unavailable } from '../../shared/problem.ts'
import { inTransaction } from '../../shared/postgres.ts'
import type { ReservationStatus, ShortLine } from './contract.ts'
import { deltas, mergeLines, PER_UNIT, type MovementKind } from './rules.ts'

interface StockRow {
  sku: string
  available: number
  reserved: number
  sold: number
  version: number
}

export interface InventoryStore {
  /** Puts the first units of each sku on the shelf. Saying the same again changes nothing; another number is refused. */
  open(levels: readonly StockLevel[]): Promise<void>
  /** Holds all lines or none; `reservation.status` tells what became of it when the id is known already. */
  reserve(
    id: string,
    lines: readonly CartLine[],
  ): Promise<{ status: ReservationStatus } | { short: ShortLine[] }>
  /** Held units are sold. */
  commit(id: string): Promise<void>
  /** Held units go back to the shelf. An id never seen is marked, so that a late reserve for it is refused. */
  release(id: string): Promise<void>
  /** Sold units come back to the shelf, once for each id. */
  restock(id: string, reservationId: string, lines: readonly CartLine[]): Promise<void>
}

export function inventoryStore(pool: Pool): InventoryStore {
  const stock = optimisticRepository(pool, {
    table: table<StockRow>('stock'),
    key: ['sku'],
    version: 'version',
  })

  /** Moves units in the stock rows, all or nothing, and writes the movements down in the same transaction. */
  async function move(tx: PoolClient, kind: MovementKind, ref: string, lines: readonly CartLine[]) {
    const moved = await stock
      .withTransaction(tx)
      .adjustAllIf(lines.map(({ sku, quantity }) => ({ key: { sku }, by: changed(kind, quantity) })))
    if (!moved.granted) return moved
    const per = PER_UNIT[kind]
    await tx.query({
      name: 'inventory-movements',
      text: `insert into stock_movements (sku, kind, ref, available_delta, reserved_delta, sold_delta)
             select sku, $1, $2, units * $3, units * $4, units * $5
             from unnest($6::text[], $7::int[]) as line (sku, units)`,
      values: [
        kind,
        ref,
        per.available,
        per.reserved,
        per.sold,
        lines.map(({ sku }) => sku),
        lines.map(({ quantity }) => quantity),
      ],
    })
    return moved
  }

  return {
    open: (levels) => inTransaction(pool, (tx) => openStock(tx, levels)),

    async reserve(id, wanted) {
      const lines = mergeLines(wanted)
      const tx = await pool.connect()
      let broken: Error | boolean = false
      try {
        await tx.query('begin')
        const known = await claim(tx, id, lines)
        if (known !== undefined) {
          await tx.query('rollback')
          return { status: known }
        }
        const moved = await move(tx, 'reserve', id, lines)
        // A refusal is not written down: nothing happened, and a repeat may be luckier.
        await tx.query(moved.granted ? 'commit' : 'rollback')
        if (moved.granted) return { status: 'reserved' as const }
        const wantedBySku = new Map(lines.map(({ sku, quantity }) => [sku, quantity]))
        return {
          short: moved.short.map(({ key, row }) => ({
            sku: key.sku,
            wanted: wantedBySku.get(key.sku) ?? 0,
            available: row?.available ?? 0,
          })),
        }
      } catch (error) {
        await tx.query('rollback').catch((cause: unknown) => {
          broken = cause instanceof Error ? cause : true
        })
        throw error
      } finally {
        tx.release(broken)
      }
    },

    commit: (id) => settle(pool, id, 'committed', (tx, lines) => move(tx, 'commit', id, lines)),
    release: (id) => settle(pool, id, 'released', (tx, lines) => move(tx, 'release', id, lines)),

    restock: (id, reservationId, returned) =>
      inTransaction(pool, async (tx) => {
        const lines = mergeLines(returned)
        const { rows } = await tx.query<{ status: ReservationStatus }>(
          'select status from reservations where id = $1 for share',
          [reservationId],
        )
        const status = rows[0]?.status
        if (status === 'reserved')
          throw unavailable(`Reservation ${reservationId} is still being committed: it`, undefined)
        if (status !== 'committed') {
          throw new Problem(
            409,
            'not-sold',
            `Reservation ${reservationId} is ${status ?? 'unknown'}; only what was sold can come back`,
          )
        }
        const { rowCount } = await tx.query(
          'insert into restocks (id, reservation_id, lines) values ($1, $2, $3) on conflict (id) do nothing',
          [id, reservationId, JSON.stringify(lines)],
        )
        if (rowCount === 0) return
        const moved = await move(tx, 'restock', id, lines)
        if (!moved.granted) throw new Problem(409, 'not-sold', `Restock ${id} gives back more than was sold`)
      }),
  }
}

/** Only the columns that change, since the repository writes what it is given. */
function changed(kind: MovementKind, units: number) {
  return Object.fromEntries(Object.entries(deltas(kind, units)).filter(([, delta]) => delta !== 0))
}

/** Takes the id; the status it has already if somebody was here before. */
async function claim(
  tx: PoolClient,
  id: string,
  lines: readonly CartLine[],
): Promise<ReservationStatus | undefined> {
  const { rowCount } = await tx.query({
    name: 'inventory-claim',
    text: `insert into reservations (id, status, lines) values ($1, 'reserved', $2) on conflict (id) do nothing`,
    values: [id, JSON.stringify(lines)],
  })
  if (rowCount === 1) return undefined
  const { rows } = await tx.query<{ status: ReservationStatus }>(
    'select status from reservations where id = $1',
    [id],
  )
  return rows[0]?.status
}

/** Ends a reservation one way or the other, once. */
async function settle(
  pool: Pool,
  id: string,
  status: 'committed' | 'released',
  move: (tx: PoolClient, lines: CartLine[]) => Promise<{ readonly granted: boolean }>,
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ lines: CartLine[] }>({
      name: 'inventory-settle',
      text: `update reservations set status = $2, updated_at = now() where id = $1 and status = 'reserved' returning lines`,
      values: [id, status],
    })
    const held = rows[0]
    if (held === undefined) return settledBefore(tx, id, status)
    const moved = await move(tx, held.lines)
    if (!moved.granted)
      throw new Error(`Reservation ${id} holds more than the stock rows say; the ledger is broken`)
  })
}

async function settledBefore(tx: PoolClient, id: string, status: 'committed' | 'released'): Promise<void> {
  if (status === 'released') {
    await tx.query(
      `insert into reservations (id, status, lines) values ($1, 'released', '[]') on conflict (id) do nothing`,
      [id],
    )
  }
  const { rows } = await tx.query<{ status: ReservationStatus }>(
    'select status from reservations where id = $1',
    [id],
  )
  if (rows[0]?.status === status) return
  throw new Problem(
    409,
    'reservation-settled',
    `Reservation ${id} is ${rows[0]?.status ?? 'unknown'}; it cannot become ${status}`,
  )
}

async function openStock(tx: PoolClient, levels: readonly StockLevel[]): Promise<void> {
  const last = [...new Map(levels.map((level) => [level.sku, level])).values()]
  const skus = last.map(({ sku }) => sku)
  const units = last.map((level) => level.units)
  await tx.query(
    `with opened as (
       insert into stock (sku, available)
       select * from unnest($1::text[], $2::int[])
       on conflict (sku) do nothing
       returning sku, available
     )
     insert into stock_movements (sku, kind, ref, available_delta, reserved_delta, sold_delta)
     select sku, 'opening', sku, available, 0, 0 from opened`,
    [skus, units],
  )
  const { rows } = await tx.query<{ sku: string }>(
    `select sku from unnest($1::text[], $2::int[]) as wanted (sku, units)
     left join stock_movements opening using (sku)
     where opening.kind = 'opening' and opening.available_delta <> wanted.units
     order by sku`,
    [skus, units],
  )
  if (rows.length === 0) return
  const names = rows.map(({ sku }) => sku)
  throw new Problem(
    409,
    'already-open',
    `${names.length} of these have another opening stock already, the first is ${names[0]}`,
    {
      details: { skus: names },
    },
  )
}
