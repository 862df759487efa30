import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { sameValue, valueKey } from '../value.ts'
import { at, type InvariantOptions, mustBeNamed, Report, shown } from './report.ts'

/** Answer of {@link checkLongFork}. */
export interface LongForkResult extends CheckResult {
  /** Pairs of reads that saw two writes in opposite orders. */
  readonly forks: readonly (readonly [number, number])[]
}

/**
 * No two readers see two writes in opposite orders: the long fork, which parallel snapshot isolation allows and
 * snapshot isolation does not (Sovran et al., SOSP 2011). For histories in which each key is written once, and read
 * in groups: reads (`read` or `txn`) put out `['r', key, value]` steps, with the history's initial value, `null` or
 * nothing for a key not written yet. What a transaction reads after it wrote it does not count: two that see only
 * their own write are write skew, which snapshot isolation allows. Takes time linear in the reads.
 *
 * @throws HistoryContentError for an operation of another name or shape, or a key with two values.
 */
export function checkLongFork(history: History, options?: InvariantOptions): LongForkResult {
  const promise = 'no long fork'
  mustBeNamed(history, promise, ['read', 'write', 'txn'])
  const report = new Report(promise, options)
  const values = new Map<string, unknown>()
  /** By keys a and b: the first read that saw a, but not b. */
  const witnesses = new Map<string, Operation>()
  const forks = new Map<string, [number, number]>()
  let reads = 0
  for (const read of history.operations) {
    if (read.op === 'write' || read.status !== 'ok') continue
    const steps = readsOf(read, history.initial)
    if (steps.length > 0) reads++
    for (const [key, value] of steps) {
      if (value === null) continue
      if (!values.has(key)) values.set(key, value)
      else if (!sameValue(values.get(key), value)) {
        const reason = `each key must be written once, but ${key} was seen as ${shown(values.get(key))} and ${shown(value)}`
        throw new HistoryContentError(read.index, reason, read.line)
      }
    }
    for (const [a, seen] of steps) {
      if (seen === null) continue
      for (const [b, other] of steps) {
        if (other !== null) continue
        const key = JSON.stringify([a, b])
        if (!witnesses.has(key)) witnesses.set(key, read)
        const opposite = witnesses.get(JSON.stringify([b, a]))
        if (opposite === undefined) continue
        const pair = `${opposite.index} ${read.index}`
        if (forks.has(pair)) continue
        forks.set(pair, [opposite.index, read.index])
        report.add({
          name: 'long-fork',
          message: `${at(opposite)} saw ${b} but not ${a}, ${at(read)} saw ${a} but not ${b}`,
          operations: [read.index, opposite.index],
        })
      }
    }
  }
  const unknown = reads < 2 ? 'fewer than two reads of groups' : undefined
  const result = report.result({ operations: history.operations.length, reads }, unknown)
  return { ...result, forks: [...forks.values()] }
}

/** What it saw of others; `null` for what was not written yet. */
function readsOf(read: Operation, initial: unknown): [key: string, value: unknown][] {
  if (!Array.isArray(read.output)) {
    throw new HistoryContentError(read.index, 'a read must put out ["r", key, value] steps', read.line)
  }
  const steps = new Map<string, unknown>()
  const own = new Set<string>()
  for (const step of read.output as unknown[]) {
    if (!Array.isArray(step) || step.length !== 3) {
      throw new HistoryContentError(read.index, `${shown(step)} is not a step ["r", key, value]`, read.line)
    }
    const [op, , value] = step as unknown[]
    const key = valueKey(step[1])
    if (op !== 'r' && op !== 'read') own.add(key)
    else if (!own.has(key)) steps.set(key, value === undefined || sameValue(value, initial) ? null : value)
  }
  return [...steps]
}
