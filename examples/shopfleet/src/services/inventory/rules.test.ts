import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deltas, mergeLines, PER_UNIT, type MovementKind } from './rules.ts'

const kinds = Object.keys(PER_UNIT) as MovementKind[]

test('deltas() moves units between the columns and loses none', () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.integer({ min: 1, max: 100_000 }), (kind, units) => {
      const { available, reserved, sold } = deltas(kind, units)
      expect(available + reserved + sold).toBe(0)
    }),
  )
})

test('deltas() of a reservation and its release cancel out', () => {
  const reserve = deltas('reserve', 3)
  const release = deltas('release', 3)
  expect([reserve.available + release.available, reserve.reserved + release.reserved]).toEqual([0, 0])
})

test('deltas() of a promise are those of a reservation, and its apology takes them all back', () => {
  expect(deltas('promise', 3)).toEqual(deltas('reserve', 3))
  const promise = deltas('promise', 3)
  const apology = deltas('apology', 3)
  expect([promise.available + apology.available, promise.reserved + apology.reserved]).toEqual([0, 0])
})

test('mergeLines() adds up a sku that comes twice and sorts by sku', () => {
  const merged = mergeLines([
    { sku: 'b', quantity: 1 },
    { sku: 'a', quantity: 2 },
    { sku: 'b', quantity: 4 },
  ])
  expect(merged).toEqual([
    { sku: 'a', quantity: 2 },
    { sku: 'b', quantity: 5 },
  ])
})
