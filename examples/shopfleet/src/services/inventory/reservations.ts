/** The rows that say who holds what. */
import type { CartLine } from '../../api.ts'
import type { Queryable } from '../../shared/postgres.ts'
import type { ReservationStatus, ShortLine } from './contract.ts'
import { PER_UNIT } from './rules.ts'

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

/** Whether an id was taken, and which lines a plain read of the shelves found short. */
export interface Claimed {
  readonly isClaimed: boolean
  readonly short: readonly ShortLine[] | null
}

/**
 * The same, unless a plain read of the shelves finds a line short: a sold-out product is refused without waiting for
 * anybody's lock on it.
 */
export function claimUnlessShort(tx: Queryable, { id, lines }: Reservation): Promise<Claimed> {
  return claimIf(tx, {
    name: 'inventory-claim-unless-short',
    text: unlessShort('reserved'),
    values: [id, ...columns(lines)],
  })
}

/** The same again, as a promise: its rows in the ledger, and none on a shelf. */
export function promiseUnlessShort(db: Queryable, { id, lines }: Reservation): Promise<Claimed> {
  const per = PER_UNIT.promise
  return claimIf(db, {
    name: 'inventory-promise-unless-short',
    text: unlessShort(
      'promised',
      `, moved as (
         insert into stock_movements (sku, kind, ref, available_delta, reserved_delta, sold_delta)
         select sku, 'promise', claimed.id, units * $5, units * $6, units * $7 from claimed, line
       )`,
    ),
    values: [id, ...columns(lines), per.available, per.reserved, per.sold],
  })
}

const columns = (lines: readonly CartLine[]): unknown[] => [
  JSON.stringify(lines),
  lines.map(({ sku }) => sku),
  lines.map(({ quantity }) => quantity),
]

/** @param also what else is written if the id is taken. */
function unlessShort(status: ReservationStatus, also = ''): string {
  return `with line as (
            select * from unnest($3::text[], $4::int[]) as line (sku, units)
          ), short as (
            select sku, units as wanted, coalesce(available, 0) as available from line left join stock using (sku)
            where coalesce(available, 0) < units
          ), claimed as (
            insert into reservations (id, status, lines)
            select $1, '${status}', $2::jsonb where not exists (select from short)
            on conflict (id) do nothing returning id
          )${also}
          select exists (select from claimed) as "isClaimed", (select json_agg(short) from short) as short`
}

async function claimIf(
  db: Queryable,
  statement: { readonly name: string; readonly text: string; readonly values: unknown[] },
): Promise<Claimed> {
  const { rows } = await db.query<Claimed>(statement)
  return rows[0] ?? { isClaimed: false, short: null }
}

/** What to say when the id was not taken: what it is known for, or which lines were short. */
export async function answerUnclaimed(
  db: Queryable,
  id: string,
  short: readonly ShortLine[] | null,
): Promise<Reserved> {
  const known = await readReservation(db, id)
  if (known !== undefined) return knownAnswer(known)
  if (short === null) throw new Error(`Reservation ${id} vanished`)
  return { short }
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
