import type { Reservation, Reserved } from '../reservations.ts'

/**
 * How a reservation gets its units: one of the answers to overselling. Each keeps the same promises:
 *
 * - All lines of an order or none.
 * - The same id again, also at the same moment or after a crash, is the same reservation.
 * - An id that was released first is not reserved afterwards.
 * - The reservation, its rows in the ledger and the units it takes are committed together, or not at all.
 */
export interface Taking extends AsyncDisposable {
  /** @param reservation its lines merged: a sku once. */
  reserve(reservation: Reservation): Promise<Reserved>
  /**
   * What a reservation holds is sold.
   *
   * @returns false, with nothing done, if there is no reservation of this id that holds anything.
   */
  commit(id: string): Promise<boolean>
  /** Lets what is under way end. */
  [Symbol.asyncDispose](): Promise<void>
}
