// What merging costs while edits wait, and where the same is deleted again and again: in steps, so that the answer is
// the same on every machine.
import { describe, expect, test } from 'vitest'
import { Inbox } from './inbox.ts'
import { DERIVED, Insertion, NOWHERE, type Op, Removal } from './ops.ts'
import { Sequence } from './sequence.ts'
import { readRange } from './visible.ts'

const after = (node: string, counter: number, left: string, leftCounter: number): Op =>
  new Insertion(node, counter, 1, 'x', left, leftCounter, NOWHERE, DERIVED)
const typed = (node: string, counter: number): Op =>
  counter === 1 ? after(node, 1, NOWHERE, 0) : after(node, counter, node, counter - 1)
const nameOf = (i: number): string => `r${String(i).padStart(6, '0')}`
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

class Reader {
  readonly sequence = new Sequence(true)
  readonly inbox = new Inbox(this.sequence, Infinity)
  #steps = 0

  get steps(): number {
    return this.#steps + this.sequence.hidings
  }

  merge(ops: readonly Op[]): void {
    const plan = this.inbox.plan(ops, 'reader', false)
    for (const op of plan.ready) this.sequence.apply(op)
    for (const { node, from, to } of this.inbox.keep(plan)) this.sequence.hideEarly(node, from, to)
    this.#steps += plan.draft.steps + plan.ready.length
  }
}

/** Characters of one replica, each followed by one of another, so that each is a piece of its own. */
const fragmented = (n: number): Op[] => [
  new Insertion('a', 1, n, 'x'.repeat(n), NOWHERE, 0, NOWHERE, DERIVED),
  ...upTo(n).map((i) => after('A', i + 1, 'a', i + 1)),
]

const N = 500

describe('four times as many take hardly more steps each', () => {
  test.each<[string, (n: number) => Op[][]]>([
    ['edits of one replica, the last first', (n) => upTo(n).map((i) => [typed('a', n - i)])],
    [
      'edits that come while many replicas wait for one of the same replica each',
      (n) => [
        upTo(n).map((i) => after(nameOf(i), 1, 'a', i + 1)),
        ...upTo(n).map((i) => [typed('a', i + 1)]),
      ],
    ],
    [
      'edits that come while many replicas wait for the last',
      (n) => [upTo(n).map((i) => after(nameOf(i), 1, 'a', n)), ...upTo(n).map((i) => [typed('a', i + 1)])],
    ],
    [
      'edits that come while others wait for edits of their own replica',
      (n) => [
        upTo(n).map((i) => typed(nameOf(i), 2)),
        upTo(n).map((i) => typed('gap', 2 * i + 2)),
        ...upTo(n).map((i) => [typed('a', i + 1)]),
      ],
    ],
    [
      'characters that deletions wait for',
      (n) => [
        upTo(n).map((i) => new Removal('d', i + 2, 1, 'a', i + 1, 1)),
        ...upTo(n).map((i) => [typed('a', i + 1)]),
      ],
    ],
    [
      'deletions of a whole text, one message each',
      (n) => [fragmented(n), ...upTo(n).map((i) => [new Removal(nameOf(i), 1, n, 'a', 1, 1)])],
    ],
    [
      'deletions of a whole text by backspace, in one message with the text',
      (n) => [[...fragmented(n), ...upTo(n).map((i) => new Removal(nameOf(i), 1, n, 'a', n, -1))]],
    ],
    [
      'deletions of a whole text that wait',
      (n) => [fragmented(n), ...upTo(n).map((i) => [new Removal(nameOf(i), 2, n, 'a', 1, 1)])],
    ],
  ])('%s', (_name, make) => {
    const stepsEach = (n: number): number => {
      const messages = make(n)
      const reader = new Reader()
      for (const ops of messages) reader.merge(ops)
      return reader.steps / messages.flat().length
    }
    const few = stepsEach(N)
    const many = stepsEach(4 * N)
    expect(many).toBeLessThan(1.5 * few + 3)
    expect(many).toBeLessThan(40)
  })
})

test('what waits comes in as soon as what it needs is there, and only then', () => {
  const n = 300
  const reader = new Reader()
  reader.merge(upTo(n).map((i) => after(nameOf(i), 1, 'a', ((i * 7) % n) + 1)))
  expect([reader.inbox.pending, reader.sequence.length]).toEqual([n, 0])
  for (const i of upTo(n)) {
    reader.merge([typed('a', i + 1)])
    expect([reader.inbox.pending, reader.sequence.length]).toEqual([n - i - 1, 2 * (i + 1)])
  }
  expect(reader.inbox.ops).toEqual([])
})

test('a merge that is refused leaves those who wait where they were', () => {
  const reader = new Reader()
  // `b` waits for the first of `a`; `c` for the second, which is a deletion and no place to stand beside.
  reader.merge([after('b', 1, 'a', 1), after('c', 1, 'a', 2)])
  expect(() => reader.merge([typed('a', 1), new Removal('a', 2, 1, 'a', 1, 1)])).toThrow(
    expect.objectContaining({ code: 'QUORATE_DECODE' }),
  )
  expect([reader.inbox.pending, reader.sequence.length]).toEqual([2, 0])
  reader.merge([typed('a', 1)])
  expect([reader.inbox.pending, reader.sequence.length]).toEqual([1, 2])
  reader.merge([typed('a', 2)])
  expect([reader.inbox.pending, readRange(reader.sequence, 0, 4)]).toEqual([0, 'xxxx'])
})
