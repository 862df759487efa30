import {
  CompiledQuery,
  type Insertable,
  type Kysely,
  type Selectable,
  type SelectType,
  type Transaction,
  type Updateable,
  type UpdateType,
} from 'kysely'
import { checkRepositoryOptions, refuse, show } from '../options.ts'
import { createRepository } from '../repository.ts'
import type { SqlSession } from '../session.ts'
import type { OptimisticRepository, RepositoryOptions, RepositoryTypes, Version } from '../types.ts'
import { type ByTime, type ByValues, type ByXmin, type VersionChoice, versionOf } from '../versions.ts'
import { shapeOf } from './shape.ts'

/** Names of columns that can be a version: their values are numbers, bigints or strings. */
export type VersionColumn<Table> = {
  [C in keyof Table & string]: SelectType<Table[C]> extends Version ? C : never
}[keyof Table & string]

/** Names of columns that can be adjusted: they take a number or a bigint. */
export type CounterColumn<Table> = {
  [C in keyof Table & string]: Extract<UpdateType<Table[C]>, number | bigint> extends never ? never : C
}[keyof Table & string]

/** New values by column. A row spread into them would bring its key and its version: `undefined` there makes that an error. */
export type ChangesOf<Table, Fixed extends keyof Table> = {
  readonly [C in keyof Updateable<Table> | Fixed]?: C extends Fixed
    ? undefined
    : C extends keyof Updateable<Table>
      ? Updateable<Table>[C]
      : never
}

/** Types of a repository over Kysely, from the schema's table `DB[TB]`. */
export interface KyselyTypes<
  DB,
  TB extends keyof DB & string,
  K extends keyof DB[TB] & string,
  V extends keyof DB[TB] & string,
> extends RepositoryTypes {
  readonly row: Selectable<DB[TB]>
  readonly insert: Omit<Insertable<DB[TB]>, V> &
    Partial<Pick<Insertable<DB[TB]>, V & keyof Insertable<DB[TB]>>>
  readonly changes: ChangesOf<DB[TB], K | V>
  readonly key: K
  readonly version: V
  readonly counter: Exclude<CounterColumn<DB[TB]>, K | V>
  readonly transaction: Transaction<DB>
}

/** What {@link optimisticRepository} returns. */
export type KyselyRepository<
  DB,
  TB extends keyof DB & string,
  K extends keyof DB[TB] & string,
  V extends keyof DB[TB] & string,
> = OptimisticRepository<KyselyTypes<DB, TB, K, V>>

/** Types of a repository over Kysely whose rows carry `xmin`. */
export interface KyselyXminTypes<
  DB,
  TB extends keyof DB & string,
  K extends keyof DB[TB] & string,
> extends RepositoryTypes {
  readonly row: Selectable<DB[TB]> & { readonly xmin: string }
  readonly insert: Insertable<DB[TB]>
  readonly changes: ChangesOf<DB[TB], K>
  readonly key: K
  readonly version: 'xmin'
  readonly counter: Exclude<CounterColumn<DB[TB]>, K>
  readonly transaction: Transaction<DB>
}

/** Types of a repository over Kysely that compares old values. */
export interface KyselyValueTypes<
  DB,
  TB extends keyof DB & string,
  K extends keyof DB[TB] & string,
> extends RepositoryTypes {
  readonly row: Selectable<DB[TB]>
  readonly insert: Insertable<DB[TB]>
  readonly changes: ChangesOf<DB[TB], K>
  readonly key: K
  readonly version: Exclude<keyof DB[TB] & string, K>
  readonly counter: Exclude<CounterColumn<DB[TB]>, K>
  readonly transaction: Transaction<DB>
}

/** Names of columns that hold a time. */
export type TimeColumn<Table> = {
  [C in keyof Table & string]: SelectType<Table[C]> extends Date ? C : never
}[keyof Table & string]

/** Options of {@link optimisticRepository} over Kysely. */
export interface KyselyRepositoryOptions<
  DB,
  TB extends keyof DB & string,
  K extends keyof DB[TB] & string,
  V extends VersionChoice,
> extends RepositoryOptions {
  /** A table of the schema. */
  readonly table: TB
  /** The columns that name a row: a unique index must be on them or on some of them, for `insert()` on exactly them. */
  readonly key: readonly K[]
  /** The integer column that every write raises by one; or `byXmin`, `byTime(column)`, `byValues`. */
  readonly version: V
}

// The usual overload is the last, because the compiler's message about a wrong call is about the last one.
/** Rows of a table without a version column: they carry `xmin`. */
export function optimisticRepository<DB, TB extends keyof DB & string, K extends keyof DB[TB] & string>(
  db: Kysely<DB> | Transaction<DB>,
  options: KyselyRepositoryOptions<DB, TB, K, ByXmin>,
): OptimisticRepository<KyselyXminTypes<DB, TB, K>>
/** Rows whose version is the time of their last write. */
export function optimisticRepository<
  DB,
  TB extends keyof DB & string,
  K extends keyof DB[TB] & string,
  V extends TimeColumn<DB[TB]>,
>(
  db: Kysely<DB> | Transaction<DB>,
  options: KyselyRepositoryOptions<DB, TB, K, ByTime<V>>,
): KyselyRepository<DB, TB, K, V>
/** Rows whose old values are their version. */
export function optimisticRepository<DB, TB extends keyof DB & string, K extends keyof DB[TB] & string>(
  db: Kysely<DB> | Transaction<DB>,
  options: KyselyRepositoryOptions<DB, TB, K, ByValues>,
): OptimisticRepository<KyselyValueTypes<DB, TB, K>>
/**
 * Rows of one table, written only by those who saw their latest version. Columns and types come from
 * the schema of `db`; its plugins and `withSchema()` apply to names and results.
 *
 * @param db a `Kysely` on Postgres; it stays the caller's. Given a transaction, `mutate()` refuses.
 * @throws TypeError for names that cannot work, and for options that are missing or unknown.
 *
 * @example
 * ```ts
 * const stock = optimisticRepository(db, { table: 'stock', key: ['sku'], version: 'version' })
 * const row = await stock.decrementIf({ sku: 'mug' }, { available: 1 }) // undefined when sold out
 * ```
 */
export function optimisticRepository<
  DB,
  TB extends keyof DB & string,
  K extends keyof DB[TB] & string,
  V extends VersionColumn<DB[TB]>,
>(
  db: Kysely<DB> | Transaction<DB>,
  options: KyselyRepositoryOptions<DB, TB, K, V>,
): KyselyRepository<DB, TB, K, V>
export function optimisticRepository<DB>(
  db: Kysely<DB> | Transaction<DB>,
  options: RepositoryOptions & {
    readonly table: unknown
    readonly key: readonly string[]
    readonly version: VersionChoice
  },
): OptimisticRepository<RepositoryTypes & { readonly transaction: Transaction<DB> }> {
  checkRepositoryOptions(options)
  const { table, key, version } = options
  if (typeof table !== 'string') refuse(`table must be the name of a table, got ${show(table)}`)
  return createRepository<RepositoryTypes & { readonly transaction: Transaction<DB> }>({
    session: sessionOf(db),
    shape: { ...shapeOf(db, { table, key }), ...versionOf(version) },
    bind: (transaction) => {
      const session = sessionOf(transaction)
      if (session.isBound) return session
      throw new TypeError(
        'Cannot use the transaction: withTransaction() must be given what db.transaction() hands to its callback, got a ' +
          'Kysely outside of any, which runs each statement on any connection',
      )
    },
    options,
  })
}

/** A compiled query skips Kysely's builder, and still runs the plugins on its result. */
function sessionOf<DB>(db: Kysely<DB>): SqlSession {
  const { isTransaction } = Object(db) as Partial<Kysely<DB>>
  if (typeof isTransaction !== 'boolean') {
    throw new TypeError(`Cannot use the connection: it must be a Kysely, got ${show(db)}`)
  }
  return {
    run: ({ text, values }) => db.executeQuery<unknown>(CompiledQuery.raw(text, values)),
    inTransaction: () => isTransaction,
    isBound: isTransaction,
  }
}
