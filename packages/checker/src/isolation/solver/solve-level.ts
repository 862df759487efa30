import type { BudgetOptions } from '../../budget.ts'
import type { History } from '../../history.ts'
import type { CheckResult, Violation } from '../../result.ts'
import { Words } from '../../sessions/words.ts'
import {
  ABORTED,
  registerTransactions,
  UNKNOWN,
  type RegisterTransactions,
} from '../../transactions/register-transactions.ts'
import { explain } from './explain.ts'
import { Meter } from './meter.ts'
import { commitOf } from './nodes.ts'
import type { Polygraph } from './polygraph.ts'
import type { Problem, SolverLevel } from './problem.ts'
import { suspects } from './proof.ts'
import { shrink } from './shrink.ts'
import type { GraphResult, GraphStats } from './solve-graph.ts'
import { emptyStats, solveMembers } from './solve-members.ts'
import { faultOf } from './witness.ts'

export type { SolverLevel } from './problem.ts'

export interface SolveLevelOptions extends BudgetOptions {
  readonly level: SolverLevel
  /** Include the order of each process: `strong-session-…`. Default: only if the history has no real time. */
  readonly sessionOrder?: boolean | undefined
  /** Include real time: `strict-…`. Default `false`. It includes the order of each process. */
  readonly realTime?: boolean | undefined
  /** So many violations are told, at most. Default 10. With 0 none is looked for once the verdict is known. */
  readonly maxViolations?: number | undefined
  /**
   * For keys with more writers than this it is first looked up in which order they are known to have come, instead of
   * opening a choice for each pair. Changes the time and memory a check takes, never its verdict. Default 4, with which all histories of PolySI are decided in the least time and memory.
   */
  readonly maxPairedWriters?: number | undefined
}

const DEFAULT_MAX_VIOLATIONS = 10
const DEFAULT_MAX_PAIRED_WRITERS = 4

const PROMISES: Readonly<Record<SolverLevel, string>> = {
  prefix: 'prefix consistency',
  'snapshot-isolation': 'snapshot isolation',
  serializable: 'serializable',
}

/** Part of the time budget that a search for a small reason may take, and at least so many ms. */
const EXPLAIN_SHARE = 0.25
const EXPLAIN_MIN_MS = 1_000

/**
 * Decides a level of isolation for transactions on registers whose versions are in no known order, as long as no two writes
 * give a key the same value. The verdict is exact: `ok` comes with an order of commits that was run, `violated` with a
 * smallest set of transactions that cannot be explained together. The problem is NP-complete, so a budget can run out: `unknown`.
 *
 * @throws HistoryContentError for what is no operation of a register.
 */
export function solveLevel(history: History, options: SolveLevelOptions): CheckResult {
  return solveRegisters(registerTransactions(history), options)
}

/** {@link solveLevel}, for those who have the transactions at hand. */
export function solveRegisters(transactions: RegisterTransactions, options: SolveLevelOptions): CheckResult {
  const meter = new Meter(options)
  const stats = emptyStats()
  const realTime = options.realTime ?? false
  const problem: Problem = {
    transactions,
    level: options.level,
    sessionOrder: realTime || (options.sessionOrder ?? !transactions.history.realTime),
    realTime,
    guess: true,
    maxPairedWriters: options.maxPairedWriters ?? DEFAULT_MAX_PAIRED_WRITERS,
  }
  const maxViolations = options.maxViolations ?? DEFAULT_MAX_VIOLATIONS
  const report = new Report(problem, meter, stats, maxViolations)
  if (realTime && !transactions.history.realTime)
    return report.unknown('the history has no real time, only the order within each process')
  const { badReads } = transactions
  if (badReads.length > 0) {
    const words = new Words(transactions)
    const told = badReads.slice(0, maxViolations)
    return report.violated(
      told.map((read) => words.badRead(read)),
      badReads.length,
    )
  }
  if (!meter.take(transactions.bytes)) return report.unknown(meter.reason)
  const members = membersOf(transactions)

  if (transactions.ambiguousReads === 0 || transactions.guesses) {
    const attempt = decide(problem, members, meter, stats)
    if (attempt.result.kind === 'acyclic') return report.ok(attempt.result.rank, members)
    if (attempt.result.kind === 'unknown') return report.unknown(meter.reason)
    if (transactions.ambiguousReads === 0)
      return report.broken(problem, attempt.result, attempt.polygraph, members)
  }
  // The guess of who wrote a value was wrong, or may have been: what is broken without these reads is broken.
  const sure = { ...problem, guess: false }
  const attempt = decide(sure, members, meter, stats)
  if (attempt.result.kind === 'cyclic') return report.broken(sure, attempt.result, attempt.polygraph, members)
  if (attempt.result.kind === 'unknown') return report.unknown(meter.reason)
  return report.unknown(duplicateReason(transactions))
}

/** All that happened: what nobody saw of those of unknown status may be left out, and leaving it out breaks nothing. */
function membersOf(transactions: RegisterTransactions): Int32Array {
  const members = new Int32Array(transactions.size)
  let length = 0
  for (let t = 0; t < transactions.size; t++)
    if (transactions.status[t] !== ABORTED && transactions.status[t] !== UNKNOWN) members[length++] = t
  return members.subarray(0, length)
}

interface Attempt {
  readonly result: GraphResult
  readonly polygraph: Polygraph | undefined
}

/**
 * Tries the promise with more order first, as far as the history knows any: it has far fewer open choices, real systems mostly
 * keep it, and an order that keeps it keeps the weaker one as well.
 */
function decide(problem: Problem, members: Int32Array, meter: Meter, stats: GraphStats): Attempt {
  const { history } = problem.transactions
  const stronger: Problem[] = []
  if (!problem.realTime && history.realTime) stronger.push({ ...problem, sessionOrder: true, realTime: true })
  if (!problem.sessionOrder && !problem.realTime) stronger.push({ ...problem, sessionOrder: true })
  for (const more of stronger) {
    const attempt = solveMembers(more, members, meter.sub(meter.remainingMs / 4), stats)
    if (attempt.result.kind === 'acyclic') return attempt
  }
  return solveMembers(problem, members, meter, stats)
}

function duplicateReason(transactions: RegisterTransactions): string {
  const { duplicate, eventTransaction, eventKey, eventValue, keys, values } = transactions
  if (duplicate === undefined) return 'some values were written more than once'
  const write = duplicate.find((event) => event !== -1) as number
  const writers = duplicate.map((event) =>
    event === -1 ? 'the initial state' : `#${eventTransaction[event]}`,
  )
  const value = JSON.stringify(values.valueOf(eventValue[write] as number))
  return `${writers.join(' and ')} gave ${String(keys.valueOf(eventKey[write] as number))} the same value ${value}: whose was read is not known`
}

/** Builds the results of one check. */
class Report {
  readonly #problem: Problem
  readonly #meter: Meter
  readonly #stats: GraphStats
  readonly #maxViolations: number

  constructor(problem: Problem, meter: Meter, stats: GraphStats, maxViolations: number) {
    this.#maxViolations = maxViolations
    this.#problem = problem
    this.#meter = meter
    this.#stats = stats
  }

  unknown(reason: string | undefined): CheckResult {
    return {
      ...this.#base(),
      verdict: 'unknown',
      violations: [],
      violationCount: 0,
      reason: reason ?? 'the budget is spent',
    }
  }

  violated(violations: readonly Violation[], violationCount: number): CheckResult {
    return { ...this.#base(), verdict: 'violated', violations, violationCount }
  }

  ok(rank: Int32Array, members: Int32Array): CheckResult {
    const fault = faultOf(this.#problem, members, rank)
    if (fault !== undefined) throw new Error(`the order found for ${this.#base().promise} is none: ${fault}`)
    const split = this.#problem.level !== 'serializable'
    const at = (member: number): number => rank[commitOf(split, member)] as number
    const order = Array.from(members, (_, member) => member).toSorted((a, b) => at(a) - at(b))
    const witness = order.map((member) => members[member] as number)
    return { ...this.#base(), verdict: 'ok', violations: [], violationCount: 0, witness }
  }

  broken(
    problem: Problem,
    result: GraphResult & { readonly kind: 'cyclic' },
    polygraph: Polygraph | undefined,
    members: Int32Array,
  ): CheckResult {
    if (this.#maxViolations === 0) return this.violated([], 1)
    const forReason = this.#meter.sub(Math.max(EXPLAIN_MIN_MS, this.#meter.remainingMs * EXPLAIN_SHARE))
    const few = polygraph && suspects(polygraph, result.certain, result.choice, result.touched)
    const core = (few && shrink(problem, few, forReason)) ?? shrink(problem, members, forReason)
    const found = core && explain(problem, core.members, forReason)
    const some = core?.members ?? members
    const all: Violation = {
      name: 'no-order',
      message: `No order of these ${some.length} transactions explains what they read${core?.isMinimal === true ? '' : '; the budget did not suffice to look for fewer'}`,
      operations: [...some],
    }
    return this.violated([found ?? all], 1)
  }

  #base(): Pick<CheckResult, 'promise' | 'stats'> {
    const { level, sessionOrder, realTime } = this.#problem
    const order = realTime ? 'strict ' : sessionOrder ? 'strong session ' : ''
    return { promise: order + PROMISES[level], stats: { ...this.#stats, bytes: this.#meter.peakBytes } }
  }
}
