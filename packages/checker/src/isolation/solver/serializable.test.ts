import { describe, expect, it } from 'vitest'
import { compareWithBruteForce, compareWithDuplicates, ORDERS } from './testing/compare.test-helper.ts'
import { oneSeed } from './testing/random.ts'

const FILE = 'packages/checker/src/isolation/solver/serializable.test.ts'

describe.each(Object.entries(ORDERS))('solveLevel(serializable) with %s', { timeout: 60_000 }, (_, order) => {
  it('says of 10,000 random histories what trying all orders says', () => {
    const counts = compareWithBruteForce('serializable', order, FILE, 10_000)
    if (oneSeed) return
    expect(counts.ok).toBeGreaterThan(2_500)
    expect(counts.violated).toBeGreaterThan(2_500)
    expect(counts.choices).toBeGreaterThan(1_500)
  })

  it('is never wrong where values were written twice', () => {
    const counts = compareWithDuplicates('serializable', order, FILE, 2_000)
    if (oneSeed) return
    expect(counts.ok).toBeGreaterThan(300)
    expect(counts.violated).toBeGreaterThan(300)
    expect(counts.unknown).toBeGreaterThan(30)
  })
})
