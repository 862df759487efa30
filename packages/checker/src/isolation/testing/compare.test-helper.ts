import { expect } from 'vitest'
import type { History } from '../../history.ts'
import { checkIsolation } from '../check-isolation.ts'
import { needsMore } from '../elsewhere.ts'
import { judgeLists, judgeRegisters } from '../judge.ts'
import { allLevels, type Level } from '../levels.ts'
import { readTransactions } from '../transactions.ts'
import { levelsAllowed, type Model } from './brute-force.ts'
import { type DatabaseLevel, mutate, seeded, type Shape, simulate } from './simulated-database.ts'

const SEEDS = 10_000
const only = process.env['QUORATE_SEED']
const DATABASES: readonly DatabaseLevel[] = [
  'serial',
  'snapshot',
  'prefix',
  'committed',
  'uncommitted',
  'stale',
  'stale',
]
const SHAPES: readonly Shape[] = ['any', 'any', 'skew', 'fork']

/** All seeds, or the one that is to be run again. */
export const seeds: readonly number[] =
  only === undefined ? Array.from({ length: SEEDS }, (_, seed) => seed) : [Number(only)]

export function randomHistory(seed: number, model: Model): History {
  const random = seeded(seed)
  const int = (below: number): number => Math.floor(random() * below)
  for (;;) {
    const shape = SHAPES[int(SHAPES.length)] as Shape
    const history = simulate(random, {
      model,
      shape,
      level: DATABASES[seed % DATABASES.length] as DatabaseLevel,
      transactions: 2 + int(shape === 'any' ? 3 : 4),
      maxSteps: 1 + int(3),
      processes: 1 + int(4),
      keys: ['x', 'y', 'z'].slice(0, 1 + int(3)),
      crash: random() < 0.3 ? 0.25 : 0,
      abort: random() < 0.3 ? 0.25 : 0,
      realTime: random() < 0.75,
    })
    const steps = history.operations.reduce((sum, { input }) => sum + (input as unknown[]).length, 0)
    if (steps > 9) continue
    let mutated = history
    for (let times = int(3); times > 0; times--) mutated = mutate(random, mutated, model)
    return mutated
  }
}

export interface Counts {
  allowed: number
  forbidden: number
  unknown: number
}

/** Every level against brute force. Returns how often each verdict was true, and how often the whole check was asked and did not know. */
export function compareWithBruteForce(model: Model, file: string): Map<string, Counts> {
  const tally = new Map<string, Counts>()
  const levels = allLevels()
  for (const level of levels) tally.set(level.name, { allowed: 0, forbidden: 0, unknown: 0 })
  for (const seed of seeds) {
    const history = randomHistory(seed, model)
    const allowed = ([0, 1, 2] as const).map((order) =>
      history.realTime || order < 2 ? levelsAllowed(history, model, order) : undefined,
    )
    const { verdictOf } = (model === 'list-append' ? judgeLists : judgeRegisters)(
      readTransactions(history, model),
      {
        assume: new Set(),
        stages: history.realTime ? 3 : 2,
        maxViolations: 10,
        withinBudget: () => true,
      },
    )
    const check = (level: Level, verdict: string): void => {
      const truth = allowed[level.strength]?.has(level.base) === true
      if (verdict === 'unknown' || (verdict === 'ok') === truth) return
      const operations = history.operations.map(
        ({ index, process, status, output, input, start, end }) =>
          `#${index} process ${process} ${status} [${start}, ${end}] ${JSON.stringify(output ?? input)}`,
      )
      expect.fail(
        `${level.name} is ${verdict}, and brute force ${truth ? 'found an execution' : 'found none'}; real time: ${history.realTime}\n${operations.join('\n')}\n` +
          `QUORATE_SEED=${seed} vitest run --project unit packages/checker/src/isolation/${file}`,
      )
    }
    levels.forEach((level, at) => {
      const truth = allowed[level.strength]
      if (truth === undefined) return
      const counts = tally.get(level.name) as Counts
      counts[truth.has(level.base) ? 'allowed' : 'forbidden']++
      check(level, verdictOf(level))
      // Read committed of a history of sessions is more than what brute force tries, see needsMore().
      if (at !== seed % levels.length || needsMore(history, level)) return
      const result = checkIsolation(history, { model, level: level.name, sessionOrder: false })
      check(level, result.verdict)
      expect(result.violations.length > 0, `violations are told, seed ${seed}`).toBe(
        result.verdict === 'violated',
      )
      expect(result.reason !== undefined, `a reason is told, seed ${seed}`).toBe(result.verdict === 'unknown')
      // Levels nobody asked about: what is ruled out does not hold.
      for (const name of result.ruledOut ?? []) {
        const other = levels.find((candidate) => candidate.name === name) as Level
        if (allowed[other.strength] !== undefined) check(other, 'violated')
      }
      if (result.verdict === 'unknown') counts.unknown++
    })
  }
  return tally
}
