import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { valueKey } from '../value.ts'
import { at, type InvariantOptions, mustBeNamed, Report, shown } from './report.ts'

/**
 * Whatever came out of a queue had been put in, and came out no oftener; order does not count. An element may come
 * out as soon as its `enqueue` has begun. Nothing is said about what stays in: {@link checkTotalQueue}.
 *
 * @throws HistoryContentError for an operation other than `enqueue` and `dequeue`, or a dequeue without an output.
 */
export function checkUnorderedQueue(history: History, options?: InvariantOptions): CheckResult {
  const promise = 'unordered queue'
  mustBeNamed(history, promise, ['enqueue', 'dequeue'])
  const report = new Report(promise, options)
  const puts = new Map<string, Operation[]>()
  const takes: Operation[] = []
  for (const operation of history.operations) {
    if (operation.op === 'dequeue') {
      if (operation.status !== 'ok') continue
      if (operation.output === undefined) {
        const reason = 'a dequeue must put out what it took, or null'
        throw new HistoryContentError(operation.index, reason, operation.line)
      }
      if (operation.output !== null) takes.push(operation)
    } else if (operation.status !== 'fail') {
      const key = valueKey(operation.input)
      const same = puts.get(key)
      if (same === undefined) puts.set(key, [operation])
      else same.push(operation)
    }
  }
  takes.sort((a, b) => a.end - b.end)
  const taken = new Map<string, number[]>()
  for (const take of takes) {
    const key = valueKey(take.output)
    let before = taken.get(key)
    if (before === undefined) taken.set(key, (before = []))
    // Puts are in order of their start: there are enough if the next one had begun.
    const same = puts.get(key) ?? []
    if ((same[before.length]?.start ?? Infinity) > take.end) {
      report.add(() => {
        const possible = same.filter(({ start }) => start < take.end)
        const never = possible.length === 0
        return {
          name: never ? 'unexpected-dequeue' : 'duplicate-dequeue',
          message: never
            ? `${at(take)} took ${shown(take.output)}, which nobody had put in`
            : `${at(take)} took ${shown(take.output)} once more than it had been put in`,
          operations: [take.index, ...before, ...possible.map(({ index }) => index)],
        }
      })
    }
    before.push(take.index)
  }
  return report.result({ operations: history.operations.length, dequeued: takes.length })
}
