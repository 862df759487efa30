import { checkLinearizable, register } from '@quorate/checker'
import { renderTimeline } from '@quorate/checker/timeline'
import { expect, test } from 'vitest'
import { abdScenario } from './examples/abd.ts'
import { checkRegister, type RegisterCall } from './examples/register.ts'
import type { HistoryEntry, Run } from './history.ts'
import { historyOf, type Words } from './history-of.ts'
import { runPlan } from './run.ts'
import { explore } from './simulate.ts'

type RegisterRun = Run<unknown, RegisterCall, number | null | undefined>

const words = ({ call }: HistoryEntry<RegisterCall>): Words =>
  call.do === 'read' ? { op: 'read' } : { op: 'write', input: call.value }

const verdict = (run: RegisterRun): string =>
  checkLinearizable(historyOf(run, words), register(), { minimize: false }).verdict

test('the checker and the check of the example agree on every history', async () => {
  const seen = { ok: 0, violated: 0 }
  for (const bugs of [{}, { noWriteBack: true }, { tiesWithoutId: true }, { clockStamps: true }]) {
    const scenario = abdScenario('abd', bugs)
    for (let seed = 0; seed < 400; seed++) {
      const run = await runPlan(scenario, { seed })
      const expected = checkRegister(run.history) === undefined ? 'ok' : 'violated'
      seen[expected]++
      expect(verdict(run), `seed ${seed}`).toBe(expected)
    }
  }
  expect(seen.violated).toBeGreaterThan(10)
})

test('a check can be one of the checker', async () => {
  const scenario = abdScenario('abd', { tiesWithoutId: true })
  const { failure } = await explore({
    ...scenario,
    check: (run) => {
      const { violations } = checkLinearizable(historyOf(run, words), register())
      return violations[0]?.message
    },
  })
  expect(failure?.kind).toBe('check')
  expect(failure?.isMinimal).toBe(true)
})

test('the timeline of a failure shows its faults', async () => {
  const { failure } = await explore(abdScenario('abd', { ackBeforeFsync: true }), { seeds: 5_000 })
  const run = failure?.run as RegisterRun
  const history = historyOf(run, words)
  expect(history.faults.length).toBeGreaterThan(0)
  expect(history.faults[0]).toMatchObject({ name: 'crash', targets: [expect.stringMatching(/^r\d$/)] })
  const places = [...history.operations, ...history.faults].flatMap(({ start, end }) => [start, end])
  const finite = places.filter((place) => place !== Infinity)
  expect(new Set(finite).size).toBe(finite.length)
  expect(renderTimeline(history)).toContain('crash')
})
