import { invariant } from '@quorate/core'
import { checkStatement } from './check-call.ts'
import { serverFailure, type ServerFailure } from './postgres/failures.ts'
import type { PgPoolClient, PgResult, Queryable } from './postgres/port.ts'
import { mayWrite } from './sql-kind.ts'

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

/** A connection lent to a callback. */
export class LentQueryable implements Queryable {
  readonly #client: PgPoolClient
  readonly #canWrite: boolean
  #ended = false
  /** Did any statement do more than read, as far as its text and its answer tell? */
  wrote = false
  /**
   * What went wrong with the server, if anything did. Noted here, since what the callback throws may be
   * the error of something else that it calls, or one that a query builder has wrapped.
   */
  failure: ServerFailure = 'other'

  /** @param canWrite the server is a primary: statements are looked through for writes that the answer does not tell. */
  constructor(client: PgPoolClient, canWrite = false) {
    this.#client = client
    this.#canWrite = canWrite
  }

  async query<Row = Record<string, unknown>>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<PgResult<Row>> {
    if (this.#ended) {
      throw new TypeError(
        'Cannot query: the callback has ended and its connection is gone; await queries inside it',
      )
    }
    checkStatement(text, values)
    let result: PgResult<Row> | undefined
    try {
      result = (await this.#client.query(text, [...values])) as PgResult<Row> | undefined
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
    if (failure !== 'other') this.failure = failure
  }
}
