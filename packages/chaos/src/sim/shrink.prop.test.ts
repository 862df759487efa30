import fc from 'fast-check'
import { expect, test } from 'vitest'
import { abdScenario } from './examples/abd.ts'
import { runPlan } from './run.ts'
import { minimize } from './shrink.ts'
import { explore } from './simulate.ts'
import { parsePlan } from './plan-codec.ts'

const items = fc.uniqueArray(fc.nat(1_000), { minLength: 1, maxLength: 30 })

test('minimize() keeps exactly what a monotone failure needs', async () => {
  await fc.assert(
    fc.asyncProperty(items, fc.infiniteStream(fc.boolean()), async (all, coin) => {
      const needed = all.filter(() => coin.next().value)
      const fails = async (subset: readonly number[]): Promise<boolean> =>
        needed.every((one) => subset.includes(one))
      expect(await minimize(all, fails)).toEqual(needed)
    }),
  )
})

test('minimize() ends with a failing part of which nothing can be left out, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(items, fc.func(fc.boolean()), async (all, verdict) => {
      const fails = async (subset: readonly number[]): Promise<boolean> =>
        subset.length === all.length || verdict(subset.join())
      const least = await minimize(all, fails)
      expect(await fails(least)).toBe(true)
      expect(least).toEqual(all.filter((one) => least.includes(one)))
      for (const left of least) expect(await fails(least.filter((one) => one !== left))).toBe(false)
    }),
  )
})

test('a shrunk plan has no operation and no fault too many', async () => {
  const scenario = abdScenario('broken', { noWriteBack: true })
  const { failure } = await explore(scenario, { seeds: 2_000, shrink: { salts: 3 } })
  expect(failure?.isMinimal).toBe(true)
  const { seed, salt = 0, operations = [], faults = [] } = parsePlan(failure?.line ?? '')
  const fails = async (part: object): Promise<boolean> => {
    const runs = [...new Set([salt, 0, 1, 2])].map((one) => ({
      seed,
      operations,
      faults,
      ...part,
      salt: one,
    }))
    for (const plan of runs) if ((await runPlan(scenario, plan)).problem?.kind === 'check') return true
    return false
  }
  expect(await fails({})).toBe(true)
  for (let index = 0; index < operations.length; index++)
    expect(await fails({ operations: operations.toSpliced(index, 1) })).toBe(false)
  for (let index = 0; index < faults.length; index++)
    expect(await fails({ faults: faults.toSpliced(index, 1) })).toBe(false)
})
