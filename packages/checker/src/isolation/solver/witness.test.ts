import { describe, expect, it } from 'vitest'
import type { History } from '../../history.ts'
import type { MicroOperation, Operation } from '../../operation.ts'
import { registerTransactions } from '../../transactions/register-transactions.ts'
import type { Problem } from './problem.ts'
import { faultOf } from './witness.ts'

/** Transactions of process 0, one after the other, given by their reads and writes. */
function problemOf(
  level: Problem['level'],
  txns: readonly (readonly MicroOperation[])[],
  order: Partial<Problem> = {},
): Problem {
  const operations = txns.map((output, index): Operation => {
    return { index, process: 0, op: 'txn', output, status: 'ok', start: index * 2, end: index * 2 + 1 }
  })
  const history: History = { operations, faults: [], realTime: true, initial: 0 }
  const transactions = registerTransactions(history)
  return {
    transactions,
    level,
    sessionOrder: false,
    realTime: false,
    guess: true,
    maxPairedWriters: 4,
    ...order,
  }
}

/** `line`: nodes in the order to be tried; of split levels snapshot `2t` and commit `2t + 1`. */
function faultIn(problem: Problem, line: readonly number[]): string | undefined {
  const rank = new Int32Array(line.length)
  line.forEach((node, place) => (rank[node] = place))
  const members = Int32Array.from({ length: problem.transactions.size }, (_, t) => t)
  return faultOf(problem, members, rank)
}

describe('faultOf()', () => {
  const update: readonly (readonly MicroOperation[])[] = [
    [['r', 'x', 0], ['w', 'x', 1]],
    [['r', 'x', 0], ['w', 'x', 2]],
  ] // prettier-ignore
  const readAfterWrite: readonly (readonly MicroOperation[])[] = [[['w', 'x', 1]], [['r', 'x', 1]]]

  it('accepts an order that explains all reads, and no other', () => {
    expect(faultIn(problemOf('serializable', readAfterWrite), [0, 1])).toBeUndefined()
    expect(faultIn(problemOf('serializable', readAfterWrite), [1, 0])).toBe('#1 reads another value')
    expect(faultIn(problemOf('prefix', readAfterWrite), [0, 1, 2, 3])).toBeUndefined()
    expect(faultIn(problemOf('prefix', readAfterWrite), [0, 2, 1, 3])).toBe('#1 reads another value')
  })

  it('refuses a lost update to snapshot isolation, but not to prefix consistency', () => {
    expect(faultIn(problemOf('snapshot-isolation', update), [0, 2, 1, 3])).toBe(
      '#1 overwrites what its snapshot does not have',
    )
    expect(faultIn(problemOf('prefix', update), [0, 2, 1, 3])).toBeUndefined()
    expect(faultIn(problemOf('serializable', update), [0, 1])).toBe('#1 reads another value')
  })

  it('refuses an order against that of a session or of real time, where they count', () => {
    const writes: readonly (readonly MicroOperation[])[] = [[['w', 'x', 1]], [['w', 'y', 1]]]
    expect(faultIn(problemOf('serializable', writes), [1, 0])).toBeUndefined()
    expect(faultIn(problemOf('serializable', writes, { sessionOrder: true }), [1, 0])).toBe(
      '#1 misses its own session',
    )
    expect(faultIn(problemOf('serializable', writes, { realTime: true }), [1, 0])).toBe(
      '#1 misses what had completed before it',
    )
    expect(faultIn(problemOf('prefix', writes, { sessionOrder: true }), [0, 2, 1, 3])).toBe(
      '#1 misses its own session',
    )
    expect(faultIn(problemOf('prefix', writes, { realTime: true }), [0, 1, 2, 3])).toBeUndefined()
  })
})
