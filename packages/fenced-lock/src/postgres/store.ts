import { checkOptions, hasMethods, shown } from '../check-options.ts'
import type { Granted, Holding, LockRequest, LockStore, Taken } from '../store.ts'
import { migration, quoteIdentifier, runQuery, type PgQueryable } from './queryable.ts'

/** Options of {@link postgresLockStore}. */
export interface PostgresLockStoreOptions {
  /** Schema of the table `lock`. Default `quorate`. */
  readonly schema?: string | undefined
}

/** A store in Postgres. */
export interface PostgresLockStore extends LockStore {
  /** Creates the schema and the table if they are missing. Safe to call from many processes at once. */
  migrate(): Promise<void>
}

/**
 * A store in Postgres: one row per key that was ever locked, so that tokens survive anything the
 * database survives. No session state, so PgBouncer in any mode will do. Those who wait ask again with
 * jitter (no order among them).
 *
 * @param pool a `pg.Pool`; it stays the caller's.
 * @throws TypeError for anything else, or an unknown option.
 *
 * @example
 * ```ts
 * const store = postgresLockStore(pool)
 * await store.migrate()
 * const locks = createLocks({ store })
 * ```
 */
export function postgresLockStore(
  pool: PgQueryable,
  options: PostgresLockStoreOptions = {},
): PostgresLockStore {
  if (!hasMethods(pool, ['query'])) {
    throw new TypeError(
      `Cannot make a lock store: pass a pg.Pool, as in postgresLockStore(new pg.Pool({ connectionString })), got ${shown(pool)}`,
    )
  }
  checkOptions('make a lock store', options, ['schema'])
  return new PostgresStore(pool, quoteIdentifier(options.schema ?? 'quorate'))
}

class PostgresStore implements PostgresLockStore {
  readonly #pool: PgQueryable
  readonly #schema: string
  readonly #table: string

  constructor(pool: PgQueryable, schema: string) {
    this.#pool = pool
    this.#schema = schema
    this.#table = `${schema}."lock"`
  }

  async migrate(): Promise<void> {
    const create = `CREATE TABLE IF NOT EXISTS ${this.#table} (
  key text PRIMARY KEY,
  token bigint NOT NULL,
  holder text,
  expires_at timestamptz NOT NULL
)`
    await runQuery(this.#pool, migration(this.#schema, create), [])
  }

  /** One statement takes the lock and mints the token: above the last one, and at least the time in µs. */
  async tryAcquire({ key, holder, ttlMs }: LockRequest): Promise<Omit<Granted, 'sinceMs'> | Taken> {
    const [row] = await runQuery<{ token: string | number }>(
      this.#pool,
      `INSERT INTO ${this.#table} AS l (key, token, holder, expires_at)
VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, $2, clock_timestamp() + $3 * interval '1 ms')
ON CONFLICT (key) DO UPDATE SET token = greatest(l.token + 1, EXCLUDED.token),
  holder = EXCLUDED.holder, expires_at = clock_timestamp() + $3 * interval '1 ms'
WHERE l.holder IS NULL OR l.expires_at <= clock_timestamp()
RETURNING l.token`,
      [key, holder, ttlMs],
    )
    return row === undefined ? { granted: false } : { granted: true, token: Number(row.token) }
  }

  async extend({ key, holder }: Holding, ttlMs: number): Promise<boolean> {
    const rows = await runQuery(
      this.#pool,
      `UPDATE ${this.#table} SET expires_at = clock_timestamp() + $3 * interval '1 ms'
WHERE key = $1 AND holder = $2 AND expires_at > clock_timestamp() RETURNING 1`,
      [key, holder, ttlMs],
    )
    return rows.length > 0
  }

  async release({ key, holder }: Holding): Promise<boolean> {
    const rows = await runQuery<{ held: boolean }>(
      this.#pool,
      `UPDATE ${this.#table} SET holder = NULL WHERE key = $1 AND holder = $2
RETURNING expires_at > clock_timestamp() AS held`,
      [key, holder],
    )
    return rows[0]?.held ?? false
  }
}
