import { expect, test } from 'vitest'
import { seededRandom } from './random.ts'

const draw = (seed: number | string, count: number): number[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => random())
}

/** Sum of (observed − expected)² / expected. */
const chiSquareOf = (counts: readonly number[]): number => {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

const countCells = (values: readonly number[], cells: number): number[] => {
  const counts = Array.from({ length: cells }, () => 0)
  for (const value of values) counts[Math.floor(value * cells)]! += 1
  return counts
}

// 255 degrees of freedom: 330.5 is passed by chance once in 1,000. The seeds are fixed, so no run differs.
const LIMIT = 330.5

test('seededRandom() gives the same numbers for ever', () => {
  expect(draw(42, 4)).toEqual([
    0.18216896967468865, 0.011782341954182818, 0.03382050225117306, 0.6755414821176644,
  ])
  expect(draw('', 2)).toEqual([0.0895061658731866, 0.9568023654435954])
  expect(draw('42', 4)).toEqual(draw(42, 4))
})

test('seededRandom() is uniform in [0, 1)', () => {
  const values = draw('uniform', 256_000)
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
  expect(chiSquareOf(countCells(values, 256))).toBeLessThan(LIMIT)
})

test('seededRandom() has uniform low bits', () => {
  const values = draw('low bits', 256_000).map((value) => (value * 2 ** 45) % 1) // the last 8 of 53
  expect(chiSquareOf(countCells(values, 256))).toBeLessThan(LIMIT)
})

test('seededRandom() has pairs that do not depend on each other', () => {
  const values = draw('pairs', 256_000)
  const cells = Array.from({ length: 256 }, () => 0)
  for (let index = 1; index < values.length; index++) {
    cells[Math.floor(values[index - 1]! * 16) * 16 + Math.floor(values[index]! * 16)]! += 1
  }
  expect(chiSquareOf(cells)).toBeLessThan(LIMIT)
})

test('seededRandom() is as uniform across neighbouring seeds as along one', () => {
  const firsts = Array.from({ length: 256_000 }, (_, seed) => seededRandom(seed)())
  expect(chiSquareOf(countCells(firsts, 256))).toBeLessThan(LIMIT)
  expect(new Set(firsts).size).toBe(firsts.length)
})
