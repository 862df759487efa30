/** What each kind of movement does to a stock row. Pure: the SQL and the ledger are both made from this table. */
import type { CartLine } from '../../api.ts'

export type MovementKind = 'reserve' | 'promise' | 'apology' | 'commit' | 'release' | 'restock'

interface Deltas {
  readonly available: number
  readonly reserved: number
  readonly sold: number
}

/**
 * Per unit. Each adds up to 0: units move between the three columns, none appears or vanishes.
 *
 * A promise is a reservation before its look: it is in the ledger at once, and in the stock row when a look
 * has found it kept. One that cannot be kept is taken out of the ledger by an apology, and was never in the row.
 */
export const PER_UNIT: Readonly<Record<MovementKind, Deltas>> = {
  reserve: { available: -1, reserved: 1, sold: 0 },
  promise: { available: -1, reserved: 1, sold: 0 },
  apology: { available: 1, reserved: -1, sold: 0 },
  commit: { available: 0, reserved: -1, sold: 1 },
  release: { available: 1, reserved: -1, sold: 0 },
  restock: { available: 1, reserved: 0, sold: -1 },
}

/** The three columns' changes for one line. */
export function deltas(kind: MovementKind, units: number): Deltas {
  const per = PER_UNIT[kind]
  return { available: per.available * units, reserved: per.reserved * units, sold: per.sold * units }
}

/** One line for each sku, in order of sku: an order may name a sku twice, a stock row is one. */
export function mergeLines(lines: readonly CartLine[]): CartLine[] {
  const bySku = new Map<string, number>()
  for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity)
  return [...bySku].map(([sku, quantity]) => ({ sku, quantity })).toSorted((a, b) => (a.sku < b.sku ? -1 : 1))
}
