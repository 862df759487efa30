// A state read at once against the same state taken in edit by edit, on what is made to be hard: for the answer and for
// the time it takes.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Network, steps } from '../../test/text/network.ts'
import { encodeOps } from './codec.ts'
import { decodeRows } from './decoder.ts'
import { createText, decodeText, type Text, type TextChangeEvent, type TextDelta } from './index.ts'
import { load } from './load.ts'
import { DERIVED, Insertion, NOWHERE, type Op, Removal } from './ops.ts'
import { Sequence } from './sequence.ts'
import type { Leaf } from './tree.ts'

const hex = (source: { encode(): Uint8Array }): string => Buffer.from(source.encode()).toString('hex')
const rightOf = (node: string, counter: number, left: string, leftCounter: number, text = 'x'): Insertion =>
  new Insertion(node, counter, text.length, text, left, leftCounter, NOWHERE, DERIVED)
const leftOf = (node: string, counter: number, right: string, rightCounter: number): Insertion =>
  new Insertion(node, counter, 1, 'x', NOWHERE, DERIVED, right, rightCounter)
const atStart = (node: string, counter = 1): Insertion => rightOf(node, counter, NOWHERE, 0)

/** True if bytes are read at once, not edit by edit. What the leaves know of their pieces is right then. */
function isLoaded(bytes: Uint8Array): boolean {
  const sequence = new Sequence(false)
  if (!load(sequence, decodeRows(bytes))) return false
  for (let leaf: Leaf | undefined = sequence.tree.first; leaf !== undefined; leaf = leaf.after) {
    const { units, points, depth, level, pieces } = leaf
    const shown = pieces.filter((piece) => !piece.deleted)
    const [first] = pieces.toSorted((a, b) => a.depth - b.depth || a.level - b.level)
    const sums = [
      shown.reduce((sum, piece) => sum + piece.length * piece.width, 0),
      shown.reduce((sum, piece) => sum + piece.length, 0),
    ]
    expect([units, points, depth, level]).toEqual([...sums, first?.depth ?? Infinity, first?.level ?? 0])
  }
  return true
}

/** A copy that has taken in each edit alone. */
function editByEdit(ops: readonly Op[]): Text {
  const text = createText({ replica: 'reader', maxPending: 1e6 })
  for (const op of ops) text.merge(encodeOps([op]))
  return text
}

describe('a whole state', () => {
  test('is the same read at once, merged into an empty copy, and edit by edit; and so is what is typed then', () => {
    let loaded = 0
    fc.assert(
      fc.property(steps(3), (list) => {
        const network = new Network(3)
        for (const step of list) network.run(step)
        for (const text of network.texts) {
          const bytes = text.encode()
          if (isLoaded(bytes)) loaded++
          const read = decodeText(bytes, { replica: 'reader' })
          const merged = createText({ replica: 'reader' })
          merged.merge(bytes)
          const slow = createText({ replica: 'reader' })
          for (const { delta } of network.edits) slow.merge(delta)
          slow.merge(text)
          read.merge(slow)
          merged.merge(slow)
          for (const one of [read, merged, slow]) one.insert(0, '|')
          expect([read.toString(), merged.toString()]).toEqual([slow.toString(), slow.toString()])
          expect([hex(read), hex(merged)]).toEqual([hex(slow), hex(slow)])
        }
      }),
      { numRuns: 200 },
    )
    // Else it is not about what it says.
    expect(loaded).toBeGreaterThan(100)
  })

  test('is edited like one that came edit by edit, wherever that is, and whatever was looked at before', () => {
    const edits = (most: number): fc.Arbitrary<(readonly [at: number, kind: number])[]> =>
      fc.array(fc.tuple(fc.nat(9999), fc.nat(5)), { minLength: most / 2, maxLength: most, size: 'max' })
    const play = (text: Text, [at, kind]: readonly [number, number]): TextDelta | string => {
      const index = Math.floor((at * text.length) / 10_000)
      if (kind === 0) return text.slice(index, index + 40)
      return kind < 3 ? text.insert(index, 'xy') : text.delete(index, Math.min(kind, text.length - index))
    }
    const shown = (answer: TextDelta | string): string => (typeof answer === 'string' ? answer : hex(answer))
    let loaded = 0
    fc.assert(
      fc.property(edits(400), edits(30), (before, after) => {
        const slow = createText({ replica: 'c' })
        const writers = [createText({ replica: 'a' }), createText({ replica: 'b' })] as const
        slow.merge(writers[0].insert(0, 'what all of it is about, '.repeat(40)))
        for (const [i, step] of before.entries()) {
          // One after the other, as two who meet at one place can not be read at once.
          const one = writers[i % 50 === 0 ? 1 : 0]
          one.merge(slow)
          const delta = play(one, step)
          if (typeof delta !== 'string') slow.merge(delta)
        }
        const bytes = slow.encode()
        if (isLoaded(bytes)) loaded++
        const read = decodeText(bytes, { replica: 'c' })
        for (const step of after) expect(shown(play(read, step))).toBe(shown(play(slow, step)))
        for (const one of writers) one.merge(read)
        expect([read.toString(), writers[0].toString()]).toEqual([slow.toString(), slow.toString()])
        expect([hex(read), hex(writers[1])]).toEqual([hex(slow), hex(slow)])
      }),
      { numRuns: 20 },
    )
    expect(loaded).toBeGreaterThan(15)
  })

  test('that comes into an empty copy is told as one insertion', () => {
    const one = createText({ replica: 'a' })
    one.insert(0, 'hello world')
    one.delete(0, 5)
    one.insert(0, 'bye')
    const other = createText({ replica: 'b' })
    const events: TextChangeEvent[] = []
    other.on('change', (event) => events.push(event))
    expect([other.merge(one.encode()), other.merge(one.encode())]).toEqual([true, false])
    expect(events).toEqual([{ origin: 'remote', changes: [{ index: 0, deleted: 0, inserted: 'bye world' }] }])
    other.insert(0, '>')
    expect([other.toString(), other.canUndo]).toEqual(['>bye world', true])
  })

  test('with more events than 32 bits hold is read at once too', () => {
    const many = 2 ** 33
    const ops = [
      new Insertion('a', 1, many, undefined, NOWHERE, 0, NOWHERE, DERIVED),
      leftOf('a', many + 1, 'a', many),
      rightOf('a', many + 2, NOWHERE, 0, 'yz'),
      new Removal('b', 1, many, 'a', many, -1),
    ]
    const bytes = encodeOps(ops)
    const text = decodeText(bytes, { replica: 'c' })
    expect([isLoaded(bytes), text.toString(), text.version.get('b')]).toEqual([true, 'xyz', many])
    const slow = createText({ replica: 'c' })
    slow.merge(text)
    const own = Buffer.from(bytes).toString('hex')
    expect([slow.toString(), hex(slow), hex(text)]).toEqual(['xyz', own, own])
  })

  test('whose edits wait for each other is held, never shown, however it comes', () => {
    // Each writer's first edit stands beside the other's second.
    const ops = [rightOf('a', 1, 'b', 2), atStart('a', 2), rightOf('b', 1, 'a', 2), atStart('b', 2)]
    const bytes = encodeOps(ops)
    const merged = createText({ replica: 'c' })
    merged.merge(bytes)
    for (const one of [decodeText(bytes, { replica: 'c' }), merged, editByEdit(ops)]) {
      expect([one.toString(), one.hasGaps, hex(one)]).toEqual(['', true, Buffer.from(bytes).toString('hex')])
    }
    // With the two the other way round in one of them nothing waits.
    const fine = encodeOps([
      atStart('a', 1),
      rightOf('a', 2, 'b', 2),
      rightOf('b', 1, 'a', 1),
      atStart('b', 2),
    ])
    expect([isLoaded(bytes), isLoaded(fine)]).toEqual([false, true])
    expect(decodeText(fine, { replica: 'c' }).hasGaps).toBe(false)
  })

  test.each<[string, readonly Op[]]>([
    [
      'a deletion of a deletion',
      [atStart('a'), new Removal('a', 2, 1, 'a', 1, 1), new Removal('b', 1, 1, 'a', 2, 1)],
    ],
    ['a child of a deletion', [atStart('a'), new Removal('a', 2, 1, 'a', 1, 1), leftOf('b', 1, 'a', 2)]],
    ['a deletion past the last edit', [atStart('a'), new Removal('b', 1, 2, 'a', 1, 1)]],
    ['a gap', [atStart('a', 2)]],
    ['a right child within a run', [rightOf('a', 1, NOWHERE, 0, 'xy'), rightOf('b', 1, 'a', 1)]],
  ])('with %s is not read at once, and nothing has changed', (_name, ops) => {
    const sequence = new Sequence(false)
    const bytes = encodeOps(ops)
    expect(load(sequence, decodeRows(bytes))).toBe(false)
    expect([sequence.length, sequence.sites.size, sequence.tree.first.pieces.length]).toEqual([0, 1, 0])
  })
})

const nameOf = (i: number): string => `w${String(i).padStart(6, '0')}`
const many = (n: number, make: (i: number) => Op): Op[] => Array.from({ length: n }, (_, i) => make(i))

/** What would take the square of its number if it were looked at one by one. */
const HOSTILE: readonly [name: string, make: (n: number) => Op[]][] = [
  ['writers', (n) => many(n, (i) => atStart(nameOf(i)))],
  [
    'writers who each wait for the next',
    (n) => many(n, (i) => (i === n - 1 ? atStart(nameOf(i)) : rightOf(nameOf(i), 1, nameOf(i + 1), 1))),
  ],
  [
    'characters deleted again and again',
    (n) => [
      ...many(n, (i) => new Insertion('a', i + 1, 1, undefined, NOWHERE, 0, NOWHERE, DERIVED)),
      ...many(n, (i) => new Removal('b', i * n + 1, n, 'a', 1, 1)),
    ],
  ],
  [
    'left children of one run, the last first',
    (n) => [
      new Insertion('a', 1, n, 'x'.repeat(n), NOWHERE, 0, NOWHERE, DERIVED),
      ...many(n - 1, (i) => leftOf('b', i + 1, 'a', n - i)),
    ],
  ],
  ['a chain of left children', (n) => many(n, (i) => (i === 0 ? atStart('a') : leftOf('a', i + 1, 'a', i)))],
  [
    'two who answer each other',
    (n) => [
      ...many(n, (i) => (i === 0 ? atStart('a') : rightOf('a', i + 1, 'b', i))),
      ...many(n, (i) => rightOf('b', i + 1, 'a', i + 1)),
    ],
  ],
]

/** CPU that reading takes, the least of some attempts, ms. */
function costOf(bytes: Uint8Array): number {
  let least = Infinity
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = process.cpuUsage()
    decodeText(bytes, { replica: 'reader' })
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

test.each(HOSTILE)('%s: read at once, in time that grows as their number', (_name, make) => {
  const n = 4000
  const [few, more] = [encodeOps(make(n)), encodeOps(make(4 * n))]
  expect([isLoaded(few), isLoaded(more)]).toEqual([true, true])
  costOf(few)
  // The square would be 16 times as much, and half a second and more where it was found; a few ms are the clock's grain.
  expect(costOf(more)).toBeLessThan(9 * costOf(few) + 10)
})
