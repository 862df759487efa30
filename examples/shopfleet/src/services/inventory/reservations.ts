/** The rows that say who holds what. */
import type { CartLine } from '../../api.ts'
import type { Queryable } from '../../shared/postgres.ts'
import type { ReservationStatus, ShortLine } from './contract.ts'

export interface Reservation {
  readonly id: string
  readonly lines: readonly CartLine[]
}

/** What a reservation is, if there is one. */
export interface KnownReservation {
  readonly status: ReservationStatus
  readonly lines: readonly CartLine[]
  readonly short: readonly ShortLine[] | null
}

/** What became of a call that reserves: a reservation, this one or an earlier one of the same id; or which lines were short. */
export type Reserved = { readonly status: ReservationStatus } | { readonly short: readonly ShortLine[] }

/** Takes the id. @returns false if somebody was here before. */
export async function claim(tx: Queryable, { id, lines }: Reservation): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'inventory-claim',
    text: `insert into reservations (id, status, lines) values ($1, 'reserved', $2) on conflict (id) do nothing`,
    values: [id, JSON.stringify(lines)],
  })
  return rowCount === 1
}

export async function readReservation(db: Queryable, id: string): Promise<KnownReservation | undefined> {
  const { rows } = await db.query<KnownReservation>({
    name: 'inventory-reservation',
    text: 'select status, lines, short from reservations where id = $1',
    values: [id],
  })
  return rows[0]
}

/** The answer to a call that reserves what is known already. A promise that was not kept is a refusal by then. */
export function knownAnswer({ status, short }: KnownReservation): Reserved {
  return status === 'oversold' ? { short: short ?? [] } : { status }
}
