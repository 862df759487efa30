import { describe, expect, test } from 'vitest'
import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { checkCausal } from './check-causal.ts'
import { checkSessions } from './check-sessions.ts'
import { checkWeakLevel } from './check-weak-level.ts'
import { randomHistory, seedMessage, type Shape } from './testing/random-history.ts'

const FILE = 'packages/checker/src/sessions/evidence.prop.test.ts'
const txns: Shape = { transactions: true, maxOperations: 8, realTime: true }
const singles: Shape = { transactions: false, maxOperations: 12, realTime: true, cas: true }

/** A history of these operations only. */
const only = (history: History, indices: readonly number[]): History => ({
  ...history,
  operations: indices.toSorted((a, b) => a - b).map((at, index) => ({ ...history.operations[at]!, index })),
})

describe('operations of a violation', () => {
  const cases: readonly (readonly [string, Shape, (history: History) => CheckResult])[] = [
    ['read-committed', txns, (history) => checkWeakLevel(history, 'read-committed')],
    ['read-atomic', txns, (history) => checkWeakLevel(history, 'read-atomic')],
    ['causal', txns, (history) => checkWeakLevel(history, 'causal')],
    ['cc', singles, (history) => checkCausal(history, { variant: 'cc' })],
    ['ccv', singles, (history) => checkCausal(history)],
    ['sessions in real time', singles, (history) => checkSessions(history, { versionOrder: 'real-time' })],
    [
      'sessions of transactions in real time',
      txns,
      (history) => checkSessions(history, { versionOrder: 'real-time' }),
    ],
    ['sessions', singles, (history) => checkSessions(history, { versionOrder: 'none' })],
  ]
  test.each(cases)(
    'prove it by themselves, and mostly none of them could be left out: %s',
    (_, shape, check) => {
      const chosen = process.env['QUORATE_SEED']
      let violations = 0
      let minimal = 0
      for (let seed = 1; seed <= 2000; seed++) {
        if (chosen !== undefined && seed !== Number(chosen)) continue
        const history = randomHistory(seed, shape)
        for (const { name, operations, message, edges = [] } of check(history).violations) {
          violations++
          const said = `${name} ${operations.join(',')}: ${message}\n${seedMessage(seed, FILE, history)}`
          expect(new Set(operations).size, said).toBe(operations.length)
          const isLoop = edges.every((edge, at) => edge.to === edges[(at + 1) % edges.length]!.from)
          expect(isLoop || edges.length === 1, said).toBe(true)
          const isProof = (some: readonly number[]): boolean =>
            check(only(history, some)).violations.some((violation) => violation.name === name)
          expect(isProof(operations), said).toBe(true)
          if (!operations.some((one) => isProof(operations.filter((other) => other !== one)))) minimal++
        }
      }
      expect(violations > 150 || chosen !== undefined).toBe(true)
      expect(minimal / violations).toBeGreaterThan(0.9)
    },
    30_000,
  )
})
