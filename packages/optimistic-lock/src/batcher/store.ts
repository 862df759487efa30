import type { KeyValues } from '../types.ts'

/** All requests of one statement for one row. */
export interface BatchItem {
  readonly key: KeyValues
  /** Signed whole numbers, in the order they came. */
  readonly deltas: readonly number[]
}

/**
 * What the statement found for one item.
 * - `applied`: the counter before; it was folded over the item's deltas, and the result is committed.
 * - `all`: each of its deltas was applied, and that is committed; the counter right after.
 * - `gone`: no such row.
 * - `twin`: another item of the statement names the same row, in another spelling; this one was left alone.
 * - `refused`: a trigger or a policy of the table kept the row as it was.
 * - `inexact`: the counter is no whole number within ±(2^53 − 1), and was left alone.
 */
export type ItemAnswer =
  | { readonly type: 'applied'; readonly before: number }
  | { readonly type: 'all'; readonly after: number }
  | { readonly type: 'gone' | 'twin' | 'refused' }
  | { readonly type: 'inexact'; readonly value: string }

/**
 * What is to be done about a statement that was certainly not applied.
 * - `retry`: all of it later; the server as a whole was at fault.
 * - `yield`: each of its rows later, in a statement of its own; somebody else has one of them.
 * - `split`: in halves, because one of its requests may be to blame.
 * - `fail`: nothing; it never works.
 */
export type Remedy = 'retry' | 'yield' | 'split' | 'fail'

/**
 * What became of one statement.
 * - `not-applied`: certainly nothing.
 * - `unknown`: it was sent, and no answer came.
 */
export type BatchAnswer =
  | { readonly type: 'applied'; readonly items: readonly ItemAnswer[] }
  | { readonly type: 'not-applied'; readonly next: Remedy; readonly cause: unknown }
  | { readonly type: 'unknown'; readonly cause: unknown }

/** A connection that carries statements, one at a time. */
export interface BatchSession {
  /** Folds every item over its row and commits, all in one transaction. What it throws counts as `unknown`. */
  apply(items: readonly BatchItem[]): Promise<BatchAnswer>
  /**
   * Gives the connection back. Only the first call counts.
   *
   * @param isBroken it may be in any state, or at work still: end it.
   */
  close(isBroken: boolean): void
}

/** Where the counters are. */
export interface BatchStore {
  /** What it throws means that nothing was sent: it is tried again. */
  open(): Promise<BatchSession>
}
