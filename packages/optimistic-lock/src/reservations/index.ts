/**
 * Units held for a while: kept when paid, given back by themselves when not.
 * @packageDocumentation
 */
export { type ClosedState, ReservationClosedError, ReservationMismatchError } from './errors.ts'
export { RESERVATION_TABLE, reservationsMigration } from './migration.ts'
export { reservations } from './reservations.ts'
export type { Sweeper, SweeperOptions } from './sweeper.ts'
export type {
  HoldOptions,
  Reservation,
  Reservations,
  ReservationsOptions,
  TransactionReservations,
} from './types.ts'
export type { PgQueryable } from '../pg/session.ts'
export { type Table, table } from '../pg/table.ts'
