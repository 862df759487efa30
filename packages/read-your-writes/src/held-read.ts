import { acceptErrors } from './accepted-errors.ts'
import { ReadInterruptedError, TransactionAbortedError } from './errors.ts'
import type { PgResult, Queryable } from './postgres/port.ts'
import type { ReadOptions, ReadYourWrites } from './router-api.ts'

/**
 * A transaction that only reads, begun in one call and ended in another, where `read()` takes a callback:
 * for integrations.
 *
 * `read()` may move to another server while the transaction begins. Later it may not: what was read here
 * cannot be read again there.
 */
export class HeldRead {
  readonly #queryable: Queryable
  readonly #end: (how: 'commit' | 'rollback') => void
  /** Settles when the connection is given back. */
  readonly #done: Promise<'ended' | 'aborted'>

  private constructor(
    queryable: Queryable,
    end: (how: 'commit' | 'rollback') => void,
    done: Promise<'ended' | 'aborted'>,
  ) {
    this.#queryable = queryable
    this.#end = end
    this.#done = done
  }

  /**
   * @param begin the whole statement.
   * @param prepare what may be tried again elsewhere, inside the transaction.
   * @throws what `db.read()` throws.
   */
  static async open<T>(
    db: ReadYourWrites,
    options: ReadOptions,
    begin: string,
    prepare: (queryable: Queryable) => Promise<T>,
  ): Promise<{ readonly held: HeldRead; readonly prepared: T }> {
    const opened = Promise.withResolvers<{ readonly queryable: Queryable; readonly prepared: T }>()
    const ended = Promise.withResolvers<'commit' | 'rollback'>()
    let isOpen = false
    let outcome: 'aborted' | 'ended' | undefined
    const done = db.read(async (queryable) => {
      if (outcome !== undefined) return outcome // run again for an error that its user has been told of
      if (isOpen) throw new ReadInterruptedError()
      await queryable.query(begin)
      try {
        const prepared = await prepare(queryable)
        isOpen = true
        opened.resolve({ queryable, prepared })
      } catch (error) {
        await queryable.query('ROLLBACK')
        throw error
      }
      const how = await ended.promise
      const { command } = await queryable.query(how === 'rollback' ? 'ROLLBACK' : 'COMMIT')
      // The server ends a failed transaction with ROLLBACK, whatever it was asked for. That is no error of
      // this read: it would be run again elsewhere.
      outcome = how === 'commit' && command === 'ROLLBACK' ? 'aborted' : 'ended'
      acceptErrors(queryable)
      return outcome
    }, options)
    done.catch(opened.reject)
    const { queryable, prepared } = await opened.promise
    return { held: new HeldRead(queryable, ended.resolve, done), prepared }
  }

  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>> {
    return this.#queryable.query(text, values)
  }

  /**
   * @throws TransactionAbortedError if the error of a statement was swallowed.
   * @throws ReadInterruptedError if the server was lost.
   */
  async commit(): Promise<void> {
    this.#end('commit')
    if ((await this.#done) === 'aborted') throw new TransactionAbortedError()
  }

  /** Never fails: a connection that takes no ROLLBACK is closed. */
  async rollback(): Promise<void> {
    this.#end('rollback')
    await this.#done.catch(() => {})
  }
}
