// Glossary. Row: what a SELECT gives. Key: the columns that name one row. Version: the column every
// write raises by one. Counter: a numeric column that may be adjusted. Bound: where a counter must stay.
import type { BackoffOptions, Clock, EventListener, Random } from '@quorate/core'
import type { OptimisticEvent } from './events.ts'

/** A row's version. `pg` gives an `integer` as number and a `bigint` as string; both work. */
export type Version = number | bigint | string

/** Values of the key columns, by column name, as errors and events carry them. */
export type KeyValues = Readonly<Record<string, unknown>>

/** A whole amount or a decimal one, as the column allows. */
export type Amount = number | bigint

/** The types one repository works with; adapters derive them from the schema. */
export interface RepositoryTypes {
  /** What `get()` returns. */
  readonly row: object
  /** What `insert()` takes. */
  readonly insert: object
  /** What `update()` takes: no key column, no version. */
  readonly changes: object
  /** Names of the key columns. */
  readonly key: string
  /** Name of the version column; of all columns but the key, if old values are compared. */
  readonly version: string
  /** Names of the columns that `decrementIf()` and its like may adjust. */
  readonly counter: string
  /** What `withTransaction()` takes. */
  readonly transaction: unknown
}

/** The key of one row. */
export type KeyOf<T extends RepositoryTypes> = Readonly<Pick<T['row'], T['key'] & keyof T['row']>>

/** Key and version of one row: all that a conditional write needs to know of it. */
export type VersionedKeyOf<T extends RepositoryTypes> = Readonly<
  Pick<T['row'], (T['key'] | T['version']) & keyof T['row']>
>

/** Amounts by column. */
export type AmountsOf<T extends RepositoryTypes> = { readonly [C in T['counter']]?: Amount | undefined }

/** Options of every call. */
export interface CallOptions {
  /**
   * Gives up waiting. Before the statement is sent, and for reads: rejects with `signal.reason`.
   * For a write that was sent: rejects with `WriteUnknownError`, since the server may still commit it.
   */
  readonly signal?: AbortSignal | undefined
}

/** Where counters must stay after an adjustment: a number, or the column that holds it. */
export interface AdjustOptions<T extends RepositoryTypes> extends CallOptions {
  /** Lower bounds, inclusive. Default 0 for each column that goes down; `-Infinity` lifts it. */
  readonly min?: { readonly [C in T['counter']]?: Amount | T['counter'] | undefined } | undefined
  /** Upper bounds, inclusive. Default none; `Infinity` is none. */
  readonly max?: { readonly [C in T['counter']]?: Amount | T['counter'] | undefined } | undefined
}

/** One row's part of an all-or-nothing adjustment. */
export interface AdjustItem<T extends RepositoryTypes> {
  readonly key: KeyOf<T>
  /** Amounts by column. Items with the same key, as the database compares keys, are added up. */
  readonly by: AmountsOf<T>
}

/** The answer to an all-or-nothing adjustment. */
export type AdjustAllResult<T extends RepositoryTypes> =
  | {
      readonly granted: true
      /** The rows after the change, one for each distinct row, in the order they were first named. */
      readonly rows: readonly T['row'][]
    }
  | {
      readonly granted: false
      /** Why nothing was changed: each key that refused, and its row (`undefined`: no such row). */
      readonly short: readonly { readonly key: KeyOf<T>; readonly row: T['row'] | undefined }[]
    }

/** Options of `mutate()`; the waits are drawn with full jitter. */
export interface MutateOptions extends CallOptions, BackoffOptions {
  /** Time for all attempts and waits together, ms. Default 10,000. */
  readonly deadlineMs?: number | undefined
  /** Calls of the function in all, the first included. Default: no limit but the deadline. */
  readonly maxAttempts?: number | undefined
}

/** What `getOrInsert()` answers. */
export interface GetOrInsertResult<T extends RepositoryTypes> {
  /** Was it made by this call? */
  readonly inserted: boolean
  readonly row: T['row']
}

/** What `mutate()` tells its function besides the row. */
export interface MutateContext {
  /** 1 for the first call. */
  readonly attempt: number
  /** Aborted at the deadline, or with the caller's signal. */
  readonly signal: AbortSignal
}

/** Options of a repository that do not depend on its types. */
export interface RepositoryOptions {
  readonly onEvent?: EventListener<OptimisticEvent> | undefined
  /** Time for the waits of `mutate()`. Default: the system's. */
  readonly clock?: Clock | undefined
  /** Chance for the waits of `mutate()`. Default: the system's. */
  readonly random?: Random | undefined
}

/**
 * What can be done inside the caller's transaction: all but `mutate()`. The first write of a repository asks the catalog
 * about its table: each of them throws `KeyNotUniqueError` if no unique index is on columns of the key, all or some.
 */
export interface TransactionRepository<T extends RepositoryTypes> {
  /** Reads one row; `undefined` if there is none. */
  get(key: KeyOf<T>, options?: CallOptions): Promise<T['row'] | undefined>

  /**
   * Reads many rows in one statement.
   *
   * @param keys at most 10,000; which of them are equal, the database knows, and a key named twice is answered twice.
   * @returns for each key, in their order, its row, or `undefined` if there is none.
   * @throws RangeError for more keys.
   */
  getMany(keys: readonly KeyOf<T>[], options?: CallOptions): Promise<(T['row'] | undefined)[]>

  /**
   * Creates a row, with version 1 (or the time now) unless `values` has one. Key columns that are left out get the
   * database's default, as an identity or a generated uuid; they are in what is returned.
   *
   * @throws RowExistsError if the key is taken. The transaction, if there is one, goes on.
   * @throws WriteRefusedError if the database skipped the insert without an error.
   * @throws WriteUnknownError if the connection was lost before the answer came.
   */
  insert(values: T['insert'], options?: CallOptions): Promise<T['row']>

  /**
   * Reads the row with this key or, if there is none, creates it as `insert()` does; whoever else does so at the same
   * time, all get the same row, and one of them hears `inserted: true`. A row that is there is left as it is: decide
   * on what it is, and `update()` it.
   *
   * @param values of the new row; every key column must be in them.
   * @throws WriteRefusedError if the database skipped the insert without an error.
   * @throws WriteUnknownError if the connection was lost before the answer came.
   */
  getOrInsert(values: T['insert'] & KeyOf<T>, options?: CallOptions): Promise<GetOrInsertResult<T>>

  /**
   * Writes `changes` if the row still has the version of `row`, and raises the version by one.
   * Columns that are `undefined` are left alone; `{}` raises the version and nothing else.
   *
   * @param row any object with the key and the version, for example what `get()` gave.
   * @returns the row as it is now.
   * @throws StaleVersionError if it has another version by now.
   * @throws RowGoneError if it does not exist any more.
   * @throws WriteRefusedError if the database skipped the write without an error, as a trigger can.
   * @throws WriteUnknownError if the connection was lost before the answer came.
   */
  update(row: VersionedKeyOf<T>, changes: T['changes'], options?: CallOptions): Promise<T['row']>

  /**
   * Fails unless the row has the version of `row` still, and keeps everybody from writing it until the transaction
   * ends: the optimistic read lock, for rows that a decision rests on and that are not written themselves. Call it
   * last, before the commit; of several rows, in one order everywhere, or two transactions may deadlock.
   *
   * @throws StaleVersionError if it has another version by now.
   * @throws RowGoneError if it does not exist any more.
   * @throws TypeError outside a transaction, where it would promise nothing.
   */
  validate(row: VersionedKeyOf<T>, options?: CallOptions): Promise<void>

  /**
   * Deletes the row if it still has the version of `row`.
   *
   * @returns `true`, or `false` if it was gone already.
   * @throws StaleVersionError if it has another version by now.
   * @throws WriteRefusedError if the database skipped the write without an error, as a trigger can.
   * @throws WriteUnknownError if the connection was lost before the answer came.
   */
  delete(row: VersionedKeyOf<T>, options?: CallOptions): Promise<boolean>

  /**
   * Takes amounts from counters in one conditional UPDATE: never below `min` (default 0).
   *
   * @param amounts 0 or more for each column.
   * @returns the row after the change, or `undefined` if a bound forbids it or the row does not exist;
   *   nothing is changed then. A counter that is NULL has nothing to take, and nothing can be added to it.
   * @throws RangeError for a negative or non-finite amount.
   */
  decrementIf(key: KeyOf<T>, amounts: AmountsOf<T>, options?: AdjustOptions<T>): Promise<T['row'] | undefined>

  /** `decrementIf` upwards: never above `max`, which has no default. */
  incrementIf(key: KeyOf<T>, amounts: AmountsOf<T>, options?: AdjustOptions<T>): Promise<T['row'] | undefined>

  /**
   * Adds signed amounts to several counters at once, for example from `available` to `reserved`.
   * A column that goes down must stay at or above 0 unless `min` says otherwise.
   */
  adjustIf(key: KeyOf<T>, deltas: AmountsOf<T>, options?: AdjustOptions<T>): Promise<T['row'] | undefined>

  /**
   * `decrementIf` for many rows in one statement: all or none. Rows are locked in key order, so such
   * calls do not deadlock among themselves. Inside a transaction the locks last until its end, also
   * when the answer is no.
   *
   * @param items at most 1,000.
   */
  decrementAllIf(items: readonly AdjustItem<T>[], options?: AdjustOptions<T>): Promise<AdjustAllResult<T>>

  /** `adjustIf` for many rows in one statement: all or none. */
  adjustAllIf(items: readonly AdjustItem<T>[], options?: AdjustOptions<T>): Promise<AdjustAllResult<T>>
}

/** Rows of one table, written only by those who saw their latest version. */
export interface OptimisticRepository<T extends RepositoryTypes> extends TransactionRepository<T> {
  /**
   * Reads the row, calls `change`, writes what it returns; when somebody was faster, all of it again,
   * after a random wait, until the deadline. `change` may run several times: no side effects in it.
   *
   * @param change gets a frozen copy of the fresh row (assigning to a column throws), returns the changes,
   *   or `undefined` to leave the row as it is.
   * @returns the row as stored now.
   * @throws RowGoneError if there is no such row.
   * @throws RetryExhaustedError when time or attempts ran out.
   * @throws RetryInTransactionError inside the caller's transaction.
   * @throws WriteUnknownError if the connection was lost before the answer of a write came; that is not repeated.
   * @throws what `change` throws.
   */
  mutate(
    key: KeyOf<T>,
    change: (
      row: Readonly<T['row']>,
      context: MutateContext,
    ) => T['changes'] | undefined | Promise<T['changes'] | undefined>,
    options?: MutateOptions,
  ): Promise<T['row']>

  /** This repository on the caller's transaction. Cheap: make one per transaction. */
  withTransaction(transaction: T['transaction']): TransactionRepository<T>
}
