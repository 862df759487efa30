// Many who put text in at one place, some of whom lie about what they saw: how much of the document is looked at to find
// who stands where. In steps, so that the answer is the same on every machine.
import { expect, test } from 'vitest'
import { DERIVED, Insertion, NOWHERE, type Op, Removal } from './ops.ts'
import { Sequence } from './sequence.ts'

/** Characters by place, a name and a counter each; counter 0 is the start or the end. */
type Place = readonly [node: string, counter: number]
const END: Place = [NOWHERE, 0]

const put = (node: string, counter: number, [left, leftCounter]: Place, [right, rightCounter]: Place): Op =>
  new Insertion(node, counter, 1, 'y', left, leftCounter, right, rightCounter)
const rightOf = (node: string, counter: number, left: Place): Op =>
  put(node, counter, left, [NOWHERE, DERIVED])
const leftOf = (node: string, counter: number, right: Place): Op =>
  put(node, counter, [NOWHERE, DERIVED], right)
const run = (node: string, length: number): Op =>
  new Insertion(node, 1, length, 'x'.repeat(length), NOWHERE, 0, NOWHERE, DERIVED)
const nameOf = (i: number): string => `r${String(i).padStart(6, '0')}`

/** Numbers from 0 up, all of them, in a fixed disorder (Lehmer's generator). */
function mixed(n: number): number[] {
  const out = Array.from({ length: n }, (_, i) => i)
  let state = 7
  for (let i = n - 1; i > 0; i--) {
    state = (state * 48_271) % 2_147_483_647
    const j = state % (i + 1)
    ;[out[i], out[j]] = [out[j] as number, out[i] as number]
  }
  return out
}
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const downFrom = (n: number): number[] => upTo(n).toReversed()
const orders: [name: string, order: (n: number) => number[]][] = [
  ['up', upTo],
  ['down', downFrom],
  ['mixed', mixed],
]

/** Text typed backwards: each character is left child of the one before it. */
const backwards = (n: number): Op[] => [
  rightOf('m', 1, END),
  ...upTo(n - 1).map((i) => leftOf('m', i + 2, ['m', i + 1])),
]

/** What a hostile writer may send: of about `n` insertions, in an order of numbers. */
const kinds: [name: string, make: (n: number, order: (n: number) => number[]) => Op[]][] = [
  ['right children of the start', (n, order) => order(n).map((i) => rightOf(nameOf(i), 1, END))],
  [
    'right children of the start by one writer',
    (n, order) => order(n).map((_, i) => rightOf('a', i + 1, END)),
  ],
  [
    'left children of one character',
    (n, order) => [run('a', n), ...order(n).map((i) => leftOf(nameOf(i), 1, ['a', 1]))],
  ],
  [
    'right children of each character of a run',
    (n, order) => [run('a', n + 1), ...order(n).map((i) => rightOf(nameOf(i), 1, ['a', i + 1]))],
  ],
  [
    'left children of each character of a run',
    (n, order) => [run('a', n + 1), ...order(n).map((i) => leftOf(nameOf(i), 1, ['a', i + 1]))],
  ],
  [
    'forged right origins in the text after them',
    (n, order) => [run('a', n + 1), ...order(n).map((i) => put(nameOf(i), 1, END, ['a', i + 2]))],
  ],
  [
    'forged right origins before the left one',
    (n, order) => [run('a', n + 1), ...order(n).map((i) => put(nameOf(i), 1, ['a', n], ['a', i + 1]))],
  ],
  [
    'forged right origins by one writer',
    (n, order) => [run('a', n + 1), ...order(n).map((i, j) => put('b', j + 1, END, ['a', i + 2]))],
  ],
  [
    'forged right origins within what is derived from a sibling',
    (n, order) => [run('a', n + 1), ...order(n).map((i) => put(nameOf(i), 1, ['a', 1], ['a', i + 2]))],
  ],
  [
    'left children, named after, of text typed backwards',
    (n, order) => [...backwards(n), ...order(n).map((i, j) => leftOf('z', j + 1, ['m', i + 1]))],
  ],
  [
    'left children, named before, of text typed backwards',
    (n, order) => [...backwards(n), ...order(n).map((i, j) => leftOf('b', j + 1, ['m', i + 1]))],
  ],
  [
    'right children of text typed backwards',
    (n, order) => [...backwards(n), ...order(n).map((i, j) => rightOf('z', j + 1, ['m', i + 1]))],
  ],
  [
    'forged right origins in text typed backwards',
    (n, order) => [...backwards(n), ...order(n).map((i, j) => put('z', j + 1, ['m', n >> 1], ['m', i + 1]))],
  ],
  [
    'right children of the start, each with a left child',
    (n, order) => [
      ...order(n).map((i) => rightOf(nameOf(i), 1, END)),
      ...order(n).map((i) => leftOf(`s${nameOf(i)}`, 1, [nameOf(i), 1])),
    ],
  ],
  [
    'left children of one character, each with many',
    (n, order) => [
      run('a', 1),
      ...upTo(50).map((i) => leftOf(nameOf(i), 1, ['a', 1])),
      ...order(n).map((i) => leftOf(`s${nameOf(i)}`, 1, [nameOf(i % 50), 1])),
    ],
  ],
  [
    'a chain of characters of many writers, with siblings',
    (n, order) => [
      ...upTo(n).map((i) => rightOf(nameOf(i), 1, i === 0 ? END : [nameOf(i - 1), 1])),
      ...order(n).map((i) => rightOf(`s${nameOf(i)}`, 1, [nameOf(i), 1])),
    ],
  ],
  [
    'siblings between deleted characters',
    (n, order) => [
      run('a', n),
      ...order(n).map((i, j) => new Removal('d', j + 1, 1, 'a', i + 1, 1)),
      ...order(n).map((i) => put(nameOf(i), 1, ['a', 1], ['a', i + 1])),
    ],
  ],
]

const N = 2000

test.each(kinds.flatMap(([kind, make]) => orders.map(([name, order]) => [kind, name, make, order] as const)))(
  '%s (%s): four times as many take hardly more steps each',
  (_kind, _name, make, order) => {
    const stepsEach = (n: number): number => {
      const ops = make(n, order)
      const sequence = new Sequence(true)
      for (const op of ops) sequence.apply(op)
      const visible = ops.reduce((sum, op) => sum + (op instanceof Removal ? -op.length : op.length), 0)
      expect(sequence.length).toBe(visible)
      return sequence.siblings.steps / ops.length
    }
    const few = stepsEach(N)
    const many = stepsEach(4 * N)
    // O(log² n): about 1.4 times as many, and once more where the tree gets a level. What is linear makes it 4.
    expect(many).toBeLessThan(2 * few + 10)
    expect(many).toBeLessThan(400)
  },
)
