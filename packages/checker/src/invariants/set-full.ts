import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { valueKey } from '../value.ts'
import { at, type InvariantOptions, listOf, mustBeNamed, Report, shown } from './report.ts'

/** Options of {@link checkSetFull}. */
export interface SetFullOptions extends InvariantOptions {
  /** `true`: an element that was known must be in every later read, not only in the last ones. Default `false`. */
  readonly linearizable?: boolean | undefined
}

/** Answer of {@link checkSetFull}; lists are in order of the adds. */
export interface SetFullResult extends CheckResult {
  /** Known, and in every read from some point on. */
  readonly stable: readonly unknown[]
  /** Stable in the end, but missing from a read that began when they were known. */
  readonly stale: readonly unknown[]
  /** Known, and missing from the last reads. */
  readonly lost: readonly unknown[]
  /** Not in any read, and no read says that they should have been. */
  readonly neverRead: readonly unknown[]
  /** More than once in one read. */
  readonly duplicated: readonly unknown[]
}

interface Element {
  readonly value: unknown
  readonly add: Operation
  /** Did every attempt to add it fail? */
  failed: boolean
  /** From here on everybody may expect it: its add was acknowledged, or a read had seen it. */
  knownAt: number
  knownBy: Operation | undefined
  lastPresent: Operation | undefined
  lastAbsent: Operation | undefined
  /** A read that missed it although it was known. */
  missedBy: Operation | undefined
}

/** A completed read, and what it saw. */
interface Seen {
  readonly read: Operation
  readonly seen: ReadonlySet<string>
}

/**
 * A set that grows by `add` is read all the time: once an element is known (its `add` was acknowledged, or some
 * read saw it) it must stay. `unknown` if no element was ever seen.
 *
 * After the analysis of the same name in Jepsen (jepsen.checker/set-full).
 *
 * @throws HistoryContentError for an operation other than `add` and `read`, or a read that saw no list.
 */
export function checkSetFull(history: History, options: SetFullOptions = {}): SetFullResult {
  const promise = options.linearizable === true ? 'set, linearizable' : 'set, read all the time'
  mustBeNamed(history, promise, ['add', 'read'])
  const report = new Report(promise, options)
  const elements = new Map<string, Element>()
  const reads: Seen[] = []
  const duplicated = new Map<string, unknown>()

  for (const operation of history.operations) {
    if (operation.op === 'add') addTo(elements, operation)
    else if (operation.status === 'ok') {
      const list = listOf(operation, 'what a read saw')
      const seen = new Set<string>()
      for (const value of list) {
        const key = valueKey(value)
        if (seen.has(key) && !duplicated.has(key)) {
          duplicated.set(key, value)
          report.add({
            name: 'duplicate-element',
            message: `${at(operation)} saw ${shown(value)} more than once`,
            operations: [operation.index],
          })
        }
        seen.add(key)
      }
      reads.push({ read: operation, seen })
    }
  }
  for (const { read, seen } of reads) noteSeen(elements, read, seen, report)
  for (const [key, element] of elements) noteMissing(key, element, reads)

  const lists = { stable: [], stale: [], lost: [], neverRead: [] } as Record<
    'stable' | 'stale' | 'lost' | 'neverRead',
    unknown[]
  >
  for (const element of elements.values()) {
    const kind = classify(element)
    if (kind === undefined) continue
    lists[kind === 'stale' ? 'stable' : kind].push(element.value)
    if (kind === 'stale') lists.stale.push(element.value)
    if (kind === 'lost' || (kind === 'stale' && options.linearizable === true)) {
      const { missedBy, lastAbsent, knownBy, add } = element
      const reader = kind === 'lost' ? lastAbsent : missedBy
      const witness = knownBy ?? add
      report.add({
        name: kind === 'lost' ? 'lost-element' : 'stale-read',
        message: `${reader === undefined ? 'a read' : at(reader)} did not see ${shown(element.value)}, known since ${at(witness)}`,
        operations: [...(reader === undefined ? [] : [reader.index]), witness.index],
      })
    }
  }
  const nothing = lists.stable.length === 0 ? 'no element was read and stayed' : undefined
  const stats = { operations: history.operations.length, elements: elements.size, reads: reads.length }
  return { ...report.result(stats, nothing), ...lists, duplicated: [...duplicated.values()] }
}

function addTo(elements: Map<string, Element>, add: Operation): void {
  const key = valueKey(add.input)
  const element = elements.get(key)
  const knownAt = add.status === 'ok' ? add.end : Infinity
  if (element === undefined) {
    elements.set(key, {
      value: add.input,
      add,
      failed: add.status === 'fail',
      knownAt,
      knownBy: add.status === 'ok' ? add : undefined,
      lastPresent: undefined,
      lastAbsent: undefined,
      missedBy: undefined,
    })
    return
  }
  element.failed &&= add.status === 'fail'
  if (knownAt < element.knownAt) {
    element.knownAt = knownAt
    element.knownBy = add
  }
}

function noteSeen(
  elements: Map<string, Element>,
  read: Operation,
  seen: ReadonlySet<string>,
  report: Report,
): void {
  for (const key of seen) {
    const element = elements.get(key)
    if (element === undefined || element.add.start > read.end) {
      report.add({
        name: 'unexpected-element',
        message: `${at(read)} saw ${key}, which nobody had added`,
        operations: [read.index],
      })
      continue
    }
    if (element.failed && element.lastPresent === undefined) {
      report.add({
        name: 'failed-but-present',
        message: `${at(read)} saw ${shown(element.value)}, whose add ${at(element.add)} had failed`,
        operations: [read.index, element.add.index],
      })
    }
    if (read.end < element.knownAt) {
      element.knownAt = read.end
      element.knownBy = read
    }
    if (element.lastPresent === undefined || read.start > element.lastPresent.start)
      element.lastPresent = read
  }
}

/**
 * The last read that missed it, and the first one after it was known. Each walk passes only reads that saw it, so that
 * all of them together take no longer than what was read.
 */
function noteMissing(key: string, element: Element, reads: readonly Seen[]): void {
  let last = reads.length - 1
  while (last >= 0 && reads[last]?.seen.has(key) === true) last--
  element.lastAbsent = reads[last]?.read
  let [first, after] = [0, reads.length]
  while (first < after) {
    const middle = (first + after) >> 1
    if ((reads[middle] as Seen).read.start > element.knownAt) after = middle
    else first = middle + 1
  }
  while (reads[first]?.seen.has(key) === true) first++
  element.missedBy = reads[first]?.read
}

function classify({
  knownAt,
  lastPresent,
  lastAbsent,
  missedBy,
}: Element): 'stable' | 'stale' | 'lost' | 'neverRead' | undefined {
  const absentAt = lastAbsent?.start ?? -1
  const presentAt = lastPresent?.start ?? -1
  if (absentAt > knownAt && absentAt > presentAt) return 'lost'
  if (lastPresent === undefined) return 'neverRead'
  return missedBy === undefined ? 'stable' : 'stale'
}
