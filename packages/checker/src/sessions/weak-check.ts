import type { BudgetOptions } from '../budget.ts'
import type { History } from '../history.ts'
import type { Key } from '../operation.ts'
import type { CheckResult, Violation } from '../result.ts'
import { type RegisterTransactions, registerTransactions } from '../transactions/register-transactions.ts'
import { Meter, OutOfBudget } from './meter.ts'
import { type View, viewOf } from './view.ts'
import { text, Words } from './words.ts'
import { type Writers, writersOf } from './writers.ts'

export interface WeakCheckOptions extends BudgetOptions {
  /** How many violations the result lists; all are counted. Default 10. */
  readonly maxViolations?: number | undefined
}

/** What a check of one promise found. */
export interface Findings {
  readonly violations: readonly Violation[]
  readonly count: number
  readonly stats?: Readonly<Record<string, number>> | undefined
}

/** What a check of one promise works on. */
export interface WeakInput {
  readonly view: View
  /** Made when first asked for. */
  readonly writers: () => Writers
  readonly words: Words
  readonly meter: Meter
  readonly maxViolations: number
}

interface Judgement {
  /**
   * A read that nothing allows (G1a, a value nobody wrote …) is a violation, leaves an `ok` unknown, or says
   * nothing. Default `break`.
   */
  readonly badReads?: 'break' | 'blur' | 'ignore'
  /** Does it matter which write a read read from? Default: yes. */
  readonly ambiguousReadsMatter?: boolean
}

/**
 * Runs `find` on what is known for certain, and puts the answer together. With ambiguous reads: a promise that
 * holds if they are guessed holds; one that is broken without them is broken; else nobody knows.
 */
export function checkWeakly(
  history: History,
  promise: string,
  options: WeakCheckOptions,
  find: (input: WeakInput) => Findings,
  { badReads = 'break', ambiguousReadsMatter = true }: Judgement = {},
): CheckResult {
  const { maxViolations = 10 } = options
  if (!(maxViolations >= 0)) throw new RangeError(`maxViolations must be at least 0, got ${maxViolations}`)
  const meter = new Meter(options)
  const transactions = registerTransactions(history)
  let stats: Record<string, number> = {
    transactions: transactions.size,
    events: transactions.eventKind.length,
    ambiguousReads: transactions.ambiguousReads,
  }
  const unknown = (reason: string): CheckResult => ({
    verdict: 'unknown',
    promise,
    violations: [],
    violationCount: 0,
    reason,
    stats: { ...stats, bytes: meter.bytes },
  })
  const run = (guess: boolean): Findings => {
    const view = viewOf(transactions, guess, meter)
    let writers: Writers | undefined
    const words = new Words(transactions)
    const found = find({
      view,
      writers: () => (writers ??= writersOf(view, meter)),
      words,
      meter,
      maxViolations,
    })
    stats = { ...stats, sessions: transactions.sessionCount, ...found.stats }
    const bad = badReads === 'break' ? transactions.badReads : []
    const listed = bad.slice(0, maxViolations).map((event) => words.badRead(event))
    return {
      violations: [...listed, ...found.violations]
        .slice(0, maxViolations)
        .map((violation) => ({ ...violation, operations: words.withWitnesses(violation.operations) })),
      count: bad.length + found.count,
    }
  }
  try {
    meter.reserve(transactions.bytes)
    const ambiguous = ambiguousReadsMatter && transactions.ambiguousReads > 0
    let found: Findings | undefined
    if (!ambiguous || transactions.guesses) found = run(ambiguous)
    if (ambiguous && (found === undefined || found.count > 0)) {
      meter.freeTo(transactions.bytes)
      found = run(false)
      if (found.count === 0) return unknown(duplicateReason(transactions))
    }
    const { count, violations } = found!
    const [unexplained] = transactions.badReads
    if (count === 0 && badReads === 'blur' && unexplained !== undefined) {
      const { message } = new Words(transactions).badRead(unexplained)
      return unknown(`${message}: a read of no version tells nothing; are values compared with their types?`)
    }
    return {
      verdict: count === 0 ? 'ok' : 'violated',
      promise,
      violations,
      violationCount: count,
      stats: { ...stats, bytes: meter.bytes },
    }
  } catch (error) {
    if (error instanceof OutOfBudget) return unknown(error.message)
    throw error
  }
}

/** Why reads are ambiguous: names the two writes. */
export function duplicateReason(transactions: RegisterTransactions): string {
  const { duplicate, eventKey, eventTransaction, eventValue, keys, values, ambiguousReads } = transactions
  const [first, second] = duplicate!
  const what = `${text(values.valueOf(eventValue[second]!))} to ${(keys.valueOf(eventKey[second]!) as Key | undefined) ?? 'the register'}`
  const who =
    first < 0
      ? `#${eventTransaction[second]} wrote ${what}, which is its initial value`
      : `#${eventTransaction[first]} and #${eventTransaction[second]} both wrote ${what}`
  const reads = ambiguousReads === 1 ? '1 read does' : `${ambiguousReads} reads do`
  return `${who}, so ${reads} not tell which state they saw; write every value once per key`
}
