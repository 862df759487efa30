import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { valueKey } from '../value.ts'
import { at, type InvariantOptions, mustBeNamed, Report, shown } from './report.ts'

/** Answer of {@link checkUniqueIds}. */
export interface UniqueIdsResult extends CheckResult {
  readonly attempted: number
  readonly acknowledged: number
  /** Ids given out more than once, and how often. */
  readonly duplicated: readonly { readonly id: unknown; readonly count: number }[]
}

/**
 * Every `generate` returned an id that no other one returned.
 *
 * @throws HistoryContentError for any other operation, or a completed one without an id.
 */
export function checkUniqueIds(history: History, options?: InvariantOptions): UniqueIdsResult {
  const promise = 'unique ids'
  mustBeNamed(history, promise, ['generate'])
  const report = new Report(promise, options)
  const holders = new Map<string, Operation[]>()
  let acknowledged = 0
  for (const operation of history.operations) {
    if (operation.status !== 'ok') continue
    acknowledged++
    if (operation.output === undefined) {
      const reason = 'a generate must put out the id that it gave out'
      throw new HistoryContentError(operation.index, reason, operation.line)
    }
    const key = valueKey(operation.output)
    const others = holders.get(key)
    if (others === undefined) holders.set(key, [operation])
    else others.push(operation)
  }
  const duplicated = []
  for (const same of holders.values()) {
    const [first] = same
    if (first === undefined || same.length === 1) continue
    duplicated.push({ id: first.output, count: same.length })
    report.add({
      name: 'duplicate-id',
      message: `${shown(first.output)} was given out ${same.length} times: ${same.slice(0, 10).map(at).join(', ')}${same.length > 10 ? ' …' : ''}`,
      operations: same
        .slice(0, 2)
        .toReversed()
        .map(({ index }) => index),
    })
  }
  const attempted = history.operations.length
  const result = report.result(
    { operations: attempted },
    acknowledged === 0 ? 'no id was given out' : undefined,
  )
  return { ...result, attempted, acknowledged, duplicated }
}
