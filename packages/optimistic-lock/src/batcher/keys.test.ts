import { expect, test } from 'vitest'
import { laneOf } from './keys.ts'

const lane = (...values: readonly unknown[]): string =>
  laneOf(
    'decrement',
    'stock',
    values.map((_, index) => `k${index}`),
    Object.fromEntries(values.map((value, index) => [`k${index}`, value])),
  )

test('keys that the driver sends as one text share a lane', () => {
  expect(lane(5)).toBe(lane('5'))
  expect(lane(5n)).toBe(lane('5'))
  expect(lane(true)).toBe(lane('true'))
  expect(lane(['a', 1])).toBe(lane(['a', '1']))
})

test('a text that begins with NUL, which Postgres refuses, shares none with a key of another type', () => {
  const others = [new Date(123), new Uint8Array([1, 2]), ['a'], [null], ['\0n'], [['x']]]
  const names = others.map((key) => lane(key))
  for (const text of [...names, '\0n', '\0s', '\0']) {
    expect(names, JSON.stringify(text)).not.toContain(lane(text))
    expect(lane([text])).not.toBe(lane([null]))
  }
  expect(new Set(names).size).toBe(others.length)
  expect(() => lane(null)).toThrow(/got null/)
})

test('parts of a key cannot run into each other', () => {
  expect(lane('a', 'b')).not.toBe(lane('ab', ''))
  expect(lane('1:a', 'b')).not.toBe(lane('1', ':ab'))
})
