import { describe, expect, test } from 'vitest'
import { explore, replay, simulate } from '../simulate.ts'
import { type AbdBugs, abdScenario, type AbdSize } from './abd.ts'

const SEEDS = Number(process.env['QUORATE_SEEDS'] ?? 2_000)

test('the register is linearizable under every fault', async () => {
  const { faults, operations } = await simulate(abdScenario('abd'), { seeds: SEEDS })
  expect(operations).toBe(SEEDS * 12)
  expect(faults).toBeGreaterThan(SEEDS * 2)
})

/** Seeds within which each bug must be found, from 0. */
const PLANTED: Array<[name: string, bugs: AbdBugs, size: AbdSize, seeds: number]> = [
  ['read without write-back', { noWriteBack: true }, {}, 2_000],
  ['acknowledged before fsync', { ackBeforeFsync: true }, {}, 2_000],
  ['half of the replicas for a quorum', { halfQuorum: true }, { replicas: 4 }, 500],
  ['equal stamps without the id', { tiesWithoutId: true }, {}, 100],
  ['stamps of a skewed clock', { clockStamps: true }, {}, 500],
]

describe.each(PLANTED)('%s', (name, bugs, size, seeds) => {
  const scenario = abdScenario(name.replaceAll(' ', '-'), bugs, size)

  test(`is found within ${seeds} seeds, made small, and repeated by its line`, async () => {
    const { failure } = await explore(scenario, { seeds })
    expect(failure?.kind).toBe('check')
    if (failure === undefined) return
    expect(failure.isMinimal).toBe(true)
    expect(failure.run.history.length).toBeLessThanOrEqual(8)
    expect(failure.run.faults.length).toBeLessThanOrEqual(3)
    const again = await replay(scenario, failure.line)
    expect(again.problem?.message).toBe(failure.message)
    expect(again.hash).toBe(failure.run.hash)
    // The line holds the fault of the bug's kind: without the bug the same course is fine.
    const { problem } = await replay(abdScenario(scenario.name, {}, size), failure.line)
    expect(problem).toBeUndefined()
  })
})
