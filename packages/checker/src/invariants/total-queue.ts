import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { valueKey } from '../value.ts'
import { at, type InvariantOptions, listOf, mustBeNamed, Report, shown } from './report.ts'

/** Answer of {@link checkTotalQueue}; an element that counts twice is listed twice. */
export interface TotalQueueResult extends CheckResult {
  /** Acknowledged, and never came out. */
  readonly lost: readonly unknown[]
  /** Came out, though nobody had tried to put them in, or the attempt had failed. */
  readonly unexpected: readonly unknown[]
  /** Came out oftener than they were put in. */
  readonly duplicated: readonly unknown[]
  /** Came out, though their `enqueue` was not acknowledged. */
  readonly recovered: readonly unknown[]
}

interface Tally {
  readonly value: unknown
  readonly puts: Operation[]
  readonly takes: Operation[]
}

/**
 * What goes in comes out, exactly once: for a queue that was drained at the end. A `drain` puts out a list, a
 * `dequeue` of `null` found nothing; what had been acknowledged before one of these began, and never came out, is
 * lost. `unknown` if a crashed `dequeue` may have taken what is missing, or it may still be in the queue.
 *
 * @throws HistoryContentError for an operation other than `enqueue`, `dequeue` and `drain`.
 */
export function checkTotalQueue(history: History, options?: InvariantOptions): TotalQueueResult {
  const promise = 'queue, drained'
  mustBeNamed(history, promise, ['enqueue', 'dequeue', 'drain'])
  const report = new Report(promise, options)
  const tallies = new Map<string, Tally>()
  const tally = (value: unknown): Tally => {
    const key = valueKey(value)
    let one = tallies.get(key)
    if (one === undefined) tallies.set(key, (one = { value, puts: [], takes: [] }))
    return one
  }
  let [crashedTakes, crashedDrains, emptyFrom] = [0, 0, -1]
  for (const operation of history.operations) {
    if (operation.op === 'enqueue') tally(operation.input).puts.push(operation)
    else if (operation.status === 'unknown') {
      if (operation.op === 'drain') crashedDrains++
      else crashedTakes++
    } else if (operation.status === 'ok') {
      for (const value of takenBy(operation)) tally(value).takes.push(operation)
      if (operation.op === 'drain' || operation.output === null) emptyFrom = operation.start
    }
  }
  const lists = { lost: [], unexpected: [], duplicated: [], recovered: [] } as Lists
  const missing: Tally[] = []
  for (const one of tallies.values()) judge(one, report, lists, missing)
  const gone = missing
    .map((one) => ({ one, copies: copiesGone(one, emptyFrom) }))
    .filter(({ copies }) => copies > 0)
  const lost = gone.reduce((sum, { copies }) => sum + copies, 0)
  const hidden = crashedDrains > 0 || crashedTakes >= lost
  if (lost > 0 && !hidden) for (const { one } of gone) report.add(lostOf(one))
  const why =
    lost === 0
      ? 'the queue was not found empty after they had been put in'
      : 'crashed dequeues may have taken them'
  const unknown = `${lists.lost.length} acknowledged elements are missing, and ${why}`
  const stats = { operations: history.operations.length, elements: tallies.size }
  return { ...report.result(stats, lists.lost.length > 0 ? unknown : undefined), ...lists }
}

/** How many had been acknowledged when the queue was found empty, and never came out. */
function copiesGone({ puts, takes }: Tally, emptyFrom: number): number {
  const before = puts.filter(({ status, end }) => status === 'ok' && end < emptyFrom).length
  return Math.max(0, before - takes.length)
}

type Lists = Record<'lost' | 'unexpected' | 'duplicated' | 'recovered', unknown[]>

function takenBy(operation: Operation): readonly unknown[] {
  if (operation.op === 'drain') return listOf(operation, 'what a drain took')
  if (operation.output === undefined) {
    throw new HistoryContentError(operation.index, 'a dequeue must put out what it took', operation.line)
  }
  return operation.output === null ? [] : [operation.output]
}

function judge(one: Tally, report: Report, lists: Lists, missing: Tally[]): void {
  const { value, puts, takes } = one
  const acknowledged = puts.filter(({ status }) => status === 'ok').length
  const possible = puts.filter(({ status }) => status !== 'fail').length
  for (let i = takes.length; i < acknowledged; i++) lists.lost.push(value)
  if (takes.length < acknowledged) missing.push(one)
  for (let i = acknowledged; i < Math.min(takes.length, possible); i++) lists.recovered.push(value)
  const last = takes.at(-1)
  if (takes.length <= possible || last === undefined) return
  const list = possible === 0 ? lists.unexpected : lists.duplicated
  for (let i = possible; i < takes.length; i++) list.push(value)
  report.add({
    name: possible === 0 ? 'unexpected-dequeue' : 'duplicate-dequeue',
    message: `${shown(value)} came out ${times(takes.length)} and had been put in ${times(possible)}; the last to take it was ${at(last)}`,
    operations: [...takes.toReversed(), ...puts].map(({ index }) => index),
  })
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`)

function lostOf({ value, puts }: Tally): Parameters<Report['add']>[0] {
  const acknowledged = puts.filter(({ status }) => status === 'ok')
  return {
    name: 'lost-element',
    message: `${shown(value)} never came out, though ${acknowledged.map(at).join(', ')} had been acknowledged`,
    operations: acknowledged.map(({ index }) => index),
  }
}
