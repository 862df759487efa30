import fc from 'fast-check'
import { expect, test } from 'vitest'
import { VersionVector } from './index.ts'
import { type ClockRecord, compare, dominates, increment, merge, toVector } from './records.ts'

const record: fc.Arbitrary<ClockRecord> = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', '__proto__', 'toString', '7'),
  fc.nat({ max: 3 }),
)

test('compare() on plain objects: the two pairs of the version-vector exercise', () => {
  expect(compare({ Node1: 2, Node2: 1 }, { Node1: 1, Node2: 2 })).toBe('concurrent')
  expect(compare({ Node1: 2, Node2: 1 }, { Node1: 1, Node2: 1 })).toBe('after')
  expect(compare({ a: 1 }, { b: 2 })).toBe('concurrent')
  expect(compare({ a: 0 }, {})).toBe('equal')
  expect(compare({ a: 1 }, { a: 1, b: 1 })).toBe('before')
})

test('records say what vectors say', () => {
  fc.assert(
    fc.property(record, record, (a, b) => {
      const [x, y] = [toVector(a), toVector(b)]
      expect(compare(a, b)).toBe(x.compare(y))
      expect(dominates(a, b)).toBe(x.dominates(y))
      expect(toVector(merge(a, b)).compare(x.merge(y))).toBe('equal')
      for (const node of ['a', '__proto__']) {
        expect(toVector(increment(a, node)).compare(x.increment(node))).toBe('equal')
      }
    }),
  )
})

test('merge() and increment() give frozen objects and leave theirs alone', () => {
  const a = { a: 1 }
  const merged = merge(a, { b: 2 })
  expect(merged).toEqual({ a: 1, b: 2 })
  expect(increment(a, 'a')).toEqual({ a: 2 })
  expect(a).toEqual({ a: 1 })
  expect(Object.isFrozen(merged) && Object.isFrozen(increment(a, 'b'))).toBe(true)
})

test('what is no counter is an error, not a verdict', () => {
  for (const counter of [-1, 1.5, Number.NaN, Infinity, '1', null, undefined]) {
    const wrong = { a: counter } as unknown as ClockRecord
    expect(() => compare(wrong, { a: 1 })).toThrow(RangeError)
    expect(() => compare({ a: 1 }, wrong)).toThrow(RangeError)
    expect(() => compare({}, wrong)).toThrow(RangeError)
    expect(() => merge({}, wrong)).toThrow(RangeError)
  }
  expect(() => increment({ a: Number.MAX_SAFE_INTEGER }, 'a')).toThrow(RangeError)
  expect(() => increment({}, '')).toThrow(TypeError)
  expect(VersionVector.empty.size).toBe(0)
})
