import { checkNames, type Clock, systemClock } from '@quorate/core'
import { quoteIdentifier, quoteTable } from '../names.ts'
import { show } from '../options.ts'
import { type PgQueryable, sessionOf } from '../pg/session.ts'
import type { Table } from '../pg/table.ts'
import { keyValuesOf } from '../key-values.ts'
import type { SqlSession } from '../session.ts'
import type { Statement } from '../statements.ts'
import type { CallOptions } from '../types.ts'
import { WriteRefusedError } from '../errors.ts'
import { isRefusal } from '../failures.ts'
import { sendRead, sendWrite } from '../write.ts'
import { ReservationClosedError, ReservationMismatchError } from './errors.ts'
import { RESERVATION_TABLE } from './migration.ts'
import * as sql from './statements.ts'
import { startSweeper, type Sweeper, type SweeperOptions } from './sweeper.ts'
import type { HoldOptions, Reservation, Reservations, ReservationsOptions } from './types.ts'

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
  return new Holds(shape, sessionOf(db, false), ttlMs, clock) as unknown as Reservations<
    Readonly<Pick<Row, K>>
  >
}

type Any = Reservation<object>

class Holds implements Reservations<object> {
  readonly #shape: sql.HoldShape
  readonly #session: SqlSession
  readonly #ttlMs: number
  readonly #clock: Clock

  constructor(shape: sql.HoldShape, session: SqlSession, ttlMs: number, clock: Clock) {
    this.#shape = shape
    this.#session = session
    this.#ttlMs = ttlMs
    this.#clock = clock
  }

  withTransaction(transaction: PgQueryable): Holds {
    return new Holds(this.#shape, sessionOf(transaction, true), this.#ttlMs, this.#clock)
  }

  async hold(id: string, key: object, quantity: number, options: HoldOptions = {}): Promise<Any | undefined> {
    const { signal, ttlMs = this.#ttlMs } = options
    checkNames('hold', options, ['signal', 'ttlMs'])
    checkId('hold', id)
    checkTtl('hold', ttlMs)
    if (!Number.isSafeInteger(quantity) || quantity < 1) {
      throw new RangeError(`Cannot hold: quantity must be a whole number from 1, got ${show(quantity)}`)
    }
    const values = keyValuesOf('hold', this.#shape.label, this.#shape.key, key)
    const request = { id, key: values, quantity, ttlMs }
    for (let isLast = false; ;) {
      const [made] = await this.#write<sql.HoldRow>('hold', sql.hold(this.#shape, request), signal)
      if (made === undefined) return undefined // a rule of the database's
      if (made.id !== null) return asReservation(made)
      const found = await this.#find(id, values, signal)
      if (found !== undefined) return sameAs(found, quantity)
      // Short, perhaps only because nobody had swept yet: also if somebody has in the meantime, it is tried again.
      if (isLast || !made.isAnyDue) return undefined
      const freed = await this.#write('hold', sql.expire(this.#shape, SWEEP, values), signal)
      isLast = freed.length < SWEEP
    }
  }

  async confirm(id: string, options: CallOptions = {}): Promise<Any> {
    checkNames('confirm', options, ['signal'])
    checkId('confirm', id)
    const found = await this.#close('confirm', sql.confirm(this.#shape, id), id, options)
    if (found?.state === 'confirmed') return found
    const state = found === undefined ? 'missing' : found.state === 'held' ? 'expired' : found.state
    throw new ReservationClosedError({ action: 'confirm', id, state })
  }

  async release(id: string, options: CallOptions = {}): Promise<Any | undefined> {
    checkNames('release', options, ['signal'])
    checkId('release', id)
    const found = await this.#close('release', sql.release(this.#shape, id), id, options)
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
    try {
      const rows = await this.#write('expire', sql.expire(this.#shape, limit, undefined), signal)
      return rows.map(asReservation)
    } catch (error) {
      if (!(isRefusal(error) || error instanceof WriteRefusedError)) throw error
      const expired = await this.#expireSingly(limit, signal)
      if (expired.length === 0) throw error
      return expired
    }
  }

  async purge(options: { olderThanMs: number; limit?: number | undefined } & CallOptions): Promise<number> {
    checkNames('purge', options, ['olderThanMs', 'limit', 'signal'])
    const { olderThanMs, limit = 1_000, signal } = options
    checkLimit('purge', limit)
    checkTtl('purge', olderThanMs)
    return (await this.#write('purge', sql.purge(this.#shape, olderThanMs, limit), signal)).length
  }

  startSweeper(options: SweeperOptions = {}): Sweeper {
    return startSweeper((limit) => this.expire({ limit }), this.#clock, options)
  }

  /** One item that refuses its units, as by a CHECK, must not keep those of all others. */
  async #expireSingly(limit: number, signal: AbortSignal | undefined): Promise<Any[]> {
    const expired: Any[] = []
    for (const { id } of await this.#read<{ id: string }>(sql.due(this.#shape, limit), signal)) {
      try {
        const rows = await this.#write('expire', sql.expireOne(this.#shape, id), signal)
        expired.push(...rows.map(asReservation))
      } catch (error) {
        if (!(isRefusal(error) || error instanceof WriteRefusedError)) throw error
      }
    }
    return expired
  }

  /** Closes it, or tells what it is. */
  async #close(
    action: string,
    statement: Statement,
    id: string,
    options: CallOptions,
  ): Promise<Any | undefined> {
    for (let attempt = 1; ; attempt++) {
      const [row] = await this.#write(action, statement, options.signal)
      if (row !== undefined) return asReservation(row)
      const found = await this.get(id, options)
      // Held all the same: its hold was committed between the two statements.
      if (found?.state !== 'held' || attempt > 1) return found
    }
  }

  async #find(
    id: string,
    key: Readonly<Record<string, unknown>> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<FoundRow | undefined> {
    const [row] = await this.#read<FoundRow>(sql.find(this.#shape, id, key), signal)
    return row
  }

  async #read<R>(statement: Statement, signal: AbortSignal | undefined): Promise<readonly R[]> {
    return (await sendRead<R>(this.#session, statement, signal)).rows
  }

  async #write<R = sql.ReservationRow>(
    action: string,
    statement: Statement,
    signal: AbortSignal | undefined,
  ): Promise<readonly R[]> {
    const facts = { action, table: this.#shape.label, signal, clock: this.#clock }
    return (await sendWrite<R>(this.#session, statement, facts)).rows
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
  return { id, key: keyOf(item), quantity: Number(quantity), state: isDue ? 'expired' : state, expiresAtMs }
}

/** A whole number that is no safe integer stays a text, as `pg` gives a `bigint`. */
function keyOf(item: string): object {
  const exact = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? context?.source
      : value
  return JSON.parse(item, exact) as object
}

function checkId(action: string, id: unknown): void {
  if (typeof id === 'string' && id !== '') return
  throw new TypeError(`Cannot ${action}: id must be a text that is not empty, got ${typeof id}`)
}

function checkTtl(action: string, ms: number): void {
  if (Number.isFinite(ms) && ms > 0) return
  throw new RangeError(`Cannot ${action}: a time must be above 0 ms, got ${show(ms)}`)
}

function checkLimit(action: string, limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1) return
  throw new RangeError(`Cannot ${action}: limit must be a whole number from 1, got ${limit}`)
}
