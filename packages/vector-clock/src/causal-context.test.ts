import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { CausalContext } from './causal-context.ts'
import { DecodeError, VersionVector } from './index.ts'

const dots = (text: string): CausalContext =>
  new CausalContext(text.split(' ').map((dot) => ({ node: dot[0] as string, counter: Number(dot.slice(1)) })))

test('a gap stays out of the vector until it is filled', () => {
  const seen = dots('a1 a3 b2')
  expect(seen.vector.toJSON()).toEqual({ a: 1 })
  expect(seen.hasGaps).toBe(true)
  expect(seen.has({ node: 'a', counter: 2 })).toBe(false)
  expect(seen.has({ node: 'a', counter: 3 })).toBe(true)
  seen.merge(dots('a2 b1'))
  expect(seen.vector.toJSON()).toEqual({ a: 3, b: 2 })
  expect(seen.hasGaps).toBe(false)
})

test('next() makes events that follow all seen of the node, also above a gap', () => {
  const seen = dots('a1 a4')
  expect(seen.next('a')).toEqual({ node: 'a', counter: 5 })
  expect(seen.next('b')).toEqual({ node: 'b', counter: 1 })
  expect(seen.next('b')).toEqual({ node: 'b', counter: 2 })
  expect(seen.toJSON()).toEqual({
    a: [
      [1, 1],
      [4, 5],
    ],
    b: [[1, 2]],
  })
})

test('next() throws when the counter of the node is used up', () => {
  const seen = new CausalContext()
  seen.addRun('a', 1, Number.MAX_SAFE_INTEGER)
  expect(() => seen.next('a')).toThrow(RangeError)
  expect(seen.vector.get('a')).toBe(Number.MAX_SAFE_INTEGER)
})

test('a million events in a row are a few bytes', () => {
  const seen = new CausalContext()
  for (let i = 0; i < 1_000_000; i++) seen.next('a')
  expect(seen.encode().length).toBeLessThanOrEqual(9)
  expect(seen.size).toBe(1_000_000)
})

test('a run of 2^53 events costs no more than one', () => {
  const seen = new CausalContext()
  seen.addRun('a', 1, Number.MAX_SAFE_INTEGER)
  seen.merge(dots('a7 b1'))
  expect(CausalContext.decode(seen.encode()).toJSON()).toEqual(seen.toJSON())
  expect(seen.includes(dots('a9'))).toBe(true)
})

test('clone() grows on its own', () => {
  const seen = dots('a1')
  const copy = seen.clone()
  copy.next('a')
  copy.add({ node: 'b', counter: 1 })
  expect(seen.toJSON()).toEqual({ a: [[1, 1]] })
})

test('wrong dots are refused', () => {
  const seen = new CausalContext()
  expect(() => seen.add({ node: '', counter: 1 })).toThrow(TypeError)
  expect(() => seen.add({ node: 'a', counter: 0 })).toThrow(RangeError)
  expect(() => seen.addRun('a', 3, 2)).toThrow(RangeError)
  expect(seen.size).toBe(0)
})

test('fromJSON() refuses runs that are not in order, touch or are no runs', () => {
  for (const json of [
    null,
    [],
    { a: [] },
    { a: [[1]] },
    { a: [[2, 1]] },
    { a: [[0, 1]] },
    {
      a: [
        [1, 2],
        [3, 4],
      ],
    },
    {
      a: [
        [5, 6],
        [1, 2],
      ],
    },
    { a: 1 },
    { a: [[1, '2']] },
  ]) {
    expect(() => CausalContext.fromJSON(json)).toThrow(DecodeError)
  }
})

test('a few events merged into a context with many gaps close just the gaps they fill', () => {
  const seen = new CausalContext()
  for (let counter = 1; counter < 200; counter += 2) seen.add({ node: 'a', counter })
  seen.merge(dots('a2 a4 b1'))
  seen.merge(new CausalContext([{ node: 'a', counter: 500 }]))
  const runs = [...seen.runs()].filter(({ node }) => node === 'a')
  expect(runs.slice(0, 2)).toEqual([
    { node: 'a', from: 1, to: 5 },
    { node: 'a', from: 7, to: 7 },
  ])
  expect(runs.at(-1)).toEqual({ node: 'a', from: 500, to: 500 })
  expect(seen.size).toBe(104)
})

test('a context with many runs goes into one with very many in time', () => {
  const every = (n: number, from: number): CausalContext => {
    const context = new CausalContext()
    for (let i = 0; i < n; i++) context.addRun('a', 4 * i + from, 4 * i + from)
    return context
  }
  const before = process.cpuUsage()
  const large = every(800_000, 1)
  large.merge(every(99_000, 3))
  const { user, system } = process.cpuUsage(before)
  expect(large.size).toBe(899_000)
  expect(user + system).toBeLessThan(5_000_000) // a minute if each run of the small one is a move of the large one
})

test('take() makes several events at once, or none', () => {
  const seen = new CausalContext()
  expect(seen.take('a', 3)).toBe(1)
  expect(seen.take('a', 2)).toBe(4)
  expect(seen.last('a')).toBe(5)
  seen.addRun('b', 9, Number.MAX_SAFE_INTEGER - 1)
  expect(() => seen.take('b', 2)).toThrow(RangeError)
  expect(() => seen.take('', 1)).toThrow(TypeError)
  expect(seen.toJSON()).toEqual({ a: [[1, 5]], b: [[9, Number.MAX_SAFE_INTEGER - 1]] })
})

test('last() is the highest of a node, above gaps; delete() forgets the node', () => {
  const seen = new CausalContext([
    { node: 'a', counter: 2 },
    { node: 'a', counter: 7 },
  ])
  expect([seen.last('a'), seen.last('b')]).toEqual([7, 0])
  expect([seen.delete('a'), seen.delete('a')]).toEqual([true, false])
  expect(seen.size).toBe(0)
})

test('merge() and includes() name what they want instead of a context', () => {
  for (const [got, value] of [
    ['object', { a: [[1, 1]] }],
    ['object', VersionVector.of({ a: 1 })],
    ['undefined', undefined],
    ['null', null],
  ] as const) {
    const message = `other must be a CausalContext, got ${got}; make one with CausalContext.fromJSON`
    expect(() => dots('a1').merge(value as unknown as CausalContext)).toThrow(new TypeError(message))
    expect(() => dots('a1').includes(value as unknown as CausalContext)).toThrow(new TypeError(message))
  }
})

test('a context shows what it holds, in text and in the console', () => {
  expect(String(dots('b1 a1 a3'))).toBe('{"a":[[1,1],[3,3]],"b":[[1,1]]}')
  expect(inspect(dots('b1 a1 a3'))).toBe('CausalContext { a: [ [ 1, 1 ], [ 3, 3 ] ], b: [ [ 1, 1 ] ] }')
})
