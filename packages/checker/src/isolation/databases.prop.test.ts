import { describe, expect, it } from 'vitest'
import { checkIsolation, type IsolationOptions } from './check-isolation.ts'
import { type DatabaseLevel, mutate, seeded, simulate } from './testing/simulated-database.ts'

const FILE = 'packages/checker/src/isolation/databases.prop.test.ts'
const only = process.env['QUORATE_SEED']
const seedsUpTo = (count: number): number[] =>
  only === undefined ? Array.from({ length: count }, (_, seed) => seed) : [Number(only)]
const again = (seed: number): string => `QUORATE_SEED=${seed} vitest run --project unit ${FILE}`

const PROMISES: readonly (readonly [DatabaseLevel, string])[] = [
  ['serial', 'strict-serializable'],
  ['snapshot', 'strong-snapshot-isolation'],
  ['prefix', 'strong-prefix'],
  ['committed', 'strong-read-committed'],
]

describe('checkIsolation() of simulated databases', () => {
  for (const model of ['list-append', 'rw-register'] as const) {
    for (const [level, promise] of PROMISES) {
      it(`finds that a ${level} database of ${model} keeps ${promise}, in histories of 300 transactions`, () => {
        for (const seed of seedsUpTo(8)) {
          const history = simulate(seeded(seed), {
            model,
            level,
            transactions: 300,
            maxSteps: 4,
            processes: 6,
            keys: ['a', 'b', 'c', 'd', 'e'],
            crash: 0.03,
            abort: 0.03,
          })
          const result = checkIsolation(history, { model, level: promise })
          expect(result.verdict, `${JSON.stringify(result.violations[0])}\n${again(seed)}`).toBe('ok')
        }
      })
    }
  }

  it('finds that a database without transactions keeps none of the stronger levels', () => {
    for (const seed of seedsUpTo(8)) {
      const history = simulate(seeded(seed), {
        model: 'list-append',
        level: 'stale',
        transactions: 300,
        maxSteps: 4,
        processes: 6,
        keys: ['a', 'b', 'c'],
      })
      const { ruledOut } = checkIsolation(history, { model: 'list-append' })
      expect(ruledOut, again(seed)).toEqual(
        expect.arrayContaining(['read-atomic', 'prefix', 'cursor-stability', 'serializable']),
      )
    }
  })

  const assumptions: NonNullable<IsolationOptions['assume']>[] = [
    ['wfr-keys'],
    ['sequential-keys'],
    ['linearizable-keys'],
  ]
  it('what is assumed of a serial database rules nothing out, and of a history that is broken it forgives nothing', () => {
    let broken = 0
    for (const seed of seedsUpTo(1_500)) {
      const random = seeded(seed)
      const serial = simulate(random, {
        model: 'rw-register',
        level: 'serial',
        transactions: 3 + Math.floor(random() * 6),
        maxSteps: 3,
        processes: 3,
        keys: ['x', 'y'],
        crash: 0.1,
        abort: 0.1,
      })
      const check = (history: typeof serial, assume: IsolationOptions['assume']): string =>
        checkIsolation(history, { model: 'rw-register', level: 'strict-serializable', assume }).verdict
      const mutated = mutate(random, serial, 'rw-register')
      const truth = check(mutated, [])
      if (truth === 'violated') broken++
      for (const assume of assumptions) {
        expect(check(serial, assume), `${assume.join()}: ${again(seed)}`).not.toBe('violated')
        const forgiven = truth === 'violated' && check(mutated, assume) !== 'violated'
        expect(forgiven, `${assume.join()}: ${again(seed)}`).toBe(false)
      }
    }
    expect(broken > 300 || only !== undefined, 'histories are often broken').toBe(true)
  })
})
