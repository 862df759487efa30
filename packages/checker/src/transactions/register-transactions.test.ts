import { describe, expect, test } from 'vitest'
import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import * as ir from './register-transactions.ts'

type Step = Partial<Operation> & Pick<Operation, 'op'>

/** Operations one after the other unless they say `start` and `end`. */
function historyOf(steps: readonly Step[], extra: Partial<History> = {}): History {
  const operations = steps.map((step, index): Operation => {
    const status = step.status ?? 'ok'
    const end = status === 'ok' ? index * 2 + 1 : Infinity
    return { index, process: 1, status, start: index * 2, end, ...step }
  })
  return { operations, faults: [], realTime: true, ...extra }
}
const read = (key: string, output: unknown, more: Partial<Operation> = {}): Step => ({
  op: 'read',
  key,
  output,
  ...more,
})
const write = (key: string, input: unknown, more: Partial<Operation> = {}): Step => ({
  op: 'write',
  key,
  input,
  ...more,
})
const txn = (output: unknown, more: Partial<Operation> = {}): Step => ({
  op: 'txn',
  output,
  input: output,
  ...more,
})
const kinds = (steps: readonly Step[], extra?: Partial<History>): number[] => [
  ...ir.registerTransactions(historyOf(steps, extra)).readKind,
]

describe('registerTransactions()', () => {
  test('a read of a unique value has its write as source', () => {
    const t = ir.registerTransactions(
      historyOf([write('x', 'a'), write('y', 'a'), read('y', 'a'), read('x', null)]),
    )
    expect([...t.readKind]).toEqual([ir.NOT_A_READ, ir.NOT_A_READ, ir.EXTERNAL, ir.INITIAL])
    expect([...t.source]).toEqual([-1, -1, 1, -1])
    expect(t.badReads).toEqual([])
  })

  test('a cas that was done reads and writes; one that compared unequal says nothing', () => {
    const t = ir.registerTransactions(
      historyOf([
        write('x', 1),
        { op: 'cas', key: 'x', input: [1, 2], output: true },
        { op: 'cas', key: 'x', input: [9, 3], output: false },
      ]),
    )
    expect([...t.eventStart]).toEqual([0, 1, 3, 3])
    expect([...t.readKind]).toEqual([ir.NOT_A_READ, ir.EXTERNAL, ir.NOT_A_READ])
  })

  test('classifies reads that nothing allows', () => {
    expect(kinds([read('x', 1)])).toEqual([ir.THIN_AIR])
    expect(kinds([write('x', 1, { status: 'fail' }), read('x', 1)])).toEqual([0, ir.FROM_ABORTED])
    expect(
      kinds([
        txn([
          ['w', 'x', 1],
          ['w', 'x', 2],
        ]),
        read('x', 1),
      ]),
    ).toEqual([0, 0, ir.INTERMEDIATE])
    expect(
      kinds([
        txn([
          ['r', 'x', 1],
          ['w', 'x', 1],
        ]),
      ]),
    ).toEqual([ir.FUTURE, 0])
    expect(
      kinds([
        txn([
          ['w', 'x', 1],
          ['r', 'x', 2],
        ]),
        write('x', 2),
      ]),
    ).toEqual([0, ir.NOT_OWN, 0])
    expect(
      kinds([
        txn([
          ['w', 'x', 1],
          ['r', 'x', 1],
        ]),
      ]),
    ).toEqual([0, ir.OWN])
    const t = ir.registerTransactions(historyOf([read('x', 1), read('x', 2), write('x', 2)]))
    expect(t.badReads).toEqual([0])
  })

  test('an unknown write that was read happened; one that was not may never have', () => {
    const steps = [
      write('x', 1, { status: 'unknown' }),
      write('x', 2, { status: 'unknown' }),
      read('x', 1, { process: 2 }),
    ]
    expect([...ir.registerTransactions(historyOf(steps)).status]).toEqual([
      ir.OBSERVED,
      ir.UNKNOWN,
      ir.COMMITTED,
    ])
  })

  test('an unknown cas that was read happened, and so did what it read', () => {
    const steps: Step[] = [
      write('x', 1, { status: 'unknown', process: 3 }),
      { op: 'cas', key: 'x', input: [1, 2], status: 'unknown', process: 2 },
      read('x', 2),
    ]
    expect([...ir.registerTransactions(historyOf(steps)).status]).toEqual([
      ir.OBSERVED,
      ir.OBSERVED,
      ir.COMMITTED,
    ])
  })

  test('reads of an unknown transaction say nothing', () => {
    const unknown = {
      op: 'txn',
      input: [
        ['r', 'x', null],
        ['w', 'y', 1],
      ],
      status: 'unknown',
    } as const
    expect(kinds([unknown, read('y', 1)])).toEqual([ir.UNSEEN, 0, ir.EXTERNAL])
  })

  test('a value with two writers is ambiguous, with the first as a guess', () => {
    const t = ir.registerTransactions(historyOf([write('x', 1), write('x', 1), read('x', 1)]))
    expect([t.readKind[2], t.source[2], t.duplicate, t.guesses]).toEqual([ir.AMBIGUOUS, 0, [0, 1], true])
  })

  test('a written initial value is ambiguous, with the write as a guess', () => {
    const t = ir.registerTransactions(historyOf([write('x', 0), read('x', 0), read('y', 0)], { initial: 0 }))
    expect([...t.readKind]).toEqual([0, ir.AMBIGUOUS, ir.INITIAL])
    expect([t.source[1], t.duplicate]).toEqual([0, [-1, 0]])
  })

  test('aborted and overwritten writes do not make a value ambiguous', () => {
    const steps = [
      write('x', 1, { status: 'fail' }),
      txn([
        ['w', 'x', 1],
        ['w', 'x', 2],
      ]),
      write('x', 1),
      read('x', 1),
    ]
    const t = ir.registerTransactions(historyOf(steps))
    expect([t.readKind[4], t.source[4]]).toEqual([ir.EXTERNAL, 3])
  })

  test('sessions list what is not aborted, in program order', () => {
    const t = ir.registerTransactions(
      historyOf([
        write('x', 1),
        write('x', 2, { process: 'b' }),
        write('x', 3, { status: 'fail' }),
        read('x', 2),
      ]),
    )
    expect([...t.sessionStart]).toEqual([0, 2, 3])
    expect([...t.sessionTransactions]).toEqual([0, 3, 1])
    expect(t.processes).toEqual([1, 'b'])
  })

  test('refuses what is not of a register', () => {
    const bad: Step[] = [
      { op: 'append', key: 'x', input: 1 },
      { op: 'cas', key: 'x', input: 1 },
      { op: 'txn', output: undefined },
      { op: 'txn', output: [['append', 'x', 1]] },
    ]
    for (const step of bad)
      expect(() => ir.registerTransactions(historyOf([write('x', 1), { ...step, line: 7 }]))).toThrow(
        HistoryContentError,
      )
    expect(() => ir.registerTransactions(historyOf([{ op: 'append', line: 7 }]))).toThrow(
      "Cannot check operation #0 (line 7): 'append' is not an operation of a register: read, write, cas or txn",
    )
  })

  test('refuses a process that does two things at a time', () => {
    const steps = [write('x', 1, { end: 9 }), read('x', 1)]
    expect(() => ir.registerTransactions(historyOf(steps))).toThrow(
      'process 1 began it before its #0 had completed',
    )
  })
})

test('ValueIds gives equal values equal numbers, whatever their type', () => {
  const ids = new ir.ValueIds()
  const values = [
    0,
    1,
    -1,
    1.5,
    '1',
    null,
    2 ** 40,
    9007199254740993n,
    [1, { a: 2, b: 3 }],
    true,
    5_000_000,
    'x',
  ]
  const numbers = values.map((value) => ids.idOf(value))
  expect(new Set(numbers).size).toBe(values.length)
  expect(ids.idOf(-0)).toBe(ids.idOf(0))
  expect(ids.idOf(undefined)).toBe(ids.idOf(null))
  expect(ids.idOf([1, { b: 3, a: 2 }])).toBe(numbers[8])
  values.forEach((value, index) => expect(ids.valueOf(numbers[index]!)).toBe(value))
})
