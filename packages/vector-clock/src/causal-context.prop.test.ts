import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CausalContext } from './causal-context.ts'
import { DecodeError, type Dot } from './index.ts'

const dot: fc.Arbitrary<Dot> = fc.record({
  node: fc.constantFrom('a', 'b', 'c'),
  counter: fc.integer({ min: 1, max: 12 }),
})
const dotList = fc.array(dot, { maxLength: 24, size: 'max' })

/** The slow obvious model: a set of strings. */
const model = (list: readonly Dot[]): Set<string> => new Set(list.map(({ node, counter }) => node + counter))
const content = (context: CausalContext): Set<string> => {
  const set = new Set<string>()
  for (const { node, from, to } of context.runs()) for (let i = from; i <= to; i++) set.add(node + i)
  return set
}

test('a context holds exactly the events added, in any order and any number of times', () => {
  fc.assert(
    fc.property(dotList, (list) => {
      const context = new CausalContext([...list, ...list.toReversed()])
      expect(content(context)).toEqual(model(list))
      expect(context.size).toBe(model(list).size)
      for (const node of ['a', 'b', 'c']) {
        for (let counter = 1; counter <= 13; counter++) {
          expect(context.has({ node, counter })).toBe(model(list).has(node + counter))
        }
      }
    }),
  )
})

test('the vector is the longest gapless start of each node', () => {
  fc.assert(
    fc.property(dotList, (list) => {
      const context = new CausalContext(list)
      const set = model(list)
      for (const node of ['a', 'b', 'c']) {
        let top = 0
        while (set.has(node + (top + 1))) top++
        expect(context.vector.get(node)).toBe(top)
      }
      let covered = 0
      for (const [, counter] of context.vector) covered += counter
      expect(context.hasGaps).toBe(covered < set.size)
    }),
  )
})

test('merge() is set union, includes() is superset', () => {
  fc.assert(
    fc.property(dotList, dotList, (left, right) => {
      const a = new CausalContext(left)
      const b = new CausalContext(right)
      expect(a.includes(b)).toBe([...model(right)].every((key) => model(left).has(key)))
      const merged = a.clone()
      merged.merge(b)
      expect(content(merged)).toEqual(model([...left, ...right]))
      expect(content(a)).toEqual(model(left))
      const other = b.clone()
      other.merge(a)
      expect(other.encode()).toEqual(merged.encode())
    }),
  )
})

test('bytes and JSON come back as they went', () => {
  fc.assert(
    fc.property(dotList, (list) => {
      const context = new CausalContext(list)
      expect(CausalContext.decode(context.encode()).toJSON()).toEqual(context.toJSON())
      expect(CausalContext.fromJSON(JSON.parse(JSON.stringify(context))).encode()).toEqual(context.encode())
    }),
  )
})

test('decode() either fails with a DecodeError or gives a context that encodes to the same bytes', () => {
  const mutated = fc.tuple(dotList, fc.nat(), fc.nat({ max: 255 })).map(([list, at, byte]): Uint8Array => {
    const bytes = new CausalContext(list).encode()
    return bytes.with(at % bytes.length, byte)
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated), (bytes) => {
      try {
        expect(CausalContext.decode(bytes).encode()).toEqual(bytes)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { numRuns: 2_000 },
  )
})
