import { expect, test } from 'vitest'
import { median, percentile, spread } from './statistics.ts'

test('median() is the middle value, whatever the order, and the mean of two', () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([7])).toBe(7)
  expect(median([10, 9, 100])).toBe(10) // by value, not by text
})

test('percentile() interpolates as NumPy does', () => {
  const values = [15, 20, 35, 40, 50]
  expect(percentile(values, 0)).toBe(15)
  expect(percentile(values, 40)).toBeCloseTo(29, 10)
  expect(percentile(values, 75)).toBe(40)
  expect(percentile(values, 99)).toBeCloseTo(49.6, 10)
  expect(percentile(values, 100)).toBe(50)
})

test('percentile() leaves its input as it was', () => {
  const values = [3, 1, 2]
  percentile(values, 50)
  expect(values).toEqual([3, 1, 2])
})

test('percentile() refuses an empty list and a percent out of range', () => {
  expect(() => percentile([], 50)).toThrow(RangeError)
  expect(() => percentile([1], -1)).toThrow(RangeError)
  expect(() => percentile([1], 101)).toThrow(RangeError)
})

test('spread() is half the range as a share of the median', () => {
  expect(spread([8, 10, 12])).toBeCloseTo(0.2, 10)
  expect(spread([5, 5])).toBe(0)
  expect(spread([0, 0, 0])).toBe(0)
})
