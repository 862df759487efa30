import { expect, test } from 'vitest'
import { describe } from './index.ts'

test.each([
  [3, 3, 'medium', 'medium', 'strong', 'medium', { writes: 2, reads: 2 }],
  [1, 5, 'low', 'high', 'strong', 'low (reads)', { writes: 4, reads: 0 }],
  [5, 1, 'high', 'low', 'strong', 'low (writes)', { writes: 0, reads: 4 }],
  [1, 1, 'low', 'low', 'eventual', 'high', { writes: 4, reads: 4 }],
] as const)(
  'the table for N = 5: W = %i, R = %i',
  (w, r, writeLatency, readLatency, consistency, availability, survives) => {
    expect(describe({ n: 5, w, r })).toMatchObject({
      writeLatency,
      readLatency,
      consistency,
      availability,
      survives,
    })
  },
)

test('describe() says it in words', () => {
  expect(describe({ n: 5, w: 'QUORUM', r: 'QUORUM' }).text).toBe(
    'N = 5, W = 3, R = 3: every read meets the latest finished write (3 + 3 > 5). ' +
      'Writes survive 2 failures, reads survive 2 failures.',
  )
  expect(describe({ n: 2, w: 'ALL', r: 'ONE' }).text).toBe(
    'N = 2, W = 2, R = 1: every read meets the latest finished write (2 + 1 > 2). ' +
      'Writes survive no failures, reads survive 1 failure.',
  )
  expect(describe({ n: 5, w: 1, r: 1 }).text).toContain('may miss the latest write (1 + 1 is not above 5)')
})

test('describe() says whether two concurrent writes meet', () => {
  expect(describe({ n: 4, w: 2, r: 3 }).writesMeet).toBe(false)
  expect(describe({ n: 4, w: 3, r: 2 }).writesMeet).toBe(true)
})

test('describe() refuses numbers that are none', () => {
  expect(() => describe({ n: 3, w: 0, r: 1 })).toThrow(RangeError)
  expect(() => describe({ n: 3, w: 1, r: 4 })).toThrow(RangeError)
  expect(() => describe({ n: 1, w: 'TWO', r: 1 })).toThrow(RangeError)
  expect(() => describe({ n: 0, w: 1, r: 1 })).toThrow(RangeError)
  expect(() => describe({ n: 3, w: 'MOST' as 'ALL', r: 1 })).toThrow(RangeError)
})
