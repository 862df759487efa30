import type { RegisterTransactions } from '../../transactions/register-transactions.ts'

/**
 * What a set of transactions has to look like, by where each transaction's reads and its writes are placed in one line of points:
 *
 * - `serializable`: both at one point.
 * - `snapshot-isolation`: all reads at a point (the snapshot) before that of all writes (the commit), and no other commit that
 *   writes one of its keys between them.
 * - `prefix`: as snapshot isolation, without that last condition.
 */
export type SolverLevel = 'prefix' | 'snapshot-isolation' | 'serializable'

/** Which promise, of which transactions. */
export interface Problem {
  readonly transactions: RegisterTransactions
  readonly level: SolverLevel
  /** A transaction sees those before it in its session. */
  readonly sessionOrder: boolean
  /** A transaction sees those that had completed when it began. */
  readonly realTime: boolean
  /** Take the guessed source of an ambiguous read for its source, or leave the read out? */
  readonly guess: boolean
  /** Keys with more writers than this get a choice only for writers of which no order is known. */
  readonly maxPairedWriters: number
}
