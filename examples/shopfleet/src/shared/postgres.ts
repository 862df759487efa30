import pg from 'pg'
import type { Logger } from './logging.ts'
import { isAway } from './problem.ts'
import type { Role } from './role.ts'

export type { Pool, PoolClient } from 'pg'

/** The part of a pool or a client that a query needs. */
export type Queryable = Pick<pg.Pool, 'query'>

/** Where a database is: a URL, or a role, whoever plays it. */
export type Address = string | Role

/** A pool for one database; 64-bit integers come back as numbers, since no money or stock here nears 2^53. */
export function openPool(
  address: Address,
  { name, max, log }: { name: string; max: number; log: Logger },
): pg.Pool {
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const pool = new pg.Pool({
    ...(typeof address === 'string' ? { connectionString: address } : { Client: address.Client }),
    application_name: name,
    max,
    connectionTimeoutMillis: 2_000,
    query_timeout: 10_000,
    statement_timeout: 9_000,
    idleTimeoutMillis: 60_000,
    types,
  })
  // One that breaks while it is lent out tells its borrower through the query, if there is one, and besides by this event.
  pool.on('connect', (client) => {
    client.on('error', () => {})
  })
  // An idle connection that breaks is replaced by the next query; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'idle database connection lost'))
  return pool
}

/** What {@link inTransaction} returns though it has committed nothing. */
class Undone<T> {
  readonly value: T
  constructor(value: T) {
    this.value = value
  }
}

/** For work that ends with a refusal, which is no error: its transaction is rolled back, and this returned. */
export function undone<T>(value: T): Undone<T> {
  return new Undone(value)
}

/** Runs `work` in one transaction; a connection whose state is unknown is thrown away, not reused. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (tx: pg.PoolClient) => Promise<T | Undone<T>>,
  begin = 'begin',
): Promise<T> {
  const tx = await pool.connect()
  let broken: Error | boolean = false
  try {
    await tx.query(begin)
    const result = await work(tx)
    if (result instanceof Undone) {
      await tx.query('rollback')
      return result.value
    }
    // After a statement that failed, and whose error `work` has swallowed, the server answers COMMIT with a rollback.
    const { command } = await tx.query('commit')
    if (command !== 'COMMIT') throw new Error('Cannot commit: a statement of this transaction has failed')
    return result
  } catch (error) {
    // A connection that has not answered would not answer this either.
    if (isAway(error)) broken = true
    else
      await tx.query('rollback').catch((cause: unknown) => {
        broken = cause instanceof Error ? cause : true
      })
    throw error
  } finally {
    tx.release(broken)
  }
}

/** Applies the migrations that this database has not had yet, in order, in one transaction, one process at a time. */
export async function migrate(pool: pg.Pool, migrations: readonly string[]): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtext('shopfleet.migrations'));
      create table if not exists migrations (id int primary key, applied_at timestamptz not null default now())`)
    const { rows } = await tx.query<{ done: number }>('select coalesce(max(id), 0) as done from migrations')
    const done = rows[0]?.done ?? 0
    const todo = migrations.slice(done)
    if (todo.length === 0) return
    await tx.query(
      todo
        .map((sql, index) => `${sql};\ninsert into migrations (id) values (${done + index + 1})`)
        .join(';\n'),
    )
  })
}
