import {
  type Backend,
  BackendError,
  type Change,
  type Committed,
  type Position,
  type Stored,
} from '../store/backend.ts'
import { isUnknown, type PgQueryable } from './queryable.ts'

/** A row of the table. */
interface Row {
  readonly tag: string
  readonly state: Uint8Array | null
}

/** Of the clock, not of the transaction, which may have begun long ago. */
const EXPIRES = "clock_timestamp() + $5::float8 * interval '1 ms'"
const ALIVE = '(expires_at IS NULL OR expires_at > clock_timestamp())'

type Answer = Awaited<ReturnType<PgQueryable['query']>>

/** Documents in Postgres, one row each; every method is one statement. */
export class PostgresBackend implements Backend {
  readonly canAppend = false
  readonly #db: PgQueryable
  readonly #table: string
  readonly #collection: string
  /**
   * Only inside a transaction of the caller: rows are locked as they are read, and a document that is not there is put
   * there first, so that it too can be locked.
   */
  readonly #empty: Pick<Change, 'bytes' | 'ttlMs'> | undefined

  constructor(db: PgQueryable, table: string, collection: string, empty?: Pick<Change, 'bytes' | 'ttlMs'>) {
    this.#db = db
    this.#table = table
    this.#collection = collection
    this.#empty = empty
  }

  async read(key: string, have: Position | undefined): Promise<Stored | undefined> {
    if (this.#empty !== undefined) await this.#insert(key, { tag: 'empty', ...this.#empty })
    const { rows } = await this.#query(
      `SELECT tag, CASE WHEN tag = $3 THEN NULL ELSE state END AS state FROM ${this.#table}
WHERE collection = $1 AND key = $2 AND ${ALIVE} ${this.#empty === undefined ? '' : 'FOR UPDATE'}`,
      [this.#collection, key, have ?? ''],
    )
    return rows[0] === undefined ? undefined : storedOf(rows[0])
  }

  async commit(key: string, { base, tag, bytes, ttlMs }: Change): Promise<Committed> {
    const { rowCount } =
      base === undefined
        ? await this.#insert(key, { tag, bytes, ttlMs })
        : await this.#query(
            `UPDATE ${this.#table} SET tag = $3, state = $4, expires_at = ${EXPIRES}, updated_at = clock_timestamp()
WHERE collection = $1 AND key = $2 AND tag = $6 AND ${ALIVE}`,
            [this.#collection, key, tag, bytes, ttlMs ?? null, base],
          )
    if (rowCount === 1) {
      return { isWritten: true, stored: { position: tag, isWhole: false, isLong: false, parts: [] } }
    }
    return { isWritten: false, stored: await this.#afterConflict(key) }
  }

  async remove(key: string): Promise<boolean> {
    const { rows } = await this.#query(
      `DELETE FROM ${this.#table} WHERE collection = $1 AND key = $2 RETURNING ${ALIVE} AS alive`,
      [this.#collection, key],
    )
    return (rows[0] as { alive: boolean } | undefined)?.alive === true
  }

  /** Deletes documents that have expired. @returns how many. */
  async purge(limit: number): Promise<number> {
    const { rowCount } = await this.#query(
      `DELETE FROM ${this.#table} WHERE (collection, key) IN
(SELECT collection, key FROM ${this.#table} WHERE collection = $1 AND expires_at <= clock_timestamp()
LIMIT $2 FOR UPDATE SKIP LOCKED)`,
      [this.#collection, limit],
    )
    return rowCount ?? 0
  }

  /** An expired row is no document. */
  #insert(key: string, { tag, bytes, ttlMs }: Pick<Change, 'tag' | 'bytes' | 'ttlMs'>): Promise<Answer> {
    return this.#query(
      `INSERT INTO ${this.#table} AS d (collection, key, tag, state, expires_at, updated_at)
VALUES ($1, $2, $3, $4, ${EXPIRES}, clock_timestamp())
ON CONFLICT (collection, key) DO UPDATE
SET tag = EXCLUDED.tag, state = EXCLUDED.state, expires_at = EXCLUDED.expires_at, updated_at = EXCLUDED.updated_at
WHERE d.expires_at <= clock_timestamp()`,
      [this.#collection, key, tag, bytes, ttlMs ?? null],
    )
  }

  /** Nothing was written: when the second statement fails, that is still so. */
  async #afterConflict(key: string): Promise<Stored | undefined> {
    try {
      return await this.read(key, undefined)
    } catch (error) {
      throw new BackendError('not-applied', error instanceof BackendError ? error.cause : error)
    }
  }

  async #query(text: string, values: unknown[]): Promise<Answer> {
    try {
      return await this.#db.query(text, values)
    } catch (error) {
      // What the server refuses has not happened; in a transaction nothing has, before its COMMIT.
      if (this.#empty !== undefined || !isUnknown(error)) throw new BackendError('not-applied', error)
      throw error
    }
  }
}

function storedOf(row: unknown): Stored {
  const { tag, state } = row as Row
  return { position: tag, isWhole: state !== null, isLong: false, parts: state === null ? [] : [state] }
}
