import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { abdScenario } from './examples/abd.ts'
import { runPlan } from './run.ts'
import { drainedBefore, drainKnown } from './system-clock.ts'

test('drainedBefore() calls back when no microtask is left, however many it takes', async () => {
  await drainKnown
  const order: string[] = []
  await new Promise<void>((resolve) => {
    drainedBefore(() => {
      order.push('drained')
      resolve()
    })()
    const chain = async (): Promise<void> => {
      for (let hop = 0; hop < 10_000; hop++) await Promise.resolve()
      order.push('chain')
    }
    void chain()
  })
  expect(order).toEqual(['chain', 'drained'])
})

test('without process.nextTick, as in a browser, a run takes the same course', async () => {
  const module = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href)
  const script = `
    const { log } = console
    Object.defineProperty(globalThis, 'process', { value: undefined })
    const { runPlan } = await import(${module('run.ts')})
    const { explore } = await import(${module('simulate.ts')})
    const { abdScenario } = await import(${module('examples/abd.ts')})
    for (let seed = 0; seed < 10; seed++) log((await runPlan(abdScenario('abd'), { seed })).hash)
    log((await explore(abdScenario('abd', { clockStamps: true }), { seeds: 500 })).failure?.kind)`
  const flags = ['--conditions=@quorate/source', '--input-type=module', '--eval', script]
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd })
  const here: string[] = []
  for (let seed = 0; seed < 10; seed++) here.push((await runPlan(abdScenario('abd'), { seed })).hash)
  expect(stdout.trim().split('\n')).toEqual([...here, 'check'])
})
