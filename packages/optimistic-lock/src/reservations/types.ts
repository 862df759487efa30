import type { Clock } from '@quorate/core'
import type { PgQueryable } from '../pg/session.ts'
import type { Table } from '../pg/table.ts'
import type { CallOptions } from '../types.ts'
import type { Sweeper, SweeperOptions } from './sweeper.ts'

/** Options of `reservations()`. */
export interface ReservationsOptions<
  Row extends object,
  K extends keyof Row & string,
  C extends keyof Row & string,
> {
  /** The items' table and its row type. */
  readonly table: Table<Row>
  /** The columns that name an item: a unique index must be on them or on some of them. */
  readonly key: readonly K[]
  /** The column with the free units, of a number type. A hold takes them out, an end without a sale puts them back. */
  readonly counter: C
  /** An integer column of the item that is raised with every change, so that a repository notices. Default none. */
  readonly version?: (keyof Row & string) | undefined
  /** Free units never fall below this by a hold. Default 0. */
  readonly min?: number | undefined
  /** How long units are held unless the call says otherwise, ms. Default 900,000 (15 minutes). */
  readonly ttlMs?: number | undefined
  /** Table of the reservations, made by `reservationsMigration()`. Default `quorate.reservation`. */
  readonly reservations?: string | undefined
  /** Time for the waits of sweepers; what is due is judged by the database's clock. Default: the system's. */
  readonly clock?: Clock | undefined
}

/** A note of who has units, and until when. */
export interface Reservation<Key extends object> {
  readonly id: string
  /** As JSON has it: a `bigint` is a number, and a text where a number would not be exact. */
  readonly key: Key
  readonly quantity: number
  readonly state: 'held' | 'confirmed' | 'released' | 'expired'
  /** By the database's clock, ms since the epoch. */
  readonly expiresAtMs: number
}

/** Options of `hold()`. */
export interface HoldOptions extends CallOptions {
  /** How long the units are held, ms. Default: that of the reservations. */
  readonly ttlMs?: number | undefined
}

/** What can be done inside the caller's transaction. */
export interface TransactionReservations<Key extends object> {
  /**
   * Takes `quantity` units and notes under `id` who has them, in one statement. The same call again gives the same
   * reservation, so it may be repeated after a lost answer. Units whose time is over are given back first, if that helps.
   *
   * @param quantity a whole number from 1.
   * @returns the reservation, or `undefined`: too few units, or no such item; nothing was taken.
   * @throws ReservationClosedError if `id` was held before and given back since.
   * @throws ReservationMismatchError if `id` holds something else.
   * @throws WriteRefusedError if a trigger or a policy keeps the item as it was; nothing was noted.
   * @throws WriteUnknownError if the connection was lost before the answer came: call it again.
   */
  hold(id: string, key: Key, quantity: number, options?: HoldOptions): Promise<Reservation<Key> | undefined>

  /**
   * The units are sold. Again: the same answer.
   *
   * @throws ReservationClosedError if the time was over, it was released, or there is no such reservation.
   */
  confirm(id: string, options?: CallOptions): Promise<Reservation<Key>>

  /**
   * Gives the units back, once, however often it is called.
   *
   * @returns the reservation as it is now, or `undefined` if there is none.
   * @throws ReservationClosedError if it is confirmed.
   */
  release(id: string, options?: CallOptions): Promise<Reservation<Key> | undefined>

  /** The reservation, or `undefined`. One whose time is over is `expired`, swept or not. */
  get(id: string, options?: CallOptions): Promise<Reservation<Key> | undefined>
}

/** Units that are held for a while, and go back by themselves. */
export interface Reservations<Key extends object> extends TransactionReservations<Key> {
  /**
   * Gives back what was held for too long. Any number of processes may do this at once; what one has in hand, the others
   * pass over. An item that refuses its units, as by a CHECK, does not keep those of others.
   *
   * @param options.limit most reservations in one statement. Default 500.
   * @returns those that expired.
   * @throws the server's error if an item refuses its units and nothing else was due.
   */
  expire(
    options?: { readonly limit?: number | undefined } & CallOptions,
  ): Promise<readonly Reservation<Key>[]>

  /**
   * Deletes closed reservations. Their ids are free again, so keep them for longer than anybody repeats a call.
   *
   * @returns how many; if as many as `limit` (default 1,000), there may be more.
   */
  purge(
    options: { readonly olderThanMs: number; readonly limit?: number | undefined } & CallOptions,
  ): Promise<number>

  /** Calls `expire()` again and again, until stopped. */
  startSweeper(options?: SweeperOptions): Sweeper

  /** The same on the caller's transaction. */
  withTransaction(transaction: PgQueryable): TransactionReservations<Key>
}
