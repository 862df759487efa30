import { expect, test } from 'vitest'
import { DecodeError, VersionVector } from '../index.ts'
import { MatrixClock, type MatrixClockOptions, StaleMemberError } from './index.ts'

const of = (counters: Record<string, number>): VersionVector => VersionVector.of(counters)
const abc = (node = 'a'): MatrixClock => new MatrixClock({ node, members: ['a', 'b', 'c'] })

test('stable is what everybody is known to have seen', () => {
  const seen = abc()
  seen.observe('a', of({ a: 3, b: 1 }))
  seen.observe('b', of({ a: 2, b: 2 }))
  expect(seen.stable.size, 'nothing is known of c').toBe(0)
  expect(seen.observe('c', of({ a: 5, b: 1, c: 1 }))).toBe(true)
  expect(seen.stable.toJSON()).toEqual({ a: 2, b: 1 })
  expect(seen.isStable({ node: 'a', counter: 2 })).toBe(true)
  expect(seen.isStable({ node: 'a', counter: 3 })).toBe(false)
  expect(seen.laggards({ node: 'a', counter: 3 })).toEqual(['b'])
  expect(seen.laggards({ node: 'c', counter: 1 })).toEqual(['a', 'b'])
})

test('observe() keeps the most that a member said, whatever order it comes in', () => {
  const seen = abc()
  seen.observe('b', of({ a: 2 }))
  expect(seen.observe('b', of({ a: 1 }))).toBe(false)
  expect(seen.observe('b', of({ b: 1 }))).toBe(true)
  expect(seen.of('b').toJSON()).toEqual({ a: 2, b: 1 })
})

test('merge() takes over what another member knows of third ones, and of no strangers', () => {
  const a = abc()
  const b = new MatrixClock({ node: 'b', members: ['a', 'b', 'c', 'stranger'], version: of({ b: 1 }) })
  b.observe('c', of({ b: 1 }))
  b.observe('stranger', of({ a: 9 }))
  a.observe('a', of({ b: 1 }))
  expect(a.merge(b)).toBe(true)
  expect(a.merge(b)).toBe(false)
  expect(a.stable.toJSON()).toEqual({ b: 1 })
  expect(a.members).toEqual(['a', 'b', 'c'])
})

test('a member that is gone holds nothing back once it is removed', () => {
  const seen = abc()
  seen.observe('a', of({ a: 1 }))
  seen.observe('b', of({ a: 1 }))
  expect(seen.stable.size).toBe(0)
  expect(seen.remove('c')).toBe(true)
  expect(seen.remove('c')).toBe(false)
  expect(seen.stable.toJSON()).toEqual({ a: 1 })
  expect(() => seen.observe('c', of({ a: 1 }))).toThrow(RangeError)
  expect(() => seen.remove('a')).toThrow(RangeError)
})

test('a new member must have what is stable: others may have thrown it away', () => {
  const seen = abc()
  for (const member of ['a', 'b', 'c']) seen.observe(member, of({ a: 2 }))
  expect(() => seen.add('d', of({ a: 1, d: 7 }))).toThrow(StaleMemberError)
  expect(() => seen.add('d', VersionVector.empty)).toThrow(
    expect.objectContaining({
      code: 'QUORATE_CLOCK_STALE_MEMBER',
      outcome: 'not-applied',
      member: 'd',
      stable: { a: 2 },
    }),
  )
  expect(seen.members).toEqual(['a', 'b', 'c'])
  seen.add('d', of({ a: 2, d: 7 }))
  expect(seen.members).toEqual(['a', 'b', 'c', 'd'])
  expect(seen.stable.toJSON(), 'stable never goes back').toEqual({ a: 2 })
  seen.add('d', of({ a: 3 }))
  expect(seen.of('d').toJSON()).toEqual({ a: 3, d: 7 })
})

test('bytes and JSON are those of the rows, members in order', () => {
  const seen = new MatrixClock({ node: 'b', members: ['a'], version: of({ a: 1 }) })
  expect(seen.toJSON()).toEqual({ a: {}, b: { a: 1 } })
  expect([...seen.encode()]).toEqual([1, 2, 1, 97, 2, 1, 0, 1, 98, 5, 1, 1, 1, 97, 1])
  const copy = MatrixClock.decode(seen.encode(), { node: 'b' })
  expect(copy.version.toJSON()).toEqual({ a: 1 })
  expect(MatrixClock.fromJSON(JSON.parse(JSON.stringify(seen)), { node: 'a' }).toJSON()).toEqual(
    seen.toJSON(),
  )
  expect(() => MatrixClock.decode(seen.encode(), { node: 'x' })).toThrow(DecodeError)
  expect(() => MatrixClock.fromJSON(seen.toJSON(), { node: 'x' })).toThrow(DecodeError)
})

test.each([
  ['nothing', []],
  ['an unknown format', [9, 0]],
  ['members out of order', [1, 2, 1, 98, 2, 1, 0, 1, 97, 2, 1, 0]],
  ['a row of an unknown format', [1, 1, 1, 97, 2, 2, 0]],
  ['a row that ends too early', [1, 1, 1, 97, 3, 1, 0]],
  ['bytes after the end', [1, 1, 1, 97, 2, 1, 0, 0]],
  ['a count that would fill the memory', [1, 255, 255, 255, 255, 255, 255, 15]],
])('decode() refuses %s', (_name, bytes) => {
  expect(() => MatrixClock.decode(Uint8Array.from(bytes), { node: 'a' })).toThrow(DecodeError)
})

test('fromJSON() and the constructor refuse wrong ids and rows', () => {
  for (const json of [null, 1, [], { a: 1 }, { a: { b: -1 } }, { '': {} }]) {
    expect(() => MatrixClock.fromJSON(json, { node: 'a' })).toThrow(DecodeError)
  }
  expect(() => new MatrixClock({ node: '', members: [] })).toThrow(TypeError)
  expect(() => new MatrixClock(undefined as unknown as MatrixClockOptions)).toThrow(
    new TypeError('node must be a non-empty well-formed string, got undefined'),
  )
  const json = { a: 1 } as unknown as VersionVector
  const error = new TypeError(
    'version must be a VersionVector, got object; make one with VersionVector.fromJSON',
  )
  expect(() => new MatrixClock({ node: 'a', members: [], version: json })).toThrow(error)
  expect(() => abc().add('d', json)).toThrow(error)
  expect(() => abc().observe('b', json)).toThrow(error)
  expect(() => new MatrixClock({ node: 'a', members: ['\ud800'] })).toThrow(TypeError)
  expect(() => abc().add('', VersionVector.empty)).toThrow(TypeError)
})
