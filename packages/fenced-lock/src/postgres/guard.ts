import { StaleTokenError } from '../errors.ts'
import type { Fence } from '../types.ts'
import {
  assertInTransaction,
  migration,
  quoteIdentifier,
  runQuery,
  type KyselyQueryable,
  type PgQueryable,
} from './queryable.ts'

/** Options of {@link postgresGuard}. */
export interface PostgresGuardOptions {
  /** Schema of the table `lock_guard`. Default `quorate`. */
  readonly schema?: string | undefined
}

/** Makes a database refuse writes of those who lost their lock. */
export interface PostgresGuard {
  /** Creates the schema and the table if they are missing. Safe to call from many processes at once. */
  migrate(db: PgQueryable): Promise<void>

  /**
   * Lets the transaction go on only if no later holder of the lock was seen, and keeps later holders
   * waiting until it ends: call it in the same transaction as the writes, before them.
   *
   * @param tx a client inside a transaction, or Kysely's `Transaction`.
   * @param lock the lock, or its key and token from wherever they came.
   * @throws StaleTokenError if a later token was seen. Nothing was written; roll back.
   * @throws LockLostError if `lock` is a `Lock` past its deadline; nothing was sent.
   * @throws TypeError outside a transaction.
   */
  check(tx: PgQueryable | KyselyQueryable, lock: Fence): Promise<void>

  /**
   * `check()`, then `write`.
   *
   * @returns what `write` returns.
   */
  run<T>(tx: PgQueryable | KyselyQueryable, lock: Fence, write: () => Promise<T> | T): Promise<T>

  /**
   * Shuts out all earlier holders at once, and not only with the first write: call it after
   * `acquire()`. Waits for an earlier holder's transaction that is under way.
   *
   * @param db a pool or client, outside a transaction.
   * @throws StaleTokenError if a later token was seen.
   */
  advance(db: PgQueryable | KyselyQueryable, lock: Fence): Promise<void>
}

/**
 * A guard that keeps the highest token seen for each key in a table of the database it protects.
 * Where the lock itself lives does not matter: a Redis lock with a Postgres guard is the usual pair.
 *
 * @example
 * ```ts
 * await guard.run(tx, lock, () => tx.query('UPDATE payout SET paid = true WHERE id = $1', [id]))
 * ```
 */
export function postgresGuard(options: PostgresGuardOptions = {}): PostgresGuard {
  return new Guard(quoteIdentifier(options.schema ?? 'quorate'))
}

class Guard implements PostgresGuard {
  readonly #schema: string
  readonly #table: string

  constructor(schema: string) {
    this.#schema = schema
    this.#table = `${schema}."lock_guard"`
  }

  async migrate(db: PgQueryable): Promise<void> {
    const create = `CREATE TABLE IF NOT EXISTS ${this.#table} (key text PRIMARY KEY, token bigint NOT NULL)`
    await runQuery(db, migration(this.#schema, create), [])
  }

  async check(tx: PgQueryable | KyselyQueryable, lock: Fence): Promise<void> {
    assertInTransaction('check a token', tx)
    await this.#raise(tx, lock)
  }

  async run<T>(tx: PgQueryable | KyselyQueryable, lock: Fence, write: () => Promise<T> | T): Promise<T> {
    await this.check(tx, lock)
    return write()
  }

  async advance(db: PgQueryable | KyselyQueryable, lock: Fence): Promise<void> {
    await this.#raise(db, lock)
  }

  /**
   * The row is locked until the transaction ends, so "no later token" stays true while it writes, and
   * a later holder's first check waits for it.
   */
  async #raise(db: PgQueryable | KyselyQueryable, lock: Fence): Promise<void> {
    const { key, token } = lock // a Lock past its deadline throws here
    const passed = await runQuery(
      db,
      `INSERT INTO ${this.#table} AS g (key, token) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET token = EXCLUDED.token WHERE g.token <= EXCLUDED.token
RETURNING 1`,
      [key, token],
    )
    if (passed.length > 0) return
    const [row] = await runQuery<{ token: string | number }>(
      db,
      `SELECT token FROM ${this.#table} WHERE key = $1`,
      [key],
    )
    throw new StaleTokenError({
      resource: key,
      token,
      highest: row === undefined ? undefined : Number(row.token),
    })
  }
}
