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

/**
 * The same, unless a plain read of the shelves finds a line short: a sold-out product is refused without waiting for
 * anybody's lock on it.
 *
 * @returns whether the id was taken, and which lines were short.
 */
export async function claimUnlessShort(
  tx: Queryable,
  { id, lines }: Reservation,
): Promise<{ readonly isClaimed: boolean; readonly short: readonly ShortLine[] | null }> {
  const { rows } = await tx.query<{ isClaimed: boolean; short: ShortLine[] | null }>({
    name: 'inventory-claim-unless-short',
    text: `with line as (
             select * from unnest($3::text[], $4::int[]) as line (sku, units)
           ), short as (
             select sku, units as wanted, coalesce(available, 0) as available from line left join stock using (sku)
             where coalesce(available, 0) < units
           ), claimed as (
             insert into reservations (id, status, lines)
             select $1, 'reserved', $2::jsonb where not exists (select from short)
             on conflict (id) do nothing returning id
           )
           select exists (select from claimed) as "isClaimed", (select json_agg(short) from short) as short`,
    values: [id, JSON.stringify(lines), lines.map(({ sku }) => sku), lines.map(({ quantity }) => quantity)],
  })
  return rows[0] ?? { isClaimed: false, short: null }
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
