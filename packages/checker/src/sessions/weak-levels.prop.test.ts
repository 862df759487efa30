import { describe, expect, test } from 'vitest'
import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { checkCausal } from './check-causal.ts'
import { checkWeakLevel } from './check-weak-level.ts'
import { bruteForceCc, bruteForceCcv, bruteForceLevel } from './testing/brute-force.ts'
import { compareVerdicts } from './testing/compare.ts'
import type { Shape } from './testing/random-history.ts'

const FILE = 'packages/checker/src/sessions/weak-levels.prop.test.ts'
const SEEDS = 10_000
const txns: Shape = { transactions: true, maxOperations: 7, realTime: false }
const singles: Shape = { transactions: false, maxOperations: 9, realTime: false, cas: true }

type Fast = (history: History) => CheckResult
type Slow = (history: History) => boolean
const level = (name: 'read-committed' | 'read-atomic' | 'causal'): readonly [Fast, Slow] => [
  (history) => checkWeakLevel(history, name),
  (history) => bruteForceLevel(history, name),
]
const cc: readonly [Fast, Slow] = [(history) => checkCausal(history, { variant: 'cc' }), bruteForceCc]
const ccv: readonly [Fast, Slow] = [(history) => checkCausal(history), bruteForceCcv]

describe(`on ${SEEDS} random histories, the same verdict as trying every order`, () => {
  const cases: readonly (readonly [string, readonly [Fast, Slow], Shape])[] = [
    ["checkWeakLevel('read-committed')", level('read-committed'), txns],
    ["checkWeakLevel('read-atomic')", level('read-atomic'), txns],
    ["checkWeakLevel('causal')", level('causal'), txns],
    ["checkWeakLevel('causal') of single operations", level('causal'), singles],
    ["checkCausal('cc')", cc, singles],
    ["checkCausal('cc') of transactions", cc, txns],
    ["checkCausal('ccv')", ccv, singles],
    ["checkCausal('ccv') of transactions", ccv, txns],
  ]
  test.each(cases)(
    '%s',
    (_, [fast, slow], shape) => {
      const { wrong, verdicts, rarer, names } = compareVerdicts({
        file: FILE,
        seeds: SEEDS,
        shape,
        fast,
        slow,
      })
      expect(wrong).toBe('')
      expect(verdicts.unknown).toBe(0)
      expect(rarer).toBeGreaterThan(SEEDS / 10)
      expect(rarer === Infinity || names.size > 4).toBe(true)
    },
    60_000,
  )
})

describe('where values are written twice', () => {
  const cases: readonly (readonly [string, readonly [Fast, Slow]])[] = [
    ["checkWeakLevel('causal')", level('causal')],
    ["checkCausal('cc')", cc],
  ]
  test.each(cases)(
    '%s is right or says unknown',
    (_, [fast, slow]) => {
      const shape = { ...singles, duplicates: true }
      const { wrong, verdicts, rarer, reasons } = compareVerdicts({
        file: FILE,
        seeds: 2000,
        shape,
        fast,
        slow,
      })
      expect(wrong).toBe('')
      expect(rarer).toBeGreaterThan(200)
      expect(rarer === Infinity || verdicts.unknown > 20).toBe(true)
      for (const reason of reasons) expect(reason).toMatch(/both wrote|initial value/)
    },
    60_000,
  )
})
