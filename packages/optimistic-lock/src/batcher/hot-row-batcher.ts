import { checkNames } from '@quorate/core'
import { quoteIdentifier, quoteTable } from '../names.ts'
import { show } from '../options.ts'
import { requirePool } from '../pg-pool.ts'
import type { Table } from '../pg/table.ts'
import { BatchQueue } from './batch-queue.ts'
import { copyKey, laneOf } from './keys.ts'
import type { BatcherOptions, Grant, RequestOptions } from './options.ts'
import { type BatcherPool, pgBatchStore } from './pg-store.ts'

/** Options of {@link hotRowBatcher}. */
export interface HotRowBatcherOptions<
  Row extends object,
  K extends keyof Row & string,
  C extends keyof Row & string,
> extends BatcherOptions {
  /** The table and its row type. */
  readonly table: Table<Row>
  /** The columns that name a row: a unique index must be on them or on some of them. */
  readonly key: readonly K[]
  /** The column with the units: of an integer type, or `numeric` with whole numbers within ±(2^53 − 1). */
  readonly counter: C
  /** An integer column that each statement raises by one, so that a repository on the same table notices. Default none. */
  readonly version?: (keyof Row & string) | undefined
}

/** What {@link hotRowBatcher} returns. */
export interface HotRowBatcher<Key extends object> extends AsyncDisposable {
  /** Requests that wait for their statement now. */
  readonly waiting: number

  /**
   * Takes `amount` units if that leaves at least `min`.
   *
   * @param amount a whole number from 1. Default 1.
   * @returns what this request left, or `undefined`: too few, or no such row; nothing was taken.
   * @throws BatcherFullError if too many wait.
   * @throws BatchTimeoutError if its turn did not come before the deadline.
   * @throws BatcherStoppedError after `stop()`.
   * @throws KeyNotUniqueError if no unique index is on the columns of `key`, all or some.
   * @throws WriteUnknownError if the statement was sent and its answer did not come: it may have been applied.
   * @throws RangeError for an amount that is no whole number from 1; for a counter that is none within ±(2^53 − 1), or
   *   would not be one any more.
   * @throws TypeError for a key that is no text, number, bigint, boolean, `Date` or bytes.
   * @throws the driver's error if the server refused this request, as by a constraint: nothing was applied.
   */
  decrementIf(key: Key, amount?: number, options?: RequestOptions): Promise<Grant | undefined>

  /** Adds `amount` units, in its turn; `undefined` only if there is no such row. Else as {@link decrementIf}. */
  increment(key: Key, amount?: number, options?: RequestOptions): Promise<Grant | undefined>

  /** Takes no more requests, answers those it has, and resolves when nothing is left running. */
  stop(): Promise<void>
}

const NAMES = [
  'table',
  'key',
  'counter',
  'version',
  'min',
  'maxBatch',
  'maxWaiting',
  'concurrency',
  'deadlineMs',
  'onEvent',
  'clock',
  'random',
]
const LIMITS = ['maxBatch', 'maxWaiting', 'concurrency'] as const
const REQUEST_NAMES = ['deadlineMs', 'signal']

/**
 * Group commit for rows that everybody wants. Requests that come while a statement is under way wait, and the next one
 * takes them all: one round trip, one row lock and one flush to disk for thousands of callers. Each is granted or
 * refused by itself, in the order they came, as if it had come alone.
 *
 * A statement that certainly was not applied is repeated until the deadlines of its requests; one whose answer is lost
 * is never repeated: its callers get a `WriteUnknownError`. A request that the server refuses, as by a constraint, fails
 * alone: the batch is halved until it is found.
 *
 * @param pool a connected `pg.Pool`; it stays the caller's. At most `concurrency` of its connections are used.
 * @throws TypeError for options that are missing, unknown or of the wrong type.
 * @throws RangeError for a limit that is no whole number from 1, or a `min` that is none.
 *
 * @example
 * ```ts
 * await using batcher = hotRowBatcher(pool, { table: table<Stock>('stock'), key: ['sku'], counter: 'available' })
 * const grant = await batcher.decrementIf({ sku: 'mug' }) // undefined when sold out
 * ```
 */
export function hotRowBatcher<
  Row extends object,
  K extends keyof Row & string,
  C extends Exclude<keyof Row & string, K>,
>(pool: BatcherPool, options: HotRowBatcherOptions<Row, K, C>): HotRowBatcher<Readonly<Pick<Row, K>>> {
  requirePool('make a batcher', pool)
  check(options)
  const { table, key, counter, version, min = 0 } = options
  const shape = {
    label: table.name,
    table: quoteTable(table.name),
    key,
    counter,
    version,
    min,
    column: quoteIdentifier,
  }
  const queue = new BatchQueue(pgBatchStore(pool, shape), table.name, options, (row) =>
    copyKey('adjust', table.name, key, row),
  )

  // No async function: each promise more is paid for by every request.
  const request = (
    action: string,
    of: Readonly<Pick<Row, K>>,
    amount: number,
    sign: 1 | -1,
    requestOptions: RequestOptions | undefined,
  ): Promise<Grant | undefined> => {
    try {
      if (requestOptions !== undefined) {
        checkNames(action, requestOptions, REQUEST_NAMES)
        checkDeadline(action, requestOptions.deadlineMs)
        checkSignal(action, requestOptions.signal)
      }
      if (!Number.isSafeInteger(amount) || amount < 1) {
        throw new RangeError(`Cannot ${action}: amount must be a whole number from 1, got ${show(amount)}`)
      }
      return queue.request(laneOf(action, table.name, key, of), of, sign * amount, requestOptions)
    } catch (error) {
      return Promise.reject(error)
    }
  }
  return {
    get waiting() {
      return queue.waiting
    },
    decrementIf: (of, amount = 1, requestOptions) => request('decrementIf', of, amount, -1, requestOptions),
    increment: (of, amount = 1, requestOptions) => request('increment', of, amount, 1, requestOptions),
    stop: () => queue.stop(),
    [Symbol.asyncDispose]: () => queue.stop(),
  }
}

/** What the types cannot check when they are not asked. */
interface Unchecked extends BatcherOptions {
  readonly table: unknown
  readonly key: unknown
  readonly counter: unknown
  readonly version?: unknown
}

function check(options: Unchecked): void {
  const action = 'make a batcher'
  checkNames(action, options, NAMES)
  const { table, key, counter, version, min = 0 } = options
  if (typeof (table as Partial<Table<object>> | undefined)?.name !== 'string') {
    throw new TypeError(`Cannot ${action}: table must be what table() gives; write table<Row>('stock')`)
  }
  const names = Array.isArray(key) ? [...(key as unknown[]), counter] : []
  if (version !== undefined) names.push(version)
  if (names.length < 2 || names.some((name) => typeof name !== 'string')) {
    throw new TypeError(
      `Cannot ${action}: key must be an array of column names, counter and version one each`,
    )
  }
  for (const name of names) quoteIdentifier(name as string)
  if (new Set(names).size < names.length) {
    throw new TypeError(
      `Cannot ${action}: key, counter and version must be different columns, got ${names.join(', ')}`,
    )
  }
  if (!Number.isSafeInteger(min)) {
    throw new RangeError(`Cannot ${action}: min must be a whole number, got ${String(min)}`)
  }
  for (const name of LIMITS) {
    const value: unknown = options[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 1)) {
      throw new RangeError(`Cannot ${action}: ${name} must be a whole number from 1, got ${show(value)}`)
    }
  }
  checkDeadline(action, options.deadlineMs)
}

function checkDeadline(action: string, deadlineMs: number | undefined): void {
  if (deadlineMs === undefined || (typeof deadlineMs === 'number' && deadlineMs > 0)) return
  throw new RangeError(`Cannot ${action}: deadlineMs must be above 0, got ${deadlineMs}`)
}

function checkSignal(action: string, signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof (signal as Partial<AbortSignal>).addEventListener === 'function') return
  throw new TypeError(`Cannot ${action}: signal must be an AbortSignal, got ${show(signal)}`)
}
