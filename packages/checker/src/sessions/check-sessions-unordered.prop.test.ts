import { describe, expect, test } from 'vitest'
import { checkSessions, type SessionGuarantee } from './check-sessions.ts'
import { hasUnexplainedRead } from './testing/brute-force.ts'
import { bruteForceAscending, bruteForceSessions } from './testing/brute-force-sessions.ts'
import { compareVerdicts } from './testing/compare.ts'
import type { Shape } from './testing/random-history.ts'

const FILE = 'packages/checker/src/sessions/check-sessions-unordered.prop.test.ts'
const SEEDS = 10_000
const RYW = 'read-your-writes'
const MR = 'monotonic-reads'
const MW = 'monotonic-writes'
const WFR = 'writes-follow-reads'
const ALL: readonly SessionGuarantee[] = [RYW, MR, MW, WFR]
const singles: Shape = { transactions: false, maxOperations: 9, realTime: true, cas: true }
const small: Shape = { transactions: true, maxOperations: 5, maxSteps: 2, realTime: true }
const untimed: Shape = { ...singles, realTime: false }

type Case = readonly [
  guarantees: readonly SessionGuarantee[],
  order: 'real-time' | 'none',
  shape: Shape,
  least: number,
]

describe(`on ${SEEDS} random histories, checkSessions() has the same verdict as trying every order of versions`, () => {
  // The last column: at least so many of each verdict. Without an order, the guarantees about writes are hardly ever broken by themselves.
  const cases: readonly Case[] = [
    [[RYW], 'none', untimed, 500],
    [[MR], 'none', untimed, 300],
    [[WFR], 'none', untimed, 20],
    [[RYW, MW], 'none', untimed, 500],
    [ALL, 'none', singles, 500],
    [ALL, 'none', small, 300],
  ]
  test.each(cases)(
    '%j in order %s',
    (guarantees, versionOrder, shape, least) => {
      const { wrong, rarer } = compareVerdicts({
        file: FILE,
        seeds: SEEDS,
        shape,
        fast: (history) => checkSessions(history, { guarantees, versionOrder }),
        slow: (history) => bruteForceSessions(history, guarantees, versionOrder === 'real-time'),
        open: hasUnexplainedRead,
      })
      expect(wrong).toBe('')
      expect(rarer).toBeGreaterThanOrEqual(least)
    },
    60_000,
  )

  test.each([[[RYW]], [[MR]], [[MW]], [[WFR]], [ALL]] as const)(
    '%j by values',
    (guarantees) => {
      const { wrong, verdicts, rarer } = compareVerdicts({
        file: FILE,
        seeds: SEEDS,
        shape: { ...untimed, duplicates: true, unknown: false },
        fast: (history) => checkSessions(history, { guarantees, versionOrder: 'ascending' }),
        slow: (history) => bruteForceAscending(history, guarantees),
      })
      expect(wrong).toBe('')
      expect(verdicts.unknown).toBe(0)
      expect(rarer).toBeGreaterThan(200)
    },
    60_000,
  )
})
