import { describe, expect, it } from 'vitest'
import { compareWithBruteForce, seeds } from './testing/compare.test-helper.ts'

describe('checkIsolation() of rw-register', () => {
  it('agrees with brute force about every level of 10,000 random histories', () => {
    const tally = compareWithBruteForce('rw-register', 'rw-register.prop.test.ts')
    if (seeds.length === 1) return
    for (const [level, { allowed, forbidden, unknown }] of tally) {
      expect(allowed, `${level} holds often`).toBeGreaterThan(1_000)
      expect(forbidden, `${level} is broken often`).toBeGreaterThan(200)
      expect(unknown, `${level} is decided`).toBeLessThanOrEqual(10)
    }
  }, 120_000)
})
