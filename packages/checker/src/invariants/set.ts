import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { valueKey } from '../value.ts'
import { at, type InvariantOptions, listOf, mustBeNamed, Report, shown } from './report.ts'

/** Answer of {@link checkSet}; lists are in order of the adds. */
export interface SetResult extends CheckResult {
  /** Attempted and there at the end. */
  readonly present: readonly unknown[]
  /** Acknowledged before the last read began, and not there. */
  readonly lost: readonly unknown[]
  /** There, though their `add` was not acknowledged. */
  readonly recovered: readonly unknown[]
  /** There, though nobody added them. */
  readonly unexpected: readonly unknown[]
  readonly attempted: number
  readonly acknowledged: number
}

/**
 * A set that grows by `add` is read at the end: all that was acknowledged is there, nothing else than what
 * was attempted, nothing that had failed. The last completed `read` counts as the end.
 *
 * @throws HistoryContentError for an operation other than `add` and `read`, or a read that saw no list.
 */
export function checkSet(history: History, options?: InvariantOptions): SetResult {
  const promise = 'set, read at the end'
  mustBeNamed(history, promise, ['add', 'read'])
  const report = new Report(promise, options)
  const adds = new Map<string, Operation[]>()
  let [last, attempted, acknowledged] = [undefined as Operation | undefined, 0, 0]
  for (const operation of history.operations) {
    if (operation.op === 'read') {
      if (operation.status === 'ok' && (last === undefined || operation.end > last.end)) last = operation
      continue
    }
    attempted++
    if (operation.status === 'ok') acknowledged++
    const key = valueKey(operation.input)
    const same = adds.get(key)
    if (same === undefined) adds.set(key, [operation])
    else same.push(operation)
  }
  const lists = { present: [], lost: [], recovered: [], unexpected: [] } as Record<
    'present' | 'lost' | 'recovered' | 'unexpected',
    unknown[]
  >
  if (last !== undefined) judge(last, adds, report, lists)
  const stats = { operations: history.operations.length, ...counts(lists) }
  const result = report.result(stats, last === undefined ? 'the set was never read' : undefined)
  return { ...result, ...lists, attempted, acknowledged }
}

function judge(
  last: Operation,
  adds: ReadonlyMap<string, readonly Operation[]>,
  report: Report,
  lists: Record<'present' | 'lost' | 'recovered' | 'unexpected', unknown[]>,
): void {
  const elements = listOf(last, 'what a read saw')
  const seen = new Map(elements.map((element) => [valueKey(element), element]))
  for (const [key, same] of adds) {
    const [first] = same
    if (first === undefined || first.start > last.end) continue
    const acknowledged = same
      .filter(({ status }) => status === 'ok')
      .reduce<Operation | undefined>((a, b) => (a === undefined || b.end < a.end ? b : a), undefined)
    if (seen.has(key)) {
      lists.present.push(first.input)
      if (acknowledged === undefined) lists.recovered.push(first.input)
      if (same.every(({ status, start }) => status === 'fail' || start > last.end)) {
        report.add({
          name: 'failed-but-present',
          message: `${at(last)} saw ${shown(first.input)}, whose add ${at(first)} had failed`,
          operations: [last.index, first.index],
        })
      }
    } else if (acknowledged !== undefined && acknowledged.end < last.start) {
      lists.lost.push(first.input)
      report.add({
        name: 'lost-element',
        message: `${at(last)} did not see ${shown(first.input)}, whose add ${at(acknowledged)} had been acknowledged`,
        operations: [last.index, acknowledged.index],
      })
    }
  }
  for (const [key, element] of seen) {
    if ((adds.get(key)?.[0]?.start ?? Infinity) < last.end) continue
    lists.unexpected.push(element)
    report.add({
      name: 'unexpected-element',
      message: `${at(last)} saw ${shown(element)}, which nobody had added`,
      operations: [last.index],
    })
  }
}

const counts = (lists: Record<string, unknown[]>): Record<string, number> =>
  Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.length]))
