import { guard, type PgPool, type PgPoolClient } from '../pg-pool.ts'
import { addTotal, foldRows, type CounterShape, type FoldedRow } from './statements.ts'
import type { Statement } from '../statements.ts'
import type { BatchAnswer, BatchItem, BatchSession, BatchStore, ItemAnswer } from './store.ts'

/** Counters in one table of Postgres. A statement is a transaction of its own, at the session's isolation level. */
export function pgBatchStore(pool: PgPool, shape: CounterShape): BatchStore {
  return { open: async () => new PgBatchSession(await pool.connect(), shape) }
}

class PgBatchSession implements BatchSession {
  readonly #client: PgPoolClient
  readonly #shape: CounterShape
  readonly #release: (destroy: boolean) => void

  constructor(client: PgPoolClient, shape: CounterShape) {
    this.#client = client
    this.#shape = shape
    this.#release = guard(client)
  }

  async apply(items: readonly BatchItem[]): Promise<BatchAnswer> {
    try {
      return { type: 'applied', items: await this.#run(items) }
    } catch (cause) {
      if (!isServerRefusal(cause)) return { type: 'unknown', cause }
      return { type: 'not-applied', next: nextAfter(cause.code), cause }
    }
  }

  close(isBroken: boolean): void {
    this.#release(isBroken)
  }

  async #run(items: readonly BatchItem[]): Promise<ItemAnswer[]> {
    const query = async <R>({ text, values }: Statement): Promise<R[]> =>
      (await this.#client.query(text, [...values])).rows as R[]
    const [only] = items
    if (only !== undefined && items.length === 1) {
      const [row] = await query<{ quorateafter: string }>(addTotal(this.#shape, only))
      if (row !== undefined) {
        const total = only.deltas.reduce((sum, delta) => sum + delta, 0)
        return [{ type: 'applied', before: Number(row.quorateafter) - total }]
      }
    }
    const rows = await query<FoldedRow>(foldRows(this.#shape, items))
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
