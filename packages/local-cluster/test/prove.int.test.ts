import { checkLinearizable, type History, register } from '@quorate/checker'
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
    '4000',
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
    expect(run.missing).toEqual([])
    expect(run.faults).toBe(8) // and the one that provokes
  })

  it.each(setting.claims)('promises what it claims to readers of $reads', (claim) => {
    const { contradictions, tooLittle } = judge(run.history, claim)
    expect(contradictions, again).toEqual([])
    expect(tooLittle, again).toBeUndefined()
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

  it.each(setting.claims.filter(({ linearizable }) => linearizable))(
    'would be found out by one read of $reads that is too old',
    (claim) => {
      const history = readsFrom(run.history, claim.reads)
      const planted = history.operations
        .map((read) => withStaleRead(history, read))
        .filter((one) => one !== undefined)
      expect(planted.length).toBeGreaterThan(20)
      for (const at of [0, 0.25, 0.5, 0.75]) {
        const wrong = planted[Math.floor(planted.length * at)] as History
        expect(checkLinearizable(wrong, register()).verdict, wrong.name).toBe('violated')
      }
    },
  )

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

/** The history with one answer changed: a value that had been overwritten before the read began. */
function withStaleRead(history: History, read: History['operations'][number]): History | undefined {
  if (read.op !== 'read' || read.status !== 'ok') return undefined
  const before = history.operations.filter(
    ({ op, key, status, end }) => op === 'write' && key === read.key && status === 'ok' && end < read.start,
  )
  const [last] = before.toSorted((x, y) => y.start - x.start)
  const older = before.find(({ end }) => last !== undefined && end < last.start)
  if (older === undefined) return undefined
  const operations = history.operations.map((one) => (one === read ? { ...one, output: older.input } : one))
  return { ...history, operations, name: `#${read.index} of ${read.process} reads ${String(older.input)}` }
}

describe('judge()', () => {
  it('does not believe a run in which hardly anybody was answered', () => {
    const history: History = { operations: [], faults: [], realTime: true }
    const { contradictions, tooLittle } = judge(history, {
      reads: ['primary'],
      linearizable: true,
      broken: [],
    })
    expect(contradictions).toEqual([])
    expect(tooLittle).toMatch(/^too little was answered/)
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
