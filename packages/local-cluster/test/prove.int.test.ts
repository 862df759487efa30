import type { History } from '@quorate/checker'
import { renderTimeline } from '@quorate/checker/timeline'
import { beforeAll, describe, expect, it } from 'vitest'
import { judge, readsFrom } from './prove/judge.ts'
import { runSetting, type RunResult } from './prove/run.ts'
import { SETTINGS, type Setting } from './prove/settings.ts'

// What is broken is provoked by a cut at the right moment, so no verdict depends on who is faster. The faults are
// those that `npm run prove` draws, in a fixed order: on every machine the same ones.
const faultsOf = (engine: string): string => {
  const [primary, replica] = [`${engine}.main.primary`, `${engine}.main.replica-1`]
  return [
    '2400',
    `200+500 partition drop ${replica} | ${primary}`,
    `400+200 partition reset client-1 | ${primary} ${replica}`,
    `900+400 kill ${primary}`,
    `1000+500 slow-links 30 10 client-2>${primary}`,
    `1500+300 one-way drop ${replica}>${primary}`,
    `1600+200 pause ${primary}`,
    `2000+200 pause ${replica}`,
  ].join('; ')
}

const SEED = 42
const again = 'npm run prove -- local-cluster --seed 42 --for 30'

describe.each(SETTINGS.map((setting) => [setting.name, setting] as const))('%s', (_, setting: Setting) => {
  let run: RunResult

  beforeAll(async () => {
    const schedule = faultsOf(setting.engine)
    run = await runSetting(setting, { seed: SEED, forMs: 0, schedule, clients: 3, deadlineMs: 800 })
  })

  it('was under the faults that were asked for', () => {
    expect(run.schedule).toBe(faultsOf(setting.engine))
  })

  it.each(setting.claims)('promises what it claims to readers of $reads', (claim) => {
    const { contradictions } = judge(run.history, claim)
    expect(contradictions, again).toEqual([])
  })

  it('is not believed if it claims what it does not keep', () => {
    const wrong = setting.claims.map(({ reads, linearizable }) => ({
      reads,
      linearizable: !linearizable,
      broken: ['writes-follow-reads'] as const,
    }))
    for (const claim of wrong) {
      const { contradictions } = judge(run.history, claim)
      expect(contradictions.join(), again).toMatch(/linearizable: .* instead of/)
      expect(contradictions.join(), again).toMatch(/writes-follow-reads was not broken/)
    }
  })

  it('has every fault in the history, from its beginning to its end, and in the picture', () => {
    const { history } = run
    const names = new Set(history.faults.map(({ name }) => name))
    expect([...names].toSorted()).toEqual(['kill', 'partition', 'pause', 'slow-links'])
    for (const { start, end } of history.faults) expect(end).toBeGreaterThan(start)
    expect(Math.max(...history.faults.map(({ end }) => end))).toBeLessThan(Infinity)
    const page = renderTimeline(history)
    for (const { targets } of history.faults) expect(page).toContain(targets[0])
  })
})

describe('readsFrom()', () => {
  it('keeps the writes and the reads of these places, in order, with their faults', () => {
    const operation = (index: number, op: string): History['operations'][number] => ({
      index,
      process: 'p',
      op,
      key: 'a',
      status: 'ok',
      start: 2 * index,
      end: 2 * index + 1,
    })
    const history: History = {
      operations: [operation(0, 'read primary'), operation(1, 'write'), operation(2, 'read replica')],
      faults: [{ name: 'kill', targets: ['db'], start: 1, end: 2 }],
      realTime: true,
    }
    const { operations, faults } = readsFrom(history, ['replica'])
    expect(operations.map(({ index, op, start }) => [index, op, start])).toEqual([
      [0, 'write', 2],
      [1, 'read', 4],
    ])
    expect(faults).toEqual(history.faults)
  })
})
