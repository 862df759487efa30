import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DvvSet } from './dvv/index.ts'
import { VersionVector } from './index.ts'
import { prune, without } from './prune.ts'

const of = (counters: Record<string, number>): VersionVector => VersionVector.of(counters)
const writers = (count: number): VersionVector =>
  VersionVector.of(
    Array.from({ length: count }, (_, i) => [`w${String(i).padStart(2, '0')}`, i + 1] as const),
  )

test('prune() keeps those of the highest rank, of equal ranks the lower ids', () => {
  const vector = of({ a: 1, b: 2, c: 3, d: 4 })
  const wroteMs = new Map([
    ['a', 300],
    ['b', 100],
    ['c', 200],
    ['d', 200],
  ])
  const rank = (node: string): number => wroteMs.get(node) ?? 0
  expect(prune(vector, { max: 3, rank }).toJSON()).toEqual({ a: 1, c: 3, d: 4 })
  expect(prune(vector, { max: 2, rank }).toJSON()).toEqual({ a: 1, c: 3 })
  expect(prune(vector, { max: 2, rank: () => -Infinity }).toJSON()).toEqual({ a: 1, b: 2 })
  expect(prune(vector, { max: 4, rank })).toBe(vector)
})

test('prune() of 60 writers to 50 takes a fifth of the bytes away', () => {
  const full = writers(60)
  const short = prune(full, { max: 50, rank: (node) => full.get(node) })
  expect(short.size).toBe(50)
  expect(short.encode().length).toBeLessThan((full.encode().length * 5) / 6 + 2)
  expect(short.get('w09')).toBe(0)
  expect(short.get('w10')).toBe(11)
})

test('prune() refuses a wrong max and ranks that are no numbers', () => {
  for (const max of [0, -1, 1.5, Number.NaN, Infinity]) {
    expect(() => prune(of({ a: 1 }), { max, rank: () => 0 })).toThrow(RangeError)
  }
  expect(() => prune(of({ a: 1, b: 1 }), { max: 1, rank: () => Number.NaN })).toThrow(RangeError)
})

test('without() takes nodes out, and none else', () => {
  expect(without(of({ a: 1, b: 2, c: 3 }), ['b', 'x']).toJSON()).toEqual({ a: 1, c: 3 })
})

test('prune() gives a vector that the full one dominates', () => {
  const vector = fc
    .dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.integer({ min: 1, max: 9 }))
    .map(of)
  fc.assert(
    fc.property(vector, fc.integer({ min: 1, max: 7 }), fc.func(fc.nat({ max: 3 })), (full, max, rank) => {
      const short = prune(full, { max, rank })
      expect(short.size).toBe(Math.min(max, full.size))
      expect(full.dominates(short)).toBe(true)
      const dropped = [...full].filter(([gone]) => short.get(gone) === 0)
      for (const [kept] of short) {
        for (const [gone] of dropped) expect(rank(kept)).toBeGreaterThanOrEqual(rank(gone))
      }
    }),
  )
})

describe('what pruning costs', () => {
  test('false conflict: what the pruned version had replaced comes back', () => {
    const old = of({ gone: 4 })
    const newer = old.increment('server')
    expect(newer.compare(old)).toBe('after')
    expect(without(newer, ['gone']).compare(old)).toBe('concurrent')
  })

  test('a lost write: the pruned version is taken for an older one', () => {
    const base = of({ gone: 4, server: 1 })
    const newer = base.increment('gone')
    expect(newer.compare(base)).toBe('after')
    expect(without(newer, ['gone']).compare(base)).toBe('before')
  })

  test('a hidden write: a pruned node that writes again counts under numbers others have seen', () => {
    const seen = of({ gone: 4, server: 1 })
    const again = without(seen, ['gone']).increment('gone')
    expect(again.get('gone')).toBe(1)
    expect(again.compare(seen)).toBe('before')
  })

  test('a removed value is there again when its remover has forgotten it', () => {
    const cart = DvvSet.empty<string>().write('eu-1', 'milk')
    const stale = cart
    const context = cart.context
    const removed = cart.remove(context)
    expect(removed.merge(stale).values).toEqual([])
    const forgetful = DvvSet.empty<string>().remove(without(context, ['eu-1']))
    expect(forgetful.merge(stale).values).toEqual(['milk'])
  })

  test('none of it, if all have all of the node, forget it together, and it stays away', () => {
    const replicas = [of({ gone: 4, a: 1 }), of({ gone: 4, a: 1, b: 2 }), of({ gone: 4, c: 1 })]
    for (const one of replicas) {
      for (const two of replicas) {
        expect(without(one, ['gone']).compare(without(two, ['gone']))).toBe(one.compare(two))
      }
    }
  })
})
