import { inspect } from 'node:util'
import { expect, test, vi } from 'vitest'
import { DecodeError, VersionVector } from './index.ts'

const of = (counters: Record<string, number>): VersionVector => VersionVector.of(counters)

test('compare() finds the conflict of two writers who did not know of each other', () => {
  expect(of({ Node1: 2, Node2: 1 }).compare(of({ Node1: 1, Node2: 2 }))).toBe('concurrent')
})

test('compare() and dominates() find the newer of two versions', () => {
  const newer = of({ Node1: 2, Node2: 1 })
  const older = of({ Node1: 1, Node2: 1 })
  expect(newer.compare(older)).toBe('after')
  expect(older.compare(newer)).toBe('before')
  expect(newer.dominates(older)).toBe(true)
  expect(older.dominates(newer)).toBe(false)
  expect(newer.dominates(newer)).toBe(true)
})

test('compare() takes an absent node as 0', () => {
  expect(of({ a: 1 }).compare(of({ a: 1, b: 1 }))).toBe('before')
  expect(of({ a: 1, b: 0 }).compare(of({ a: 1 }))).toBe('equal')
  expect(of({ a: 1 }).compare(of({ b: 1 }))).toBe('concurrent')
  expect(VersionVector.empty.compare(of({}))).toBe('equal')
})

test('increment() leaves the vector it came from as it was', () => {
  const one = of({ b: 1 })
  const two = one.increment('b').increment('a').increment('c')
  expect(one.toJSON()).toEqual({ b: 1 })
  expect(two.toJSON()).toEqual({ a: 1, b: 2, c: 1 })
})

test('increment() puts a new node in its place', () => {
  const vector = VersionVector.of({ b: 1, d: 2 })
  for (const node of ['a', 'c', 'e']) {
    expect(vector.increment(node).encode()).toEqual(VersionVector.of({ b: 1, d: 2, [node]: 1 }).encode())
  }
  expect(() => vector.increment('')).toThrow(TypeError)
  expect(() => vector.increment('\ud800')).toThrow(TypeError)
  expect(vector.size).toBe(2)
})

test('merge() returns one of the two themselves if it holds the other', () => {
  const older = of({ a: 1 })
  const newer = of({ a: 2, b: 1 })
  expect(older.merge(newer)).toBe(newer)
  expect(newer.merge(older)).toBe(newer)
})

test('includes() knows each event up to the counter', () => {
  const vector = of({ a: 2 })
  expect(vector.includes({ node: 'a', counter: 2 })).toBe(true)
  expect(vector.includes({ node: 'a', counter: 3 })).toBe(false)
  expect(vector.includes({ node: 'b', counter: 1 })).toBe(false)
})

test('a node id may be a name that objects already know', () => {
  const vector = VersionVector.fromJSON(JSON.parse('{"__proto__":3,"constructor":1}'))
  expect(vector.get('__proto__')).toBe(3)
  expect(vector.get('toString')).toBe(0)
  expect(JSON.stringify(vector)).toBe('{"__proto__":3,"constructor":1}')
  expect(VersionVector.decode(vector.encode()).compare(vector)).toBe('equal')
})

test('wrong node ids and counters are refused', () => {
  expect(() => of({ '': 1 })).toThrow(TypeError)
  expect(() => of({ '\ud800': 1 })).toThrow(TypeError)
  for (const counter of [-1, 1.5, 2 ** 53, Number.NaN, Infinity])
    expect(() => of({ a: counter })).toThrow(RangeError)
  expect(() => of({ a: Number.MAX_SAFE_INTEGER }).increment('a')).toThrow(RangeError)
  expect(() => VersionVector.empty.increment('')).toThrow(TypeError)
})

test('fromJSON() refuses what is not a vector', () => {
  for (const json of [null, 7, 'a', [1], { a: '1' }, { a: -1 }, { a: 0.5 }, { '': 1 }, { a: null }]) {
    expect(() => VersionVector.fromJSON(json)).toThrow(DecodeError)
  }
})

test('the bytes are format, count, then id and counter in order', () => {
  expect([...of({ b: 300, a: 1 }).encode()]).toEqual([1, 2, 1, 97, 1, 1, 98, 0xac, 0x02])
})

test.each([
  ['nothing', []],
  ['an unknown format', [9, 0]],
  ['an end too early', [1, 1, 1, 97]],
  ['bytes after the end', [1, 0, 0]],
  ['ids out of order', [1, 2, 1, 98, 1, 1, 97, 1]],
  ['an id twice', [1, 2, 1, 97, 1, 1, 97, 1]],
  ['a zero counter', [1, 1, 1, 97, 0]],
  ['an empty id', [1, 1, 0, 1]],
  ['an id that is not UTF-8', [1, 1, 1, 0xff, 1]],
  ['a number longer than it need be', [1, 1, 1, 97, 0x81, 0x00]],
  ['a number past 2^53', [1, 1, 1, 97, 255, 255, 255, 255, 255, 255, 255, 255, 127]],
  ['a count that would fill the memory', [1, 255, 255, 255, 255, 255, 255, 15]],
  ['an id length past the end', [1, 1, 255, 255, 255, 255, 15, 97]],
])('decode() refuses %s', (_name, bytes) => {
  expect(() => VersionVector.decode(Uint8Array.from(bytes))).toThrow(DecodeError)
})

test('a DecodeError says what, why and where, and bears the brand of Quorate errors', () => {
  const error = (() => {
    try {
      return VersionVector.decode(Uint8Array.from([1, 1, 1, 97]))
    } catch (caught) {
      return caught
    }
  })()
  expect(error).toMatchObject({
    code: 'QUORATE_DECODE',
    outcome: 'not-applied',
    what: 'version vector',
    offset: 4,
  })
  expect(Symbol.for('quorate.error') in (error as object)).toBe(true)
})

test('of() takes entries, as a Map has them', () => {
  expect(
    VersionVector.of(
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
    ).toJSON(),
  ).toEqual({ a: 1, b: 2 })
  expect(VersionVector.of([['a', 1]]).get('a')).toBe(1)
})

// What JavaScript and JSON bring where a vector should be; `none` is the argument left out.
const notVectors: readonly (readonly [got: string, value: unknown])[] = [
  ['object', { a: 1 }],
  ['object', [['a', 1]]],
  ['undefined', undefined],
  ['null', null],
  ['string', 'a'],
  ['number', 7],
]

test.each(['compare', 'dominates', 'merge'] as const)(
  '%s() names what it wants instead of a vector',
  (method) => {
    const vector = of({ a: 1 })
    for (const [got, value] of notVectors) {
      expect(() => vector[method](value as VersionVector)).toThrow(
        new TypeError(`other must be a VersionVector, got ${got}; make one with VersionVector.fromJSON`),
      )
    }
  },
)

test('a vector of another copy of the package is as good as an own one', async () => {
  vi.resetModules()
  const copy = (await import('./version-vector.ts')).VersionVector
  expect(copy).not.toBe(VersionVector)
  const theirs = copy.of({ a: 1, b: 2 })
  expect(of({ a: 2 }).compare(theirs)).toBe('concurrent')
  expect(of({ a: 1, b: 3 }).dominates(theirs)).toBe(true)
  const merged = of({ a: 2 }).merge(theirs)
  expect(merged).toBeInstanceOf(VersionVector)
  expect(merged.toJSON()).toEqual({ a: 2, b: 2 })
  expect(of({ a: 1 }).merge(theirs)).toBeInstanceOf(VersionVector)
})

test('of() names what it wants instead of counters', () => {
  for (const [got, value] of [
    ['string', 'x'],
    ['undefined', undefined],
    ['null', null],
    ['number', 7],
  ] as const) {
    expect(() => VersionVector.of(value as unknown as Record<string, number>)).toThrow(
      new TypeError(`counters must be an object of counters by node, or entries, got ${got}`),
    )
  }
})

test('a vector shows what it holds, in text and in the console', () => {
  const vector = of({ b: 2, a: 1 })
  expect(String(vector)).toBe('{"a":1,"b":2}')
  expect(String(VersionVector.empty)).toBe('{}')
  expect(inspect(vector)).toBe('VersionVector { a: 1, b: 2 }')
  expect(inspect({ read: { vector } })).toBe('{ read: { vector: VersionVector { a: 1, b: 2 } } }')
})
