import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { RangeOfSum } from './range-of-sum.ts'
import { at, type InvariantOptions, mustBeNamed, numberOf, Report } from './report.ts'

/** Options of {@link checkCounterBounds}. */
export interface CounterBoundsOptions extends InvariantOptions {
  /** Default: the history's, else 0. */
  readonly initial?: number | undefined
}

/** Answer of {@link checkCounterBounds}. */
export interface CounterBoundsResult extends CheckResult {
  /** Of each completed read, in order of completion: the least it could see, what it saw, the most it could see. */
  readonly reads: readonly (readonly [low: number, seen: number, high: number])[]
  /** Those of `reads` that are out of bounds. */
  readonly errors: readonly (readonly [low: number, seen: number, high: number])[]
}

/**
 * Every read of a counter lies between what must have been added and what may have been. Necessary, quick, and
 * weaker than linearizability, which the model `counter` checks.
 *
 * After the analysis of the same name in Jepsen (jepsen.checker/counter), for amounts of either sign.
 *
 * @throws HistoryContentError for an operation other than `add` and `read`, or an amount that is no whole number.
 */
export function checkCounterBounds(
  history: History,
  options: CounterBoundsOptions = {},
): CounterBoundsResult {
  const promise = 'counter within bounds'
  mustBeNamed(history, promise, ['add', 'read'])
  const report = new Report(promise, options)
  const initial = options.initial ?? (typeof history.initial === 'number' ? history.initial : 0)
  const adds = history.operations.filter(({ op }) => op === 'add')
  const range = new RangeOfSum(
    initial,
    adds.map((operation) => ({ operation, by: numberOf(operation, operation.input, 'an amount') })),
  )
  const reads: [number, number, number][] = []
  const errors: [number, number, number][] = []
  const completed = history.operations.filter(({ op, status }) => op === 'read' && status === 'ok')
  for (const read of completed.toSorted((a, b) => a.end - b.end)) {
    const seen = numberOf(read, read.output, 'what a read saw')
    const { low, high } = range.during(read.start, read.end)
    reads.push([low, seen, high])
    if (low <= seen && seen <= high) continue
    errors.push([low, seen, high])
    report.add(() => {
      const blame = adds.filter(({ start, status }) => start < read.end && status !== 'fail')
      return {
        name: 'counter-out-of-bounds',
        message: `${at(read)} saw ${seen}, but the counter was between ${low} and ${high}`,
        operations: [read.index, ...blame.slice(0, 99).map(({ index }) => index)],
      }
    })
  }
  const stats = { operations: history.operations.length, reads: reads.length }
  return {
    ...report.result(stats, reads.length === 0 ? 'the counter was never read' : undefined),
    reads,
    errors,
  }
}
