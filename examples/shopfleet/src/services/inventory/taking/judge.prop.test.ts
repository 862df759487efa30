import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CartLine } from '../../../api.ts'
import type { Reservation } from '../reservations.ts'
import { judge } from './judge.ts'

const skus = ['a', 'b', 'c']
const lines = fc
  .uniqueArray(
    fc.record({ sku: fc.constantFrom(...skus, 'unknown'), quantity: fc.integer({ min: 1, max: 4 }) }),
    {
      minLength: 1,
      selector: ({ sku }) => sku,
    },
  )
  .map((list): CartLine[] => list)
const requests = fc.array(fc.record({ id: fc.integer({ min: 0, max: 12 }).map(String), lines }), {
  maxLength: 30,
  size: 'max',
})
const shelves = fc
  .tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 }), fc.nat({ max: 9 }))
  .map((units) => new Map(skus.map((sku, index) => [sku, units[index] ?? 0])))

/** One customer after the other at a shelf of their own, as slowly and plainly as possible. */
function oneByOne(all: readonly Reservation[], start: ReadonlyMap<string, number>) {
  const shelf = new Map(start)
  const holders = new Set<string>()
  const answers = all.map(({ id, lines: wanted }) => {
    if (holders.has(id)) return true
    if (!wanted.every(({ sku, quantity }) => (shelf.get(sku) ?? 0) >= quantity)) return false
    for (const { sku, quantity } of wanted) shelf.set(sku, (shelf.get(sku) ?? 0) - quantity)
    holders.add(id)
    return true
  })
  return { answers, shelf, holders }
}

test('judge() answers a batch as if its requests had come one by one', () => {
  fc.assert(
    fc.property(requests, shelves, (all, start) => {
      const { verdicts, granted, taken } = judge(all, start)
      const plain = oneByOne(all, start)
      expect(verdicts.map(({ type }) => type !== 'short')).toEqual(plain.answers)
      expect(granted.map(({ id }) => id)).toEqual([...plain.holders])
      for (const sku of skus) {
        expect((start.get(sku) ?? 0) - (taken.get(sku) ?? 0)).toBe(plain.shelf.get(sku))
      }
    }),
  )
})

test('judge() never takes more than there is, and takes exactly what it granted', () => {
  fc.assert(
    fc.property(requests, shelves, (all, start) => {
      const { granted, taken } = judge(all, start)
      const sums = new Map<string, number>()
      for (const { lines: held } of granted) {
        for (const { sku, quantity } of held) sums.set(sku, (sums.get(sku) ?? 0) + quantity)
      }
      expect(taken).toEqual(sums)
      for (const [sku, units] of taken) expect(units).toBeLessThanOrEqual(start.get(sku) ?? 0)
    }),
  )
})

test('judge() says which lines were short when it was their turn', () => {
  const wanted = (id: string, a: number, b: number): Reservation => ({
    id,
    lines: [
      { sku: 'a', quantity: a },
      { sku: 'b', quantity: b },
    ],
  })
  const { verdicts } = judge(
    [wanted('1', 2, 1), wanted('2', 2, 1), wanted('3', 1, 1), wanted('1', 2, 1)],
    new Map([
      ['a', 3],
      ['b', 2],
    ]),
  )
  expect(verdicts).toEqual([
    { type: 'granted' },
    { type: 'short', short: [{ sku: 'a', wanted: 2, available: 1 }] },
    { type: 'granted' },
    { type: 'twin' },
  ])
})
