import { checkNames, type Clock, systemClock } from '@quorate/core'
import { quoteIdentifier, quoteTable } from '../names.ts'
import type { PgQueryable } from '../pg/repository.ts'
import type { Table } from '../pg/table.ts'
import { keyValuesOf } from '../key-values.ts'
import type { Statement } from '../statements.ts'
import type { CallOptions } from '../types.ts'
import { sendWrite, sendWriteAgain } from '../write.ts'
import { ReservationClosedError, ReservationMismatchError } from './errors.ts'
import { RESERVATION_TABLE } from './migration.ts'
import * as sql from './statements.ts'
import { startSweeper, type Sweeper, type SweeperOptions } from './sweeper.ts'

/** Options of {@link reservations}. */
export interface ReservationsOptions<
  Row extends object,
  K extends keyof Row & string,
  C extends keyof Row & string,
> {
  /** The items' table and its row type. */
  readonly table: Table<Row>
  /** The columns that name an item; there must be a unique index on exactly them. */
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
   * Gives back what was held for too long. Any number of processes may do this at once.
   *
   * @param options.limit most reservations in one statement. Default 500.
   * @returns those that expired.
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

const NAMES = ['table', 'key', 'counter', 'version', 'min', 'ttlMs', 'reservations', 'clock']

/**
 * Holds units of an item for a while: a checkout that is paid keeps them, one that is abandoned gives them back.
 *
 * @param db a connected `pg.Pool` or `pg.Client`; it stays the caller's.
 * @throws TypeError for options that are missing, unknown or of the wrong type.
 * @throws RangeError for a `ttlMs` that is not above 0, or a `min` that is no whole number.
 *
 * @example
 * ```ts
 * await pool.query(reservationsMigration())
 * const holds = reservations(pool, { table: table<Stock>('stock'), key: ['sku'], counter: 'available' })
 * const held = await holds.hold('order-7', { sku: 'mug' }, 2) // undefined when there are too few
 * await holds.confirm('order-7') // or release(); after 15 minutes a sweeper does
 * ```
 */
export function reservations<
  Row extends object,
  K extends keyof Row & string,
  C extends Exclude<keyof Row & string, K>,
>(db: PgQueryable, options: ReservationsOptions<Row, K, C>): Reservations<Readonly<Pick<Row, K>>> {
  const action = 'make reservations'
  checkNames(action, options, NAMES)
  const { table, key, counter, version, min = 0, ttlMs = 900_000, clock = systemClock } = options
  if (typeof (table as Partial<Table<object>> | undefined)?.name !== 'string') {
    throw new TypeError(`Cannot ${action}: table must be what table() gives; write table<Row>('stock')`)
  }
  if (!Array.isArray(key) || key.length === 0 || typeof counter !== 'string') {
    throw new TypeError(`Cannot ${action}: key must be an array of column names, and counter one`)
  }
  if (!Number.isSafeInteger(min))
    throw new RangeError(`Cannot ${action}: min must be a whole number, got ${min}`)
  checkTtl(action, ttlMs)
  for (const name of [...key, counter, version ?? counter]) quoteIdentifier(name)
  const shape: sql.HoldShape = {
    label: table.name,
    items: quoteTable(table.name),
    key,
    counter,
    version,
    min,
    reservations: quoteTable(options.reservations ?? RESERVATION_TABLE),
    column: quoteIdentifier,
  }
  return new Holds(shape, db, ttlMs, clock, false) as unknown as Reservations<Readonly<Pick<Row, K>>>
}

type Any = Reservation<object>

class Holds implements Reservations<object> {
  readonly #shape: sql.HoldShape
  readonly #db: PgQueryable
  readonly #ttlMs: number
  readonly #clock: Clock
  readonly #isBound: boolean

  constructor(shape: sql.HoldShape, db: PgQueryable, ttlMs: number, clock: Clock, isBound: boolean) {
    this.#shape = shape
    this.#db = db
    this.#ttlMs = ttlMs
    this.#clock = clock
    this.#isBound = isBound
  }

  withTransaction(transaction: PgQueryable): Holds {
    return new Holds(this.#shape, transaction, this.#ttlMs, this.#clock, true)
  }

  async hold(id: string, key: object, quantity: number, options: HoldOptions = {}): Promise<Any | undefined> {
    const { signal, ttlMs = this.#ttlMs } = options
    checkNames('hold', options, ['signal', 'ttlMs'])
    checkId('hold', id)
    checkTtl('hold', ttlMs)
    if (!Number.isSafeInteger(quantity) || quantity < 1) {
      throw new RangeError(`Cannot hold: quantity must be a whole number from 1, got ${quantity}`)
    }
    const values = keyValuesOf('hold', this.#shape.label, this.#shape.key, key)
    const request = { id, key: values, quantity, ttlMs }
    for (let attempt = 1; ; attempt++) {
      const [made] = await this.#write('hold', sql.hold(this.#shape, request), signal)
      if (made !== undefined) return asReservation(made)
      const found = await this.#find(id, values, signal)
      if (found !== undefined) return sameAs(found, quantity)
      // Short, perhaps only because nobody has swept yet.
      if (attempt > 1) return undefined
      const freed = await this.#write('hold', sql.expire(this.#shape, SWEEP, values), signal)
      if (freed.length === 0) return undefined
    }
  }

  async confirm(id: string, options: CallOptions = {}): Promise<Any> {
    checkNames('confirm', options, ['signal'])
    checkId('confirm', id)
    const [row] = await this.#write('confirm', sql.confirm(this.#shape, id), options.signal)
    if (row !== undefined) return asReservation(row)
    const found = await this.get(id, options)
    if (found?.state === 'confirmed') return found
    const state = found === undefined ? 'missing' : found.state === 'held' ? 'expired' : found.state
    throw new ReservationClosedError({ action: 'confirm', id, state })
  }

  async release(id: string, options: CallOptions = {}): Promise<Any | undefined> {
    checkNames('release', options, ['signal'])
    checkId('release', id)
    const [row] = await this.#write('release', sql.release(this.#shape, id), options.signal)
    if (row !== undefined) return asReservation(row)
    const found = await this.get(id, options)
    if (found?.state === 'confirmed') {
      throw new ReservationClosedError({ action: 'release', id, state: 'confirmed' })
    }
    return found
  }

  async get(id: string, options: CallOptions = {}): Promise<Any | undefined> {
    checkNames('get', options, ['signal'])
    checkId('get', id)
    const row = await this.#find(id, undefined, options.signal)
    return row === undefined ? undefined : asReservation(row)
  }

  async expire(options: { limit?: number | undefined } & CallOptions = {}): Promise<readonly Any[]> {
    checkNames('expire', options, ['limit', 'signal'])
    const { limit = SWEEP, signal } = options
    checkLimit('expire', limit)
    const rows = await this.#write('expire', sql.expire(this.#shape, limit, undefined), signal)
    return rows.map(asReservation)
  }

  async purge(options: { olderThanMs: number; limit?: number | undefined } & CallOptions): Promise<number> {
    checkNames('purge', options, ['olderThanMs', 'limit', 'signal'])
    const { olderThanMs, limit = 1_000, signal } = options
    checkLimit('purge', limit)
    checkTtl('purge', olderThanMs)
    return (await this.#write('purge', sql.purge(this.#shape, olderThanMs, limit), signal)).length
  }

  startSweeper(options: SweeperOptions = {}): Sweeper {
    return startSweeper((limit, signal) => this.expire({ limit, signal }), this.#clock, options)
  }

  async #find(
    id: string,
    key: Readonly<Record<string, unknown>> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<FoundRow | undefined> {
    const [row] = await this.#write('get', sql.find(this.#shape, id, key), signal)
    return row as FoundRow | undefined
  }

  /** Outside a transaction of the caller's, what Postgres rolled back for another's sake is sent again. */
  async #write(
    action: string,
    { text, values }: Statement,
    signal: AbortSignal | undefined,
  ): Promise<readonly sql.ReservationRow[]> {
    const facts = { action, table: this.#shape.label, signal }
    const send = async (): Promise<readonly sql.ReservationRow[]> =>
      (await this.#db.query(text, [...values])).rows as sql.ReservationRow[]
    return this.#isBound ? sendWrite(facts, send) : sendWriteAgain(facts, send)
  }
}

/** Reservations one sweep takes. */
const SWEEP = 500

type FoundRow = sql.ReservationRow & { readonly isSame: boolean }

/** A call with an id that was there already. */
function sameAs(found: FoundRow, quantity: number): Any {
  const reservation = asReservation(found)
  const { id, state } = reservation
  if (!found.isSame || reservation.quantity !== quantity) throw new ReservationMismatchError(id)
  if (state === 'held' || state === 'confirmed') return reservation
  throw new ReservationClosedError({ action: 'hold', id, state })
}

function asReservation({ id, item, quantity, state, expiresAtMs, isDue }: sql.ReservationRow): Any {
  return { id, key: item, quantity: Number(quantity), state: isDue ? 'expired' : state, expiresAtMs }
}

function checkId(action: string, id: unknown): void {
  if (typeof id === 'string' && id !== '') return
  throw new TypeError(`Cannot ${action}: id must be a text that is not empty, got ${typeof id}`)
}

function checkTtl(action: string, ms: number): void {
  if (Number.isFinite(ms) && ms > 0) return
  throw new RangeError(`Cannot ${action}: a time must be above 0 ms, got ${ms}`)
}

function checkLimit(action: string, limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return
  throw new RangeError(`Cannot ${action}: limit must be a whole number from 1, got ${limit}`)
}
