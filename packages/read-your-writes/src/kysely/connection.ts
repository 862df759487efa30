import { isQuorateError, type QuorateError } from '@quorate/core'
import type { CompiledQuery, DatabaseConnection, QueryResult, TransactionSettings } from 'kysely'
import { HeldRead } from '../held-read.ts'
import type { Level } from '../level.ts'
import type { PgResult } from '../postgres/port.ts'
import type { PrimaryLease } from '../primary-lease.ts'
import type { ReadOptions, ReadYourWrites } from '../router-api.ts'
import type { Session } from '../session.ts'
import { beginText } from './begin-text.ts'
import { chunksOf, fetchRows, openCursor } from './cursor.ts'
import type { QueryKinds } from './query-kinds.ts'
import { routeOf, type RouteOptions } from './route.ts'

/** The part of Kysely's options that is used here. */
interface Abortable {
  readonly signal?: AbortSignal | undefined
}

/**
 * - `free`: no transaction.
 * - `begun`: one that has had no query, so that no server is chosen and nothing was sent.
 * - `reading`: one that only reads, on whichever server.
 * - `writing`: one on the primary, on the lease.
 */
type Transaction =
  | { readonly type: 'free' }
  | { readonly type: 'begun'; readonly settings: TransactionSettings; readonly session: Session | undefined }
  | { readonly type: 'reading'; readonly held: HeldRead }
  | { readonly type: 'writing'; readonly session: Session | undefined }

const FREE: Transaction = { type: 'free' }
/** Kysely knows by it that there is nothing left to roll back. */
const ABORTED = Symbol.for('kysely.AbortedTransactionError')

/**
 * What Kysely takes for one connection: a read goes wherever it may; the first query that may write takes a
 * connection to the primary, kept until the release.
 *
 * free ─ begin ─▶ begun ─ first query ─▶ reading | writing ─ commit | rollback ─▶ free
 */
export class RoutedConnection implements DatabaseConnection {
  readonly #db: ReadYourWrites
  readonly #level: Level | undefined
  readonly #kinds: QueryKinds
  #transaction: Transaction = FREE
  #lease: PrimaryLease | undefined

  constructor(db: ReadYourWrites, level: Level | undefined, kinds: QueryKinds) {
    this.#db = db
    this.#level = level
    this.#kinds = kinds
  }

  async executeQuery<Row>(query: CompiledQuery, { signal }: Abortable = {}): Promise<QueryResult<Row>> {
    const route = routeOf(query.queryId)
    try {
      return resultOf<Row>(
        this.#transaction.type === 'free'
          ? await this.#alone(query, route, signal)
          : await this.#inTransaction(query.sql, query.parameters, route, signal),
      )
    } catch (error) {
      if (isAbort(error, signal)) return { rows: [] }
      throw error
    }
  }

  async *streamQuery<Row>(
    query: CompiledQuery,
    chunkSize: number,
    { signal }: Abortable = {},
  ): AsyncIterableIterator<QueryResult<Row>> {
    if (!Number.isSafeInteger(chunkSize) || chunkSize < 1) {
      throw new RangeError(`Cannot stream: the chunk size must be a whole number from 1, got ${chunkSize}`)
    }
    const chunks = !this.#kinds.onlyReads(query)
      ? this.#wholeInChunks<Row>(query, chunkSize, signal)
      : this.#transaction.type === 'free' && this.#lease === undefined
        ? this.#streamAlone<Row>(query, chunkSize, signal)
        : this.#streamHere<Row>(query, chunkSize, signal)
    try {
      for await (const rows of chunks) yield { rows }
    } catch (error) {
      if (!isAbort(error, signal)) throw error
    }
  }

  begin(settings: TransactionSettings): void {
    this.#transaction = { type: 'begun', settings, session: this.#db.current() }
  }

  async commit(): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = FREE
    try {
      if (transaction.type === 'reading') await transaction.held.commit()
      if (transaction.type === 'writing') await this.#lease?.commit({ session: transaction.session })
    } catch (error) {
      if (isAbortedTransaction(error)) Object.defineProperty(error, ABORTED, { value: true })
      throw error
    }
  }

  /** Nothing to do after a COMMIT, whatever came of it. */
  async rollback(): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = FREE
    if (transaction.type === 'reading') await transaction.held.rollback()
    if (transaction.type === 'writing') await this.#lease?.rollback()
  }

  /** A statement of a transaction that is no query, for example a savepoint. */
  async statement(text: string): Promise<void> {
    await this.#inTransaction(text, [], {}, undefined)
  }

  async release(): Promise<void> {
    await this.rollback()
    const lease = this.#lease
    this.#lease = undefined
    lease?.release()
  }

  async #alone(
    query: CompiledQuery,
    route: RouteOptions,
    signal: AbortSignal | undefined,
  ): Promise<PgResult> {
    const { sql, parameters } = query
    const reads = this.#kinds.onlyReads(query)
    if (reads && this.#lease === undefined) {
      return this.#db.read((queryable) => queryable.query(sql, parameters), this.#readOptions(route, signal))
    }
    const session = route.session ?? this.#db.current()
    const lease = await this.#leased(signal)
    return lease.execute(sql, parameters, { session, reads })
  }

  async #inTransaction(
    sql: string,
    values: readonly unknown[],
    route: RouteOptions,
    signal: AbortSignal | undefined,
  ): Promise<PgResult> {
    const transaction = await this.#started(route, signal)
    if (transaction.type === 'reading') return transaction.held.query(sql, values)
    return (await this.#leased(signal)).query(sql, values)
  }

  /** Begins at the first query: only that tells the level and the session. */
  async #started(route: RouteOptions, signal: AbortSignal | undefined): Promise<Transaction> {
    const transaction = this.#transaction
    if (transaction.type !== 'begun') return transaction
    const { settings } = transaction
    const session = route.session ?? transaction.session
    const begin = beginText(settings)
    if (settings.accessMode === 'read only' && this.#lease === undefined) {
      // A replica has no serializable transactions.
      const level = settings.isolationLevel === 'serializable' ? 'strong' : route.level
      // The signal is that of one query, not of the transaction.
      const options = this.#readOptions({ level, session }, undefined)
      const { held } = await HeldRead.open(this.#db, options, begin, () => Promise.resolve())
      this.#transaction = { type: 'reading', held }
    } else {
      await (await this.#leased(signal)).begin(begin)
      this.#transaction = { type: 'writing', session }
    }
    return this.#transaction
  }

  /** In a transaction of its own, on a server that may be a replica. */
  async *#streamAlone<Row>(
    { sql, parameters, queryId }: CompiledQuery,
    chunkSize: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Row[], void, undefined> {
    // The first chunk belongs to what may be tried elsewhere: nobody has seen it yet.
    const { held, prepared } = await HeldRead.open(
      this.#db,
      this.#readOptions(routeOf(queryId), signal),
      'BEGIN',
      async (queryable) => {
        const query: Query = (text, values) => queryable.query(text, values)
        const name = await openCursor(query, sql, parameters)
        return { name, first: await fetchRows<Row>(query, name, chunkSize) }
      },
    )
    let failed = true
    try {
      const { name, first } = prepared
      yield* chunksOf<Row>((text, values) => held.query(text, values), name, chunkSize, first)
      failed = false
    } finally {
      if (failed) await held.rollback()
    }
    await held.commit()
  }

  /** In the transaction that runs, or in one on the connection that is held. */
  async *#streamHere<Row>(
    { sql, parameters, queryId }: CompiledQuery,
    chunkSize: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Row[], void, undefined> {
    const isOwn = this.#transaction.type === 'free'
    if (isOwn) this.begin({})
    const route = routeOf(queryId)
    const query: Query = async <R>(text: string, values: readonly unknown[] = []) =>
      (await this.#inTransaction(text, values, route, signal)) as PgResult<R>
    let done = false
    try {
      const name = await openCursor(query, sql, parameters)
      yield* chunksOf<Row>(query, name, chunkSize)
      await query(`CLOSE ${name}`)
      done = true
    } finally {
      if (isOwn && !done) await this.rollback()
    }
    if (isOwn) await this.commit()
  }

  /** A cursor cannot write. */
  async *#wholeInChunks<Row>(
    query: CompiledQuery,
    chunkSize: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Row[], void, undefined> {
    const { rows } = await this.executeQuery<Row>(query, { signal })
    for (let at = 0; at < rows.length; at += chunkSize) yield rows.slice(at, at + chunkSize)
  }

  async #leased(signal: AbortSignal | undefined): Promise<PrimaryLease> {
    this.#lease ??= await this.#db.lease({ signal })
    return this.#lease
  }

  #readOptions({ level, session }: RouteOptions, signal: AbortSignal | undefined): ReadOptions {
    return { level: level ?? this.#level, session, signal }
  }
}

/** By its code: the router may come from another copy of the package, whose classes are others. */
const isAbortedTransaction = (error: unknown): error is QuorateError =>
  isQuorateError(error) && error.code === 'QUORATE_RYW_TRANSACTION_ABORTED'

/** Kysely has told its caller already, and would print what comes later as a failure in the background. */
const isAbort = (error: unknown, signal: AbortSignal | undefined): boolean =>
  signal?.aborted === true && error === signal.reason

type Query = <R = Record<string, unknown>>(text: string, values?: readonly unknown[]) => Promise<PgResult<R>>

const COUNTED = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** As Kysely's own dialect of Postgres has it: no `insertId`, which is what RETURNING is for. */
function resultOf<Row>({ command, rowCount, rows }: PgResult): QueryResult<Row> {
  const found = (rows ?? []) as Row[]
  return COUNTED.has(command) && rowCount !== null
    ? { numAffectedRows: BigInt(rowCount), rows: found }
    : { rows: found }
}
