import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError, type Ordering, VersionVector } from './index.ts'

const node = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((text) => !/\p{Surrogate}/u.test(text)),
)
const counter = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.maxSafeNat())
const record = fc.dictionary(node, counter, { maxKeys: 6, noNullPrototype: true })
const vector = record.map((counters) => VersionVector.of(counters))

const get = (counters: Record<string, number>, key: string): number =>
  Object.hasOwn(counters, key) ? (counters[key] as number) : 0

/** The definition, over plain objects. */
function slowCompare(a: Record<string, number>, b: Record<string, number>): Ordering {
  const nodes = [...Object.keys(a), ...Object.keys(b)]
  const less = nodes.some((key) => get(a, key) < get(b, key))
  const more = nodes.some((key) => get(a, key) > get(b, key))
  return less ? (more ? 'concurrent' : 'before') : more ? 'after' : 'equal'
}

test('compare() is the definition over plain objects, whatever was compared before', () => {
  fc.assert(
    fc.property(record, record, (a, b) => {
      const left = VersionVector.of(a)
      const right = VersionVector.of(b)
      const expected = slowCompare(a, b)
      expect(left.compare(right)).toBe(expected)
      expect(left.compare(right)).toBe(expected)
      expect(left.dominates(right)).toBe(expected === 'after' || expected === 'equal')
    }),
  )
})

test('merge() commutes, associates, is idempotent and is the least vector that holds both', () => {
  fc.assert(
    fc.property(vector, vector, vector, (a, b, c) => {
      expect(a.merge(b).toJSON()).toEqual(b.merge(a).toJSON())
      expect(a.merge(b).merge(c).toJSON()).toEqual(a.merge(b.merge(c)).toJSON())
      expect(a.merge(a)).toBe(a)
      expect(a.merge(b).dominates(a) && a.merge(b).dominates(b)).toBe(true)
      for (const [key, value] of a.merge(b)) expect(value).toBe(Math.max(a.get(key), b.get(key)))
    }),
  )
})

test('increment() makes a vector that is after the one it came from', () => {
  fc.assert(
    fc.property(vector, node, (a, key) => {
      fc.pre(a.get(key) < Number.MAX_SAFE_INTEGER)
      expect(a.increment(key).compare(a)).toBe('after')
      expect(a.increment(key).get(key)).toBe(a.get(key) + 1)
    }),
  )
})

test('bytes and JSON come back as they went, and equal vectors have equal bytes', () => {
  fc.assert(
    fc.property(record, (counters) => {
      const a = VersionVector.of(counters)
      const reversed = VersionVector.of(Object.fromEntries(Object.entries(counters).toReversed()))
      expect(VersionVector.decode(a.encode()).toJSON()).toEqual(a.toJSON())
      expect(VersionVector.fromJSON(JSON.parse(JSON.stringify(a))).compare(a)).toBe('equal')
      expect(reversed.encode()).toEqual(a.encode())
    }),
  )
})

test('decode() either fails with a DecodeError or gives a vector that encodes to the same bytes', () => {
  const mutated = fc
    .tuple(vector, fc.nat(), fc.nat({ max: 255 }))
    .map(([a, at, byte]) => a.encode().with(at % a.encode().length, byte))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated), (bytes) => {
      try {
        expect(VersionVector.decode(bytes).encode()).toEqual(bytes)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { numRuns: 2_000 },
  )
})
