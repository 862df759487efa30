import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextToken } from './token.ts'

const year2255Ms = 9_007_199_254_740

test('nextToken() grows whatever the clock does, and stays a safe integer until 2255', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: year2255Ms, noNaN: true })), (times) => {
      let last = 0
      for (const nowMs of times) {
        const token = nextToken(last, nowMs)
        expect(token).toBeGreaterThan(last)
        expect(Number.isSafeInteger(token)).toBe(true)
        last = token
      }
    }),
  )
})

test('nextToken() without a previous one is above those given out before that moment', () => {
  expect(nextToken(0, 1_000.5)).toBe(1_000_500)
  expect(nextToken(0, 1_001)).toBeGreaterThan(nextToken(nextToken(0, 1_000), 1_000))
})
