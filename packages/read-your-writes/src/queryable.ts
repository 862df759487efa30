import { invariant } from '@quorate/core'
import { checkStatement } from './check-call.ts'
import { shown } from './check-options.ts'
import { isQueryTimeout, serverFailure, type ServerFailure } from './postgres/failures.ts'
import type { PgPoolClient, PgResult, PgStatement, Queryable } from './postgres/port.ts'
import { endsTransaction, mayWrite } from './sql-kind.ts'

/** What may have written, by what the server says it did. */
const READS = new Set([
  'SELECT',
  'SHOW',
  'EXPLAIN',
  'FETCH',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SET',
  'DECLARE',
  'CLOSE CURSOR',
])

/** What the server answers to a statement in which a CTE or a function may have written. */
const MAY_HIDE_WRITES = new Set(['SELECT', 'EXPLAIN'])

/** What a connection is lent for. */
export interface LentOptions {
  /** The server is a primary: statements are looked through for writes that the answer does not tell. */
  readonly canWrite?: boolean | undefined
  /** It is in a transaction that is not the callback's to end. */
  readonly isTransaction?: boolean | undefined
}

/** A connection lent to a callback. */
export class LentQueryable implements Queryable {
  readonly #client: PgPoolClient
  readonly #canWrite: boolean
  readonly #isTransaction: boolean
  #ended = false
  /** Did any statement do more than read, as far as its text and its answer tell? */
  wrote = false
  /**
   * What went wrong with the server, if anything did. Noted here, since what the callback throws may be
   * the error of something else that it calls, or one that a query builder has wrapped.
   */
  failure: ServerFailure = 'other'
  /** Has the server left out what another one would not have? */
  isIncomplete = false

  constructor(client: PgPoolClient, { canWrite = false, isTransaction = false }: LentOptions = {}) {
    this.#client = client
    this.#canWrite = canWrite
    this.#isTransaction = isTransaction
  }

  async query<Row = Record<string, unknown>>(
    statement: string | PgStatement,
    values?: readonly unknown[],
  ): Promise<PgResult<Row>> {
    if (this.#ended) {
      throw new TypeError(
        'Cannot query: the callback has ended and its connection is gone; await queries inside it',
      )
    }
    const text = textOf(statement)
    const given = values ?? valuesOf(statement) ?? []
    checkStatement('query', text, given)
    if (this.#isTransaction && endsTransaction(text)) {
      throw new TypeError(
        `Cannot query: the transaction is begun and ended around the callback, got ${shown(text.trim().slice(0, 20))}; ` +
          'use a savepoint for a part of it, and throw to roll back',
      )
    }
    const asked = typeof statement === 'string' ? text : { ...statement, text }
    let result: PgResult<Row> | undefined
    try {
      // Whoever lends the connection has a driver that takes what its query builder passes.
      result = (await this.#client.query(asked as string, [...given])) as PgResult<Row> | undefined
    } catch (error) {
      this.#failed(error)
      throw error
    }
    invariant(result !== undefined, 'the driver answers a query with a result')
    if (Array.isArray(result)) for (const one of result as readonly PgResult[]) this.#answered(one, text)
    else this.#answered(result, text)
    return result
  }

  end(): void {
    this.#ended = true
  }

  /** Waits for a statement, also one of the router's own, and notes what goes wrong with the server. */
  async watch<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked
    } catch (error) {
      this.#failed(error)
      throw error
    }
  }

  #answered({ command }: Pick<PgResult, 'command'>, text: string): void {
    if (this.wrote) return
    this.wrote = READS.has(command) ? this.#canWrite && MAY_HIDE_WRITES.has(command) && mayWrite(text) : true
  }

  #failed(error: unknown): void {
    const failure = serverFailure(error)
    if (failure === 'other') return
    this.failure = failure
    // A time limit of the caller's own is no word of the server, though the connection is good for nothing after it.
    this.isIncomplete ||= !isQueryTimeout(error)
  }
}

/** Also of what query builders pass. A cursor or a stream is no statement, though it has a text as well. */
function textOf(statement: string | PgStatement): string {
  if (typeof statement !== 'object' || statement === null) return statement
  if (!('submit' in statement)) return statement.text
  throw new TypeError(
    'Cannot query: a cursor or a stream would outlive the callback, and nobody would hear of its errors; DECLARE a ' +
      "cursor in a read with transaction: 'read committed', or stream with /kysely",
  )
}

const valuesOf = (statement: string | PgStatement): readonly unknown[] | undefined =>
  (statement as Partial<PgStatement> | null)?.values
