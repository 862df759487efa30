import { describe, expect, it } from 'vitest'
import { ORDERS } from './testing/compare.test-helper.ts'
import { keepsByPoints } from './testing/brute-force.ts'
import { randomHistory } from './testing/random-history.ts'
import { oneSeed, randomOf, seedMessage, seeds } from './testing/random.ts'
import { restricted } from './testing/restricted.ts'
import { solveLevel } from './solve-level.ts'

const FILE = 'packages/checker/src/isolation/solver/larger.test.ts'

/**
 * Too large to try all orders, but either verdict brings its own proof: `ok` an order that `solveLevel()` has run, or it throws;
 * `violated` a few transactions of which all orders can be tried.
 */
describe.each(Object.entries(ORDERS))(
  'solveLevel() of 50 transactions, with %s',
  { timeout: 60_000 },
  (_, order) => {
    it.each(['prefix', 'snapshot-isolation', 'serializable'] as const)(
      'proves its verdict on %s',
      (level) => {
        const all = seeds(400)
        const seen = { ok: 0, violated: 0, unknown: 0 }
        for (const seed of all) {
          const random = randomOf(seed)
          const size = { transactions: 50, keys: 4 + random(16), processes: 2 + random(6), steps: 120 }
          const history = randomHistory(random, {
            wrongReads: random(3),
            oldSnapshots: random(2) * random(100),
            duplicates: 0,
            size,
          })
          const { verdict, violations, witness } = solveLevel(history, { level, ...order })
          seen[verdict]++
          const message = seedMessage(seed, FILE)
          // The order has all that are known to have committed.
          const placed = new Set(witness)
          const missing = history.operations.filter(
            ({ index, status }) => status === 'ok' && !placed.has(index),
          )
          expect(missing.length === 0, message).toBe(verdict === 'ok')
          const operations = violations[0]?.operations ?? []
          if (violations[0]?.edges === undefined || operations.length > 9) continue
          expect(keepsByPoints(restricted(history, operations), level, order), message).toBe(false)
        }
        if (oneSeed) return
        expect(seen.unknown).toBe(0)
        expect(seen.ok).toBeGreaterThan(10)
        expect(seen.violated).toBeGreaterThan(10)
      },
    )
  },
)
