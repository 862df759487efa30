import { expect } from 'vitest'

import type { SolverLevel } from '../problem.ts'
import { solveLevel } from '../solve-level.ts'
import { keepsByAxioms, keepsByPoints, type Order } from './brute-force.ts'
import { randomHistory } from './random-history.ts'
import { randomOf, seedMessage, seeds } from './random.ts'

export const ORDERS: Readonly<Record<string, Order>> = {
  'no order': { sessionOrder: false, realTime: false },
  'session order': { sessionOrder: true, realTime: false },
  'real time': { sessionOrder: true, realTime: true },
}

export interface Counts {
  readonly ok: number
  readonly violated: number
  readonly unknown: number
  /** Version orders that the histories left open. */
  readonly choices: number
}

/** The solver says what both ways of trying everything say, and says each thing often. */
export function compareWithBruteForce(level: SolverLevel, order: Order, file: string, count: number): Counts {
  const all = seeds(count)
  let ok = 0
  let choices = 0
  for (const seed of all) {
    const random = randomOf(seed)
    const history = randomHistory(random, { wrongReads: 60, duplicates: 0 })
    // Both ways to open choices.
    const maxPairedWriters = seed % 2 === 0 ? 0 : undefined
    const result = solveLevel(history, { level, ...order, maxViolations: 0, maxPairedWriters })
    const keeps = keepsByPoints(history, level, order)
    const message = `${JSON.stringify(history)} ${seedMessage(seed, file)}`
    expect(keepsByAxioms(history, level, order), `axioms: ${message}`).toBe(keeps)
    expect(result.verdict, message).toBe(keeps ? 'ok' : 'violated')
    if (keeps) ok++
    choices += result.stats['choices'] as number
  }
  return { ok, violated: all.length - ok, unknown: 0, choices }
}

/** With values that were written twice `unknown` is allowed, but never the wrong verdict. */
export function compareWithDuplicates(level: SolverLevel, order: Order, file: string, count: number): Counts {
  const all = seeds(count)
  let ok = 0
  let unknown = 0
  for (const seed of all) {
    const history = randomHistory(randomOf(seed), { wrongReads: 50, duplicates: 40 })
    const result = solveLevel(history, { level, ...order, maxViolations: 0 })
    if (result.verdict === 'unknown') {
      unknown++
      expect(result.reason).toMatch(/the same value/)
      continue
    }
    if (result.verdict === 'ok') ok++
    const message = `${JSON.stringify(history)} ${seedMessage(seed, file)}`
    expect(result.verdict, message).toBe(keepsByPoints(history, level, order) ? 'ok' : 'violated')
  }
  return { ok, violated: all.length - ok - unknown, unknown, choices: 0 }
}
