import type { Key } from './operation.ts'

/**
 * - `ok`: the promise was kept in this history.
 * - `violated`: it was broken; `violations` says how.
 * - `unknown`: this history does not tell, or the budget did not suffice; `reason` says which.
 */
export type Verdict = 'ok' | 'violated' | 'unknown'

/** Why one transaction or operation must come before another one. */
export interface Edge {
  /** Index of the operation that comes first. */
  readonly from: number
  readonly to: number
  /**
   * - `ww`: `to` overwrote what `from` wrote. `wr`: `to` read what `from` wrote. `rw`: `to` overwrote what `from` read.
   * - `process`: order within a process. `real-time`: `from` had completed when `to` began.
   */
  readonly kind: 'ww' | 'wr' | 'rw' | 'process' | 'real-time'
  readonly key?: Key | undefined
  /** In words: `#12 read 3 from sku-1, which #9 wrote`. */
  readonly because?: string | undefined
}

/** One broken promise. */
export interface Violation {
  /** What the field calls it: `read-your-writes`, `G1c`, `lost-update`, `not-linearizable` … */
  readonly name: string
  /** One sentence with the facts: who, what, which value. */
  readonly message: string
  /** Indices of the operations that prove it, the offending one first; no smaller set does. */
  readonly operations: readonly number[]
  /** For a cycle: its edges in order, the last one leading back to the first operation. */
  readonly edges?: readonly Edge[] | undefined
  readonly key?: Key | undefined
}

/** Why a history is not linearizable. */
export interface Counterexample {
  /** Of which part, if the history was checked in parts. */
  readonly key?: Key | undefined
  /** Index of the first operation, by completion, that cannot be placed. */
  readonly firstBad: number
  /** The longest order of operations that the model allows, as indices. */
  readonly longestPrefix: readonly number[]
  /** The state of the model after `longestPrefix`, in words. */
  readonly stateAfterPrefix: string
  /**
   * Indices of a smallest set of operations that contradict each other, whether the others up to `firstBad` happened
   * or not. If any one of them were forgotten, that is, if it may have happened in its time or not, there would be an
   * order. (Left out instead, a write would take the sense from every read of it.)
   */
  readonly minimal: readonly number[]
  /** `false` if the budget ended before `minimal` was proved minimal. */
  readonly isMinimal: boolean
}

/** The answer of every check. */
export interface CheckResult {
  readonly verdict: Verdict
  /** What was checked: `linearizable cas-register`, `serializable` … */
  readonly promise: string
  /** Empty unless `violated`. At most `maxViolations` of them; `violationCount` counts all that were found. */
  readonly violations: readonly Violation[]
  readonly violationCount: number
  /** Set if `unknown`: what is missing. */
  readonly reason?: string | undefined
  /** Set if a history is not linearizable. */
  readonly counterexample?: Counterexample | undefined
  /** Set if a history is linearizable and there are no independent parts: an order that proves it, as indices. */
  readonly witness?: readonly number[] | undefined
  /** Of a check of isolation: the levels that do not hold, by name, weakest first. */
  readonly ruledOut?: readonly string[] | undefined
  /** Those of `ruledOut` of which no weaker level is ruled out. */
  readonly weakestRuledOut?: readonly string[] | undefined
  /** The strongest levels against which nothing was found. That they hold is proved only for the level that was asked. */
  readonly mayHold?: readonly string[] | undefined
  /** Work done, by names of the check: `states`, `edges` … */
  readonly stats: Readonly<Record<string, number>>
}
