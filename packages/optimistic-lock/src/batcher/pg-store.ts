import { KeyNotUniqueError } from '../errors.ts'
import { MAX_PARAMETERS } from '../lists.ts'
import { connectTo, guard, type PgPoolClient } from '../pg-pool.ts'
import { describeTable, requireUnique, type TableRow } from '../table-check.ts'
import { isLostStatement, isServerRefusal, remedyFor } from './server-errors.ts'
import { type BatchStatement, CounterStatements, type CounterShape, type FoldedRow } from './statements.ts'
import type { BatchAnswer, BatchItem, BatchSession, BatchStore, ItemAnswer } from './store.ts'

/** The part of a pool's client that is used here. */
export interface BatcherClient extends PgPoolClient {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>
  /** A statement that the server prepares under its name, once for each connection. */
  query(prepared: { name: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>
}

/** The part of `pg.Pool` that is used here. */
export interface BatcherPool {
  connect(): Promise<BatcherClient>
}

/** What all sessions of one store share. */
interface StoreState {
  readonly shape: CounterShape
  readonly statements: CounterStatements
  readonly names: Map<string, string>
  /** Planning the one statement of a hot row costs as much as running it. Off once a pooler turns out not to keep it. */
  isPrepared: boolean
  /** Does the catalog say that a key is of one row? Asked before the first statement. */
  isUnique: boolean
}

/** Counters in one table of Postgres. A statement is a transaction of its own, at the session's isolation level. */
export function pgBatchStore(pool: BatcherPool, shape: CounterShape): BatchStore {
  const statements = new CounterStatements(shape)
  const state: StoreState = { shape, statements, names: new Map(), isPrepared: true, isUnique: false }
  return { open: async () => new PgBatchSession(await connectTo(pool), state) }
}

class PgBatchSession implements BatchSession {
  readonly #client: BatcherClient
  readonly #state: StoreState
  readonly #release: (destroy: boolean) => void

  constructor(client: BatcherClient, state: StoreState) {
    this.#client = client
    this.#state = state
    this.#release = guard(client)
  }

  async apply(items: readonly BatchItem[]): Promise<BatchAnswer> {
    if (!this.#state.isUnique) {
      const refusal = await this.#check()
      if (refusal !== undefined) return refusal
    }
    try {
      return await this.#run(items)
    } catch (cause) {
      if (!isServerRefusal(cause)) return { type: 'unknown', cause }
      if (this.#state.isPrepared && isLostStatement(cause)) {
        this.#state.isPrepared = false
        return { type: 'not-applied', next: 'retry', cause }
      }
      return { type: 'not-applied', next: remedyFor(cause), cause }
    }
  }

  close(isBroken: boolean): void {
    this.#release(isBroken)
  }

  /** @returns why the batch cannot be sent; whatever went wrong here, nothing was applied. */
  async #check(): Promise<Exclude<BatchAnswer, { type: 'applied' }> | undefined> {
    const { shape } = this.#state
    const { text, values } = describeTable(shape)
    try {
      const { rows } = await this.#client.query(text, [...values])
      const [row] = rows as TableRow[]
      requireUnique(shape, row)
      this.#state.isUnique = row !== undefined // else it may be made later
      return undefined
    } catch (cause) {
      if (cause instanceof KeyNotUniqueError) return { type: 'not-applied', next: 'fail', cause }
      return { type: 'not-applied', next: isServerRefusal(cause) ? remedyFor(cause) : 'retry', cause }
    }
  }

  async #run(items: readonly BatchItem[]): Promise<BatchAnswer> {
    const { statements } = this.#state
    const [only] = items
    const statement = only === undefined || items.length > 1 ? undefined : statements.addTotal(only)
    if (statement !== undefined) {
      const { rows } = await this.#query(statement)
      requireOneEach(rows, 0, 1)
      const [row] = rows as { readonly quorateafter: string }[]
      if (row !== undefined) {
        return { type: 'applied', items: [{ type: 'all', after: Number(row.quorateafter) }] }
      }
    }
    const fold = statements.foldRows(items)
    if (fold.values.length > MAX_PARAMETERS) {
      const cause = new RangeError(
        `Cannot send a batch of ${items.length} keys: ${fold.values.length} parameters, expected at most ${MAX_PARAMETERS}; ` +
          'lower maxBatch',
      )
      return { type: 'not-applied', next: 'split', cause }
    }
    const { rows } = await this.#query(fold)
    requireOneEach(rows, items.length, items.length)
    return { type: 'applied', items: (rows as FoldedRow[]).map(answerOf) }
  }

  #query({ text, values, isOneOfFew }: BatchStatement): Promise<{ rows: unknown[] }> {
    const { isPrepared, names } = this.#state
    if (!isPrepared || !isOneOfFew) return this.#client.query(text, [...values])
    let name = names.get(text)
    if (name === undefined) names.set(text, (name = nameOf(text)))
    return this.#client.query({ name, text, values: [...values] })
  }
}

/** By now all of them may be changed, so this is no refusal: its callers hear `unknown`, with this as the cause. */
function requireOneEach({ length }: readonly unknown[], least: number, most: number): void {
  if (length >= least && length <= most) return
  throw new TypeError(
    `Cannot read the answer of a batch: ${length} rows for ${most} keys, expected one for each; there must be a unique ` +
      'index on exactly the columns of key',
  )
}

function answerOf({ quoratetwin, quoratebefore, quorateafter, quoratedone }: FoldedRow): ItemAnswer {
  if (quoratetwin) return { type: 'twin' }
  if (quoratebefore === null) return { type: 'gone' }
  const before = Number(quoratebefore)
  if (!Number.isSafeInteger(before)) return { type: 'inexact', value: quoratebefore }
  if (!quoratedone && quoratebefore !== quorateafter) return { type: 'refused' }
  return { type: 'applied', before }
}

/** A name for a text, the same for every copy of this package. */
function nameOf(text: string): string {
  return `quorate_batch_${hash(text, 0x811c9dc5)}${hash(text, 0x01234567)}`
}

/** FNV-1a. */
function hash(text: string, start: number): string {
  let value = start
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return (value >>> 0).toString(36)
}
