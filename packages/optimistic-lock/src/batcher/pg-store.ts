import { guard, type PgPoolClient } from '../pg-pool.ts'
import { addTotal, foldRows, type CounterShape, type FoldedRow } from './statements.ts'
import type { Statement } from '../statements.ts'
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
  /** Planning the one statement of a hot row costs as much as running it. Off once a pooler turns out not to keep it. */
  isPrepared: boolean
}

/** Counters in one table of Postgres. A statement is a transaction of its own, at the session's isolation level. */
export function pgBatchStore(pool: BatcherPool, shape: CounterShape): BatchStore {
  const state: StoreState = { shape, isPrepared: true }
  return { open: async () => new PgBatchSession(await pool.connect(), state) }
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
    try {
      return { type: 'applied', items: await this.#run(items) }
    } catch (cause) {
      if (!isServerRefusal(cause)) return { type: 'unknown', cause }
      if (this.#state.isPrepared && LOST_STATEMENT.has(cause.code)) {
        this.#state.isPrepared = false
        return { type: 'not-applied', next: 'retry', cause }
      }
      return { type: 'not-applied', next: nextAfter(cause.code), cause }
    }
  }

  close(isBroken: boolean): void {
    this.#release(isBroken)
  }

  async #run(items: readonly BatchItem[]): Promise<ItemAnswer[]> {
    const { shape, isPrepared } = this.#state
    const query = async <R>({ text, values }: Statement, name?: string): Promise<R[]> => {
      const { rows } = await (name === undefined
        ? this.#client.query(text, [...values])
        : this.#client.query({ name, text, values: [...values] }))
      return rows as R[]
    }
    const [only] = items
    if (only !== undefined && items.length === 1) {
      const statement = addTotal(shape, only)
      const [row] = await query<{ quorateafter: string }>(
        statement,
        isPrepared ? nameOf(statement.text) : undefined,
      )
      if (row !== undefined) {
        const total = only.deltas.reduce((sum, delta) => sum + delta, 0)
        return [{ type: 'applied', before: Number(row.quorateafter) - total }]
      }
    }
    const rows = await query<FoldedRow>(foldRows(shape, items))
    return rows.map(answerOf)
  }
}

function answerOf({ quoratetwin, quoratebefore, quorateafter, quoratedone }: FoldedRow): ItemAnswer {
  if (quoratetwin) return { type: 'twin' }
  if (quoratebefore === null) return { type: 'gone' }
  const before = Number(quoratebefore)
  if (!Number.isSafeInteger(before)) return { type: 'inexact', value: quoratebefore }
  if (!quoratedone && quoratebefore !== quorateafter) return { type: 'refused' }
  return { type: 'applied', before }
}

interface ServerError {
  readonly code: string
  readonly severity: string
}

/**
 * An ERROR of the server ends the statement's transaction, so nothing of it is applied. FATAL and PANIC are not enough:
 * a session may be ended between its commit and its answer.
 */
function isServerRefusal(error: unknown): error is ServerError {
  if (typeof error !== 'object' || error === null) return false
  const { code, severity } = error as Partial<ServerError>
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity === 'ERROR'
}

/** By class of SQLSTATE, Postgres manual, appendix A. */
function nextAfter(code: string): 'retry' | 'split' | 'fail' {
  // Serialization and deadlock; no resources; a lock that was not available; cancelled, as by statement_timeout; a
  // standby that was not yet promoted.
  if (/^(40|53|55P03|57014|25006)/.test(code)) return 'retry'
  // Data, constraints, views with check option, triggers that raise: the fault of one row or one amount.
  if (/^(22|23|44|P0)/.test(code)) return 'split'
  return 'fail'
}

/** A prepared statement that is not there, or is there already: sessions are shared by a pooler. */
const LOST_STATEMENT: ReadonlySet<string> = new Set(['26000', '42P05'])

/** A name for a text, the same for every copy of this package. */
function nameOf(text: string): string {
  let name = names.get(text)
  if (name === undefined) {
    name = `quorate_batch_${hash(text, 0x811c9dc5)}${hash(text, 0x01234567)}`
    if (names.size < MAX_NAMES) names.set(text, name)
  }
  return name
}

/** Texts differ by table and columns alone, so there are few; a bound all the same. */
const MAX_NAMES = 1_000
const names = new Map<string, string>()

/** FNV-1a. */
function hash(text: string, start: number): string {
  let value = start
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return (value >>> 0).toString(36)
}
