import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { valueKey } from '../value.ts'
import { at, byKey, type InvariantOptions, listOf, mustBeNamed, Report, shown } from './report.ts'

/**
 * Nobody sees a write without those that were acknowledged before it began: its reverse is what a serializable but
 * not strictly serializable database may show. Each `write` has a value of its own; a `read` puts out the list of
 * all values it saw. Operations with keys are checked key by key. At most one violation is told of each read.
 *
 * After jepsen.tests.causal-reverse.
 *
 * @throws HistoryContentError for an operation other than `write` and `read`, a read that saw no list, or a value
 * that may have been written twice: of two writes nobody can tell which was seen.
 */
export function checkCausalReverse(history: History, options?: InvariantOptions): CheckResult {
  const promise = 'no causal reverse'
  mustBeNamed(history, promise, ['write', 'read'])
  const report = new Report(promise, options)
  const parts = byKey(history)
  let reads = 0
  for (const part of parts.values()) reads += checkPart(part, report)
  const unknown = reads === 0 ? 'nothing was read' : undefined
  return report.result({ operations: history.operations.length, reads }, unknown)
}

function checkPart(operations: readonly Operation[], report: Report): number {
  const writes = new Map<string, Operation>()
  for (const operation of operations) {
    if (operation.op !== 'write') continue
    const key = valueKey(operation.input)
    const before = writes.get(key)
    if (before === undefined || before.status === 'fail') writes.set(key, operation)
    else if (operation.status !== 'fail') {
      const reason = `each write needs a value of its own, but ${at(before)} wrote ${shown(operation.input)} as well`
      throw new HistoryContentError(operation.index, reason, operation.line)
    }
  }
  const acknowledged = [...writes]
    .map(([key, write]) => ({ key, write }))
    .filter(({ write }) => write.status === 'ok')
    .toSorted((a, b) => a.write.end - b.write.end)
  let reads = 0
  for (const read of operations) {
    if (read.op !== 'read' || read.status !== 'ok') continue
    reads++
    const seen = new Set(listOf(read, 'what a read saw').map(valueKey))
    let newest: Operation | undefined
    for (const key of seen) {
      const write = writes.get(key)
      if (write === undefined || write.status === 'fail' || write.start > read.end) {
        report.add({
          name: 'unexpected-value',
          message: `${at(read)} saw ${key}, which nobody had written`,
          operations: [read.index, ...(write === undefined ? [] : [write.index])],
        })
      } else if (newest === undefined || write.start > newest.start) newest = write
    }
    if (newest === undefined) continue
    // Stops at the first that is missing, so that it takes no longer than the list that was read.
    for (const { key, write } of acknowledged) {
      if (write.end > newest.start) break
      if (seen.has(key)) continue
      report.add({
        name: 'causal-reverse',
        message:
          `${at(read)} saw ${shown(newest.input)} of ${at(newest)}, but not ${shown(write.input)} of ${at(write)}, ` +
          'which had been acknowledged before that began',
        operations: [read.index, newest.index, write.index],
      })
      break
    }
  }
  return reads
}
