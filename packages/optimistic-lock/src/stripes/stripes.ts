import { checkNames, invariant, type Random, systemRandom } from '@quorate/core'
import { quoteTable, quoteIdentifier } from '../names.ts'
import { show } from '../options.ts'
import { type PgQueryable, sessionOf } from '../pg/session.ts'
import type { SqlSession } from '../session.ts'
import type { Statement } from '../statements.ts'
import type { CallOptions } from '../types.ts'
import { sendRead, sendWrite } from '../write.ts'
import * as sql from './statements.ts'

/** Where striped counters are kept, unless another table is named. */
export const STRIPE_TABLE = 'quorate.stripe'

/**
 * The SQL that creates the table of striped counters, for your migrations or for `pool.query()`. It may be run again.
 *
 * @param table `table` or `schema.table`, unquoted. Default `quorate.stripe`.
 * @throws TypeError for a name Postgres cannot hold.
 */
export function stripesMigration(table: string = STRIPE_TABLE): string {
  const schema = table.includes('.') ? table.split('.')[0] : undefined
  const create = sql.createTable(quoteTable(table))
  return schema === undefined ? create : `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)};\n${create}`
}

/** Options of {@link stripedCounters}. */
export interface StripedCountersOptions {
  /** Rows of one counter. Default 8. More let more transactions run at once; a borrow locks them all. */
  readonly stripes?: number | undefined
  /** Table of the stripes, made by `stripesMigration()`. Default `quorate.stripe`. */
  readonly table?: string | undefined
  /** For the choice of a stripe. Default: the system's. */
  readonly random?: Random | undefined
}

/** What can be done inside the caller's transaction. */
export interface TransactionStripedCounters {
  /**
   * Takes units if the counter has so many, in any of its stripes.
   *
   * @param units a whole number from 1. Default 1.
   * @returns `false` only if all stripes together had fewer, or there is no such counter; nothing was taken then.
   */
  decrementIf(counter: string, units?: number, options?: CallOptions): Promise<boolean>

  /** Adds units, to one stripe. @returns `false` if there is no such counter. */
  increment(counter: string, units?: number, options?: CallOptions): Promise<boolean>

  /** All units of one moment, or `undefined` if there is no such counter. */
  total(counter: string, options?: CallOptions): Promise<number | undefined>
}

/** Counters of several rows each. */
export interface StripedCounters extends TransactionStripedCounters {
  /** Makes a counter. @returns `false` if it was there already, and was left as it is. */
  create(counter: string, units: number, options?: CallOptions): Promise<boolean>

  /** The same on the caller's transaction, which then holds one stripe until its end, and not the whole counter. */
  withTransaction(transaction: PgQueryable): TransactionStripedCounters
}

/**
 * A counter in several rows, so that as many transactions can change it at once: for a hot row that is decremented
 * inside of transactions that do other work too, where a batcher cannot help. The total is exact and never below zero:
 * a stripe that runs short borrows from the others before anybody is refused.
 *
 * @param db a connected `pg.Pool` or `pg.Client`; it stays the caller's.
 * @throws TypeError for an unknown option or a name Postgres cannot hold.
 * @throws RangeError for a number of stripes that is not from 1 to 1,024.
 *
 * @example
 * ```ts
 * await pool.query(stripesMigration())
 * const counters = stripedCounters(pool)
 * await counters.create('mug', 10_000)
 * const isGranted = await counters.decrementIf('mug')
 * ```
 */
export function stripedCounters(db: PgQueryable, options: StripedCountersOptions = {}): StripedCounters {
  checkNames('make striped counters', options, ['stripes', 'table', 'random'])
  const { stripes = 8, table = STRIPE_TABLE, random = systemRandom } = options
  if (!Number.isSafeInteger(stripes) || stripes < 1 || stripes > 1_024) {
    throw new RangeError(
      `Cannot make striped counters: stripes must be a whole number from 1 to 1,024, got ${stripes}`,
    )
  }
  return new Counters({
    session: sessionOf(db, false),
    table: quoteTable(table),
    label: table,
    stripes,
    random,
  })
}

interface Parts {
  readonly session: SqlSession
  readonly table: string
  readonly label: string
  readonly stripes: number
  readonly random: Random
}

class Counters implements StripedCounters {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  withTransaction(transaction: PgQueryable): Counters {
    return new Counters({ ...this.#parts, session: sessionOf(transaction, true) })
  }

  async create(counter: string, units: number, options: CallOptions = {}): Promise<boolean> {
    checkNames('create', options, ['signal'])
    checkUnits('create', units, 0)
    const { table, stripes } = this.#parts
    return (
      (await this.#write('create', sql.create(table, counter, units, stripes), options.signal)).length > 0
    )
  }

  async decrementIf(counter: string, units = 1, options: CallOptions = {}): Promise<boolean> {
    checkNames('decrementIf', options, ['signal'])
    checkUnits('decrementIf', units, 1)
    return this.#adjust('decrementIf', counter, -units, options.signal)
  }

  async increment(counter: string, units = 1, options: CallOptions = {}): Promise<boolean> {
    checkNames('increment', options, ['signal'])
    checkUnits('increment', units, 1)
    return this.#adjust('increment', counter, units, options.signal)
  }

  async total(counter: string, options: CallOptions = {}): Promise<number | undefined> {
    checkNames('total', options, ['signal'])
    const { session, table } = this.#parts
    const { rows } = await sendRead<sql.Sum>(session, sql.sum(table, counter), options.signal)
    const [row] = rows
    return row === undefined || row.stripes === 0 ? undefined : Number(row.units)
  }

  /** One stripe, any that is free and has enough, without a wait; else {@link #adjustWaiting}. */
  async #adjust(
    action: string,
    counter: string,
    delta: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { session, table, stripes, random } = this.#parts
    const from = Math.floor(random() * stripes)
    const [first] = await this.#write(action, sql.adjustFree(table, counter, delta, from), signal)
    const { done, rich } = first as { done: number; rich: readonly number[] }
    if (done > 0) return true
    if (!session.isBound)
      return this.#adjustWaiting(action, counter, delta, rich, signal, async () => undefined)
    // What was waited for in vain stays locked until the transaction ends: whoever goes on to lock all stripes in order
    // could meet another who does, and who was refused would keep them from all others. The savepoint lets go of it.
    await this.#write(action, SAVEPOINT, signal)
    const letGo = (): Promise<unknown> => this.#write(action, ROLLBACK, signal)
    const isDone = await this.#adjustWaiting(action, counter, delta, rich, signal, letGo)
    await this.#write(action, RELEASE, signal)
    return isDone
  }

  /** One of the stripes that had enough, when it is free; else, to take, all together. */
  async #adjustWaiting(
    action: string,
    counter: string,
    delta: number,
    rich: readonly number[],
    signal: AbortSignal | undefined,
    letGo: () => Promise<unknown>,
  ): Promise<boolean> {
    const { table, random } = this.#parts
    const stripe = rich[Math.floor(random() * rich.length)]
    if (stripe !== undefined) {
      const statement = sql.adjust(table, counter, stripe, delta)
      if ((await this.#write(action, statement, signal)).length > 0) return true
      await letGo()
    }
    if (delta > 0) return false
    const [borrowed] = await this.#write(action, sql.borrow(table, counter, -delta), signal)
    const { stripes, done } = borrowed as { stripes: number; done: number }
    invariant(done === 0 || done === stripes, 'all stripes or none are changed; does a trigger skip some?')
    if (done === 0) await letGo()
    return done > 0
  }

  async #write(
    action: string,
    statement: Statement,
    signal: AbortSignal | undefined,
  ): Promise<readonly unknown[]> {
    const { session, label, random } = this.#parts
    return (await sendWrite(session, statement, { action, table: label, signal, random })).rows
  }
}

const SAVEPOINT: Statement = { text: 'SAVEPOINT quorate_stripe', values: [] }
const ROLLBACK: Statement = { text: 'ROLLBACK TO quorate_stripe', values: [] }
/** Each that is left open costs every statement after it. */
const RELEASE: Statement = { text: 'RELEASE quorate_stripe', values: [] }

function checkUnits(action: string, units: number, least: number): void {
  if (Number.isSafeInteger(units) && units >= least) return
  throw new RangeError(`Cannot ${action}: units must be a whole number from ${least}, got ${show(units)}`)
}
