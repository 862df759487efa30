import { checkNames } from '@quorate/core'
import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type Dialect } from 'kysely'
import { shown } from '../check-options.ts'
import { validateLevel, type Level } from '../level.ts'
import type { ReadYourWrites } from '../router-api.ts'
import { RoutedDriver } from './driver.ts'

/** Options of {@link readYourWritesDialect}. */
export interface ReadYourWritesDialectOptions {
  readonly db: ReadYourWrites
  /** Of reads that name none by {@link routed}. Default: the router's. */
  readonly level?: Level | undefined
  /**
   * Functions of your own that write: names in lower case, without schema. A query that calls one goes to the
   * primary at once; of others a replica finds out, and the query is run again on the primary.
   */
  readonly writingFunctions?: readonly string[] | undefined
}

/**
 * A Kysely dialect over a primary and its replicas: what only reads goes where the session can see its
 * writes, everything else to the primary, and the session's token moves.
 *
 * - A query that only reads, by `mayWrite()`: like `db.read()`. If a replica finds that it writes, it runs
 *   again on the primary.
 * - Any other query: on the primary, where it commits itself; the position is asked for right after it.
 * - A transaction: on the primary, from its first query on; the position comes in the message of COMMIT. One
 *   with `setAccessMode('read only')` runs like a read, on one server; a serializable one on the primary.
 * - `connection()`: reads go where they would go alone, until its first other query, which takes a connection
 *   of the primary for itself and all that follows.
 * - `stream()`: a cursor of the server, inside a transaction. What writes is run whole, and then given in chunks.
 *
 * The router stays yours: `kysely.destroy()` does not stop it.
 *
 * @throws TypeError for a missing router, an unknown option or level.
 *
 * @example
 * ```ts
 * const kysely = new Kysely<Database>({ dialect: readYourWritesDialect({ db }) })
 * await db.run(session, async () => {
 *   await kysely.updateTable('profile').set({ name: 'Ann' }).where('id', '=', id).execute()
 *   await kysely.selectFrom('profile').selectAll().where('id', '=', id).execute() // sees it, on a replica if one can
 * })
 * ```
 */
export function readYourWritesDialect(options: ReadYourWritesDialectOptions): Dialect {
  checkNames('make a dialect', options, ['db', 'level', 'writingFunctions'])
  const { db, level, writingFunctions = [] } = options
  if (typeof (db as Partial<ReadYourWrites> | undefined)?.lease !== 'function') {
    throw new TypeError(
      `Cannot make a dialect: db must be a router, got ${shown(db)}; pass what readYourWrites() gave`,
    )
  }
  if (level !== undefined) validateLevel(level)
  const functions = new Set(writingFunctions)
  return {
    createDriver: () => new RoutedDriver({ db, level, functions }),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
  }
}
