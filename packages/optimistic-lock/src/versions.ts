/** The version is Postgres's own: the transaction that wrote the row last. */
export interface ByXmin {
  readonly by: 'xmin'
}

/** The version is the time of the last write. */
export interface ByTime<C extends string = string> {
  readonly by: 'time'
  readonly column: C
}

/** There is no version: the old values themselves are compared. */
export interface ByValues {
  readonly by: 'values'
}

/** What tells one state of a row from the next: the name of an integer column, or one of the others. */
export type VersionChoice = string | ByXmin | ByTime | ByValues

/** How a choice is spelled in a shape. */
export function versionOf(choice: VersionChoice): {
  readonly version: string
  readonly by: 'number' | 'xmin' | 'time' | 'values'
} {
  if (typeof choice === 'string') return { version: choice, by: 'number' }
  switch (choice.by) {
    case 'xmin':
      return { version: 'xmin', by: 'xmin' }
    case 'time':
      return { version: choice.column, by: 'time' }
    case 'values':
      return { version: '', by: 'values' }
    default:
      return choice satisfies never
  }
}

/**
 * For a table that has no version column and shall get none: the system column `xmin`, the number of the transaction
 * that wrote the row last. Rows then carry it as a text in `xmin`. It notices every writer, also one that knows nothing
 * of this package; also a write that changed nothing. A row restored from a dump has another one. Views have none, which
 * is a `TypeError` at the first use. An insert into a partitioned table cannot return it (Postgres: "cannot retrieve a system column in this
 * context"), so the row is read back: it is the row as it is by then, or `WriteUnknownError` if it is gone already.
 *
 * @example
 * ```ts
 * const stock = optimisticRepository(pool, { table: table<Stock>('stock'), key: ['sku'], version: byXmin })
 * ```
 */
export const byXmin: ByXmin = { by: 'xmin' }

/**
 * For a table with a column such as `updated_at`: `timestamptz`, or `timestamp`, of at least 3 fractional digits, which is
 * checked before the first write. It is compared to the millisecond, which is what a JavaScript `Date` holds; each write
 * through the repository sets it to the server's time, and at least one millisecond above what it was, so two of them
 * never look alike. A writer elsewhere who sets it to `now()` in the very millisecond of the write before is not noticed,
 * and a trigger that does so makes every writer such a one: where that may be, take an integer or {@link byXmin}.
 */
export function byTime<C extends string>(column: C): ByTime<C> {
  return { by: 'time', column }
}

/**
 * For a table that can have no version: an update or delete succeeds if every column of the row is as it was read. Two
 * changes that cancel out (ABA) are not noticed. `numeric`, `bigint`, times to the millisecond, JSON objects and arrays of
 * numbers and texts are compared; what a JavaScript value does not hold exactly (`interval`, `point`, arrays of `bigint` or
 * of times, a JSON column with a bare text or null) is never found equal, and every write is refused.
 */
export const byValues: ByValues = { by: 'values' }
