import { describe, expect, test } from 'vitest'
import { checkSessions, type SessionGuarantee } from './check-sessions.ts'
import { hasUnexplainedRead } from './testing/brute-force.ts'
import { bruteForceSessions } from './testing/brute-force-sessions.ts'
import { compareVerdicts } from './testing/compare.ts'
import type { Shape } from './testing/random-history.ts'

const FILE = 'packages/checker/src/sessions/check-sessions.prop.test.ts'
const SEEDS = 10_000
const RYW = 'read-your-writes'
const MR = 'monotonic-reads'
const MW = 'monotonic-writes'
const WFR = 'writes-follow-reads'
const ALL: readonly SessionGuarantee[] = [RYW, MR, MW, WFR]
const singles: Shape = { transactions: false, maxOperations: 9, realTime: true, cas: true }
const txns: Shape = { transactions: true, maxOperations: 6, realTime: true }

type Case = readonly [
  guarantees: readonly SessionGuarantee[],
  order: 'real-time' | 'none',
  shape: Shape,
  least: number,
]

describe(`on ${SEEDS} random histories, checkSessions() has the same verdict as trying every order of versions that agrees with real time`, () => {
  // The last column: at least so many of each verdict.
  const cases: readonly Case[] = [
    [[RYW], 'real-time', singles, 500],
    [[MR], 'real-time', singles, 500],
    [[MW], 'real-time', singles, 0],
    [[WFR], 'real-time', singles, 50],
    [ALL, 'real-time', singles, 500],
    [ALL, 'real-time', txns, 500],
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
})
