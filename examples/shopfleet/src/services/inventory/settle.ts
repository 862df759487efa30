/** How a reservation ends: sold, or back on the shelf. Once, whatever is repeated. */
import type { Pool, PoolClient } from 'pg'
import type { CartLine } from '../../api.ts'
import { inTransaction } from '../../shared/postgres.ts'
import { Problem, unavailable } from '../../shared/problem.ts'
import type { ReservationStatus, ShortLine } from './contract.ts'
import { type Move, writeDown } from './movements.ts'
import { type KnownReservation, readReservation } from './reservations.ts'
import type { Taking } from './taking/taking.ts'

export type Committed =
  | { readonly status: 'committed' }
  | { readonly status: 'oversold'; readonly short: readonly ShortLine[] }

/** Held units are sold. A promise has to be looked at first. */
export async function commitReservation(
  pool: Pool,
  taking: Pick<Taking, 'commit'>,
  look: () => Promise<void>,
  id: string,
): Promise<Committed> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    if (await taking.commit(id)) return { status: 'committed' }
    const known = await readReservation(pool, id)
    if (known?.status === 'committed') return { status: 'committed' }
    if (known?.status === 'oversold') return { status: 'oversold', short: known.short ?? [] }
    // A promise; or a look was just between us and the row, and what it found is tried again.
    if (known?.status === 'promised') await look()
    else if (known?.status !== 'reserved') throw settled(id, known, 'committed')
  }
  throw unavailable(`Reservation ${id} has not been looked at: it`, undefined)
}

/** One by one, the plain way. @returns false if it holds nothing. */
export async function commitHeld(pool: Pool, move: Move, id: string): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    const lines = await end(tx, id, 'reserved', 'committed')
    if (lines === undefined) return false
    mustHold(id, await move(tx, 'commit', id, lines))
    return true
  })
}

/** Held units go back to the shelf. An id never seen is marked, so that a late reserve for it is refused. */
export async function releaseReservation(pool: Pool, move: Move, id: string): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const held = await end(tx, id, 'reserved', 'released')
    if (held !== undefined) return mustHold(id, await move(tx, 'release', id, held))
    const promised = await end(tx, id, 'promised', 'released')
    if (promised !== undefined) {
      // It was in the ledger alone, so that is where it is taken back.
      await writeDown(
        tx,
        'release',
        promised.map((line) => ({ ...line, ref: id })),
      )
      return
    }
    // The look has taken it back already.
    if ((await end(tx, id, 'oversold', 'released')) !== undefined) return
    await tx.query(
      `insert into reservations (id, status, lines) values ($1, 'released', '[]') on conflict (id) do nothing`,
      [id],
    )
    const known = await readReservation(tx, id)
    if (known?.status !== 'released') throw settled(id, known, 'released')
  })
}

/** Moves it on if it is in this status. @returns its lines. */
async function end(
  tx: PoolClient,
  id: string,
  from: ReservationStatus,
  to: 'committed' | 'released',
): Promise<CartLine[] | undefined> {
  const { rows } = await tx.query<{ lines: CartLine[] }>({
    name: 'inventory-settle',
    text: `update reservations set status = $3, updated_at = now() where id = $1 and status = $2 returning lines`,
    values: [id, from, to],
  })
  return rows[0]?.lines
}

function mustHold(id: string, { granted }: { readonly granted: boolean }): void {
  if (!granted) throw new Error(`Reservation ${id} holds more than the stock rows say; the ledger is broken`)
}

function settled(id: string, known: KnownReservation | undefined, wanted: ReservationStatus): Problem {
  const is = known?.status ?? 'unknown'
  // Somebody is at it this moment, as a look is between two of our statements.
  if (wanted === 'released' && (is === 'reserved' || is === 'promised' || is === 'oversold')) {
    return unavailable(`Reservation ${id} is being looked at: it`, undefined)
  }
  return new Problem(409, 'reservation-settled', `Reservation ${id} is ${is}; it cannot become ${wanted}`)
}
