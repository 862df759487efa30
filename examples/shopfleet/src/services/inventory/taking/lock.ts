/**
 * Lock: the first stock row of the order is locked by `withRowLock()`, the others behind it; then this process looks
 * and decides. Simple to reason about; whoever wants the same product waits meanwhile, through every round trip.
 */
import { RowGoneError } from '@quorate/optimistic-lock'
import { withRowLock } from '@quorate/optimistic-lock/row-lock'
import type { Pool, PoolClient } from 'pg'
import type { CartLine } from '../../../api.ts'
import { unavailable } from '../../../shared/problem.ts'
import type { ShortLine } from '../contract.ts'
import { changeRows, lockShelves, type Move, shortLines, STOCK, writeDown } from '../movements.ts'
import { claim, knownAnswer, readReservation, type Reservation, type Reserved } from '../reservations.ts'
import { commitHeld } from '../settle.ts'
import type { Taking } from './taking.ts'

/** A customer waits no longer than this for those before them; the saga asks again. */
const LOCK_TIMEOUT_MS = 4_000
/** The server ends a transaction of ours that takes longer, also when this process is stuck. */
const HOLD_TIMEOUT_MS = 4_000

export function lockTaking(pool: Pool, move: Move): Taking {
  return {
    async reserve(reservation: Reservation): Promise<Reserved> {
      const { id, lines } = reservation
      const key = { sku: await firstOf(pool, lines) }
      try {
        const reserved = await withRowLock(
          pool,
          { table: STOCK, key },
          // The pool is ours, so its clients are those of `pg`.
          ({ row, client }) => decide(client as PoolClient, reservation, row.sku, row.available),
          { lockTimeoutMs: LOCK_TIMEOUT_MS, holdTimeoutMs: HOLD_TIMEOUT_MS },
        )
        if (reserved === undefined) throw new Error(`The lock of ${key.sku} was skipped`)
        return reserved
      } catch (error) {
        if (!(error instanceof RowGoneError)) throw error
        const known = await readReservation(pool, id)
        if (known !== undefined) return knownAnswer(known)
        const short = await missing(pool, lines)
        if (short.length > 0) return { short }
        throw unavailable(`Product ${key.sku} is being put on the shelf: it`, error)
      }
    },
    // There is nothing to look at: what is held is there.
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Whatever it returns is committed; a refusal has written nothing. */
async function decide(
  tx: PoolClient,
  { id, lines }: Reservation,
  first: string,
  available: number,
): Promise<Reserved> {
  const others = lines.flatMap(({ sku }) => (sku === first ? [] : [sku]))
  const shelves = others.length === 0 ? new Map<string, number>() : await lockShelves(tx, others)
  shelves.set(first, available)

  const known = await readReservation(tx, id)
  if (known !== undefined) return knownAnswer(known)
  const short = lines.filter(({ sku, quantity }) => (shelves.get(sku) ?? 0) < quantity)
  if (short.length > 0) return { short: shortLines(short, shelves) }

  if (!(await claim(tx, { id, lines }))) {
    // Released in this very moment.
    const other = await readReservation(tx, id)
    if (other === undefined) throw new Error(`Reservation ${id} vanished`)
    return knownAnswer(other)
  }
  await changeRows(tx, 'reserve', new Map(lines.map(({ sku, quantity }) => [sku, quantity])))
  await writeDown(
    tx,
    'reserve',
    lines.map((line) => ({ ...line, ref: id })),
  )
  return { status: 'reserved' }
}

/** The row to lock first is the database's first, in its collation: two orders that lock in two orders deadlock. */
async function firstOf(pool: Pool, lines: readonly CartLine[]): Promise<string> {
  const [only, second] = lines
  if (only === undefined) throw new Error('A reservation has at least one line')
  if (second === undefined) return only.sku
  const { rows } = await pool.query<{ sku: string }>({
    name: 'inventory-first-sku',
    text: 'select sku from unnest($1::text[]) as line (sku) order by sku limit 1',
    values: [lines.map(({ sku }) => sku)],
  })
  return rows[0]?.sku ?? only.sku
}

/** There is no row to lock for the first line, so the order is refused; which others are short is as good as a look. */
async function missing(pool: Pool, lines: readonly CartLine[]): Promise<ShortLine[]> {
  const { rows } = await pool.query<{ sku: string; available: number }>(
    'select sku, available from stock where sku = any($1::text[])',
    [lines.map(({ sku }) => sku)],
  )
  const shelves = new Map(rows.map(({ sku, available }) => [sku, available]))
  return shortLines(
    lines.filter(({ sku, quantity }) => (shelves.get(sku) ?? 0) < quantity),
    shelves,
  )
}
