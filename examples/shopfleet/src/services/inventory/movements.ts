/** Units moved in the stock rows, and the ledger of it, in the caller's transaction. */
import { optimisticRepository, table } from '@quorate/optimistic-lock/pg'
import type { Pool, PoolClient } from 'pg'
import type { CartLine } from '../../api.ts'
import type { Queryable } from '../../shared/postgres.ts'
import type { ShortLine } from './contract.ts'
import { deltas, PER_UNIT, type MovementKind } from './rules.ts'

export interface StockRow {
  sku: string
  available: number
  reserved: number
  sold: number
  version: number
}

export const STOCK = table<StockRow>('stock')

export type Moved = { readonly granted: true } | { readonly granted: false; readonly short: ShortLine[] }

/** A movement of one order's line, as the ledger has it. */
export interface LedgerLine extends CartLine {
  /** The reservation or the restock it belongs to. */
  readonly ref: string
}

/**
 * Moves all lines or none, by one conditional update, and writes them down. After a refusal there is nothing to
 * commit.
 */
export type Move = (
  tx: PoolClient,
  kind: MovementKind,
  ref: string,
  lines: readonly CartLine[],
) => Promise<Moved>

export function stockMover(pool: Pool): Move {
  const stock = optimisticRepository(pool, { table: STOCK, key: ['sku'], version: 'version' })
  return async (tx, kind, ref, lines) => {
    const moved = await stock
      .withTransaction(tx)
      .adjustAllIf(lines.map(({ sku, quantity }) => ({ key: { sku }, by: changed(kind, quantity) })))
    if (!moved.granted) {
      const found = new Map(moved.short.map(({ key, row }) => [key.sku, row?.available ?? 0]))
      const short = lines.filter(({ sku }) => found.has(sku))
      return { granted: false, short: shortLines(short, found) }
    }
    await writeDown(
      tx,
      kind,
      lines.map((line) => ({ ...line, ref })),
    )
    return { granted: true }
  }
}

/** Writes movements into the ledger, whatever the stock rows say. */
export async function writeDown(
  tx: Queryable,
  kind: MovementKind,
  lines: readonly LedgerLine[],
): Promise<void> {
  const per = PER_UNIT[kind]
  await tx.query({
    name: 'inventory-movements',
    text: `insert into stock_movements (sku, kind, ref, available_delta, reserved_delta, sold_delta)
           select sku, $1, ref, units * $2, units * $3, units * $4
           from unnest($5::text[], $6::text[], $7::int[]) as line (ref, sku, units)`,
    values: [
      kind,
      per.available,
      per.reserved,
      per.sold,
      lines.map(({ ref }) => ref),
      lines.map(({ sku }) => sku),
      lines.map(({ quantity }) => quantity),
    ],
  })
}

/** What is on these shelves, each row locked until the transaction ends, in the order that everybody locks them in. */
export async function lockShelves(tx: Queryable, skus: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await tx.query<Pick<StockRow, 'sku' | 'available'>>({
    name: 'inventory-lock-shelves',
    text: 'select sku, available from stock where sku = any($1::text[]) order by sku for update',
    values: [skus],
  })
  return new Map(rows.map(({ sku, available }) => [sku, available]))
}

/** Changes locked rows by a kind of movement. The table's checks refuse what would go below zero. */
export async function changeRows(
  tx: Queryable,
  kind: MovementKind,
  units: ReadonlyMap<string, number>,
): Promise<void> {
  const per = PER_UNIT[kind]
  await tx.query({
    name: 'inventory-change-rows',
    text: `update stock set available = available + units * $1, reserved = reserved + units * $2,
             sold = sold + units * $3, version = version + 1
           from unnest($4::text[], $5::int[]) as line (sku, units) where stock.sku = line.sku`,
    values: [per.available, per.reserved, per.sold, [...units.keys()], [...units.values()]],
  })
}

/** What these lines wanted and what there was. */
export function shortLines(lines: readonly CartLine[], shelves: ReadonlyMap<string, number>): ShortLine[] {
  return lines.map(({ sku, quantity }) => ({ sku, wanted: quantity, available: shelves.get(sku) ?? 0 }))
}

/** Only the columns that change, since the repository writes what it is given. */
function changed(kind: MovementKind, units: number): Record<string, number> {
  return Object.fromEntries(Object.entries(deltas(kind, units)).filter(([, delta]) => delta !== 0))
}
