import { invariant } from '@quorate/core'
import { serverFailure, type ServerFailure } from './postgres/failures.ts'
import type { PgPoolClient, PgResult, Queryable } from './postgres/port.ts'

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

/** A connection lent to a callback. */
export class LentQueryable implements Queryable {
  readonly #client: PgPoolClient
  #ended = false
  /** Did any statement do more than read? Functions that write cannot be seen from here. */
  wrote = false
  /**
   * What went wrong with the server, if anything did. Noted here, since what the callback throws may be
   * the error of something else that it calls, or one that a query builder has wrapped.
   */
  failure: ServerFailure = 'other'

  constructor(client: PgPoolClient) {
    this.#client = client
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
    const result = await this.#ask<Row>(text, values)
    invariant(result !== undefined, 'the driver answers a query with a result')
    const results = Array.isArray(result) ? (result as PgResult[]) : [result]
    if (results.some(({ command }) => !READS.has(command))) this.wrote = true
    return result
  }

  end(): void {
    this.#ended = true
  }

  async #ask<Row>(text: string, values: readonly unknown[]): Promise<PgResult<Row>> {
    try {
      return (await this.#client.query(text, [...values])) as PgResult<Row>
    } catch (error) {
      const failure = serverFailure(error)
      if (failure !== 'other') this.failure = failure
      throw error
    }
  }
}
