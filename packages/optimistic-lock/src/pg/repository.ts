import { quoteIdentifier, quoteTable } from '../names.ts'
import { checkRepositoryOptions, refuse, show } from '../options.ts'
import { createRepository } from '../repository.ts'
import type { OptimisticRepository, RepositoryOptions, RepositoryTypes, Version } from '../types.ts'
import { type ByTime, type ByValues, type ByXmin, type VersionChoice, versionOf } from '../versions.ts'
import { type PgQueryable, sessionOf } from './session.ts'
import type { Table } from './table.ts'

/** Types of a repository over `pg`, from the row type given to `table()`. */
export interface PgTypes<
  Row extends object,
  K extends keyof Row & string,
  V extends keyof Row & string,
> extends RepositoryTypes {
  readonly row: Row
  /** All is optional, the key too, because only the database knows its defaults. */
  readonly insert: Readonly<Partial<Row>>
  /** A row spread into them would bring its key and its version: `undefined` there makes that an error. */
  readonly changes: { readonly [C in keyof Row]?: C extends K | V ? undefined : Row[C] | undefined }
  readonly key: K
  readonly version: V
  readonly counter: Exclude<ColumnOf<Row, number | bigint>, K | V>
  readonly transaction: PgQueryable
}

/** What {@link optimisticRepository} returns. */
export type PgRepository<
  Row extends object,
  K extends keyof Row & string,
  V extends keyof Row & string,
> = OptimisticRepository<PgTypes<Row, K, V>>

/** Names of the columns whose values are of type `Value`. */
type ColumnOf<Row, Value> = {
  [C in keyof Row & string]: NonNullable<Row[C]> extends Value ? C : never
}[keyof Row & string]

/** Types of a repository over `pg` that compares old values. */
export interface PgValueTypes<Row extends object, K extends keyof Row & string> extends RepositoryTypes {
  readonly row: Row
  readonly insert: Readonly<Partial<Row>>
  readonly changes: { readonly [C in keyof Row]?: C extends K ? undefined : Row[C] | undefined }
  readonly key: K
  readonly version: Exclude<keyof Row & string, K>
  readonly counter: Exclude<ColumnOf<Row, number | bigint>, K>
  readonly transaction: PgQueryable
}

/** A row with the version that Postgres keeps of it. */
export type WithXmin<Row extends object> = Row & { readonly xmin: string }

/** Options of {@link optimisticRepository} over `pg`. */
export interface PgRepositoryOptions<
  Row extends object,
  K extends keyof Row & string,
  V extends VersionChoice,
> extends RepositoryOptions {
  /** The table and its row type. */
  readonly table: Table<Row>
  /** The columns that name a row: a unique index must be on them or on some of them, for `insert()` on exactly them. */
  readonly key: readonly K[]
  /** The integer column that every write raises by one; or `byXmin`, `byTime(column)`, `byValues`. */
  readonly version: V
}

// The usual overload is the last, because the compiler's message about a wrong call is about the last one.
/** Rows of a table without a version column: they carry `xmin`. */
export function optimisticRepository<Row extends object, K extends keyof Row & string>(
  db: PgQueryable,
  options: PgRepositoryOptions<Row, K, ByXmin>,
): PgRepository<WithXmin<Row>, K, 'xmin'>
/** Rows whose version is the time of their last write. */
export function optimisticRepository<
  Row extends object,
  K extends keyof Row & string,
  V extends ColumnOf<Row, Date>,
>(db: PgQueryable, options: PgRepositoryOptions<Row, K, ByTime<V>>): PgRepository<Row, K, V>
/** Rows whose old values are their version. */
export function optimisticRepository<Row extends object, K extends keyof Row & string>(
  db: PgQueryable,
  options: PgRepositoryOptions<Row, K, ByValues>,
): OptimisticRepository<PgValueTypes<Row, K>>
/**
 * Rows of one table, written only by those who saw their latest version.
 *
 * @param db a connected `pg.Pool` or `pg.Client`; it stays the caller's.
 * @throws TypeError for names that cannot work, and for options that are missing or unknown.
 *
 * @example
 * ```ts
 * const stock = optimisticRepository(pool, { table: table<Stock>('stock'), key: ['sku'], version: 'version' })
 * const row = await stock.decrementIf({ sku: 'mug' }, { available: 1 }) // undefined when sold out
 * ```
 */
export function optimisticRepository<
  Row extends object,
  K extends keyof Row & string,
  V extends ColumnOf<Row, Version>,
>(db: PgQueryable, options: PgRepositoryOptions<Row, K, V>): PgRepository<Row, K, V>
export function optimisticRepository(
  db: PgQueryable,
  options: RepositoryOptions & {
    readonly table: Table<object>
    readonly key: readonly string[]
    readonly version: VersionChoice
  },
): OptimisticRepository<RepositoryTypes & { readonly transaction: PgQueryable }> {
  checkRepositoryOptions(options)
  const { table, key, version } = options
  checkTable(table)
  return createRepository<RepositoryTypes & { readonly transaction: PgQueryable }>({
    session: sessionOf(db, false),
    shape: {
      label: table.name,
      table: quoteTable(table.name),
      key,
      ...versionOf(version),
      column: quoteIdentifier,
    },
    bind: (transaction) => sessionOf(transaction, true),
    options,
  })
}

function checkTable(table: Table<object> | undefined): void {
  if (typeof table?.name === 'string') return
  const name = typeof table === 'string' ? table : 'stock'
  refuse(`table must be what table() gives, got ${show(table)}; write table<Row>('${name}')`)
}
