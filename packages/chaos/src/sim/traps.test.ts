import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Env } from './env.ts'
import { explore } from './simulate.ts'
import type { Scenario } from './scenario.ts'

const before = {
  Date,
  now: Date.now,
  random: Math.random,
  setTimeout,
  setImmediate,
  performance: Object.getOwnPropertyDescriptor(performance, 'now'),
}
const scenarioOf = (code: (env: Env) => unknown): Scenario<Env, string, unknown> => ({
  name: 'ambient',
  clients: { main: (env) => env },
  workload: () => [{ on: 'main', call: 'do it' }],
  perform: (env) => code(env),
  check: () => undefined,
  faults: false,
})

test.each<[name: string, code: () => unknown]>([
  ['Date.now', () => Date.now()],
  ['new Date()', () => new Date()],
  ['Date()', () => Date()],
  ['performance.now', () => performance.now()],
  ['Math.random', () => Math.random()],
  ['setTimeout', () => setTimeout(() => {}, 1)],
  ['setInterval', () => setInterval(() => {}, 1)],
  ['setImmediate', () => setImmediate(() => {})],
  ['process.nextTick', () => process.nextTick(() => {})],
  ['process.hrtime', () => process.hrtime()],
  ['process.hrtime.bigint', () => process.hrtime.bigint()],
  ['process.uptime', () => process.uptime()],
  ['AbortSignal.timeout', () => AbortSignal.timeout(1)],
  ['crypto.randomUUID', () => crypto.randomUUID()],
  ['crypto.randomUUID', () => randomUUID()],
  ['crypto.getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))],
  ['timers/promises.setTimeout', () => wait(1)],
  ['fetch', () => fetch('http://localhost:1')],
])('%s in simulated code fails the run by name', async (name, code) => {
  for (const use of [
    code,
    async () => {
      try {
        await code()
      } catch {
        // swallowed, and found all the same
      }
    },
  ]) {
    const { failure } = await explore(scenarioOf(use), { seeds: 1 })
    expect(failure?.kind).toBe('ambient')
    expect(failure?.message).toMatch(`Cannot call ${name} in a simulation`)
  }
})

test('also deep in a chain of promises, in a handler, in a program', async () => {
  const late = scenarioOf(async (env) => {
    await env.sleep(3)
    for (let hop = 0; hop < 100; hop++) await Promise.resolve()
    return Date.now()
  })
  const handler: typeof late = {
    ...late,
    nodes: { server: (env) => env.onMessage(() => void Math.random()) },
    perform: async (env) => {
      env.send('server', 1)
      await env.sleep(100)
    },
  }
  const program: typeof late = {
    ...late,
    nodes: { server: () => Date.now() },
    perform: (env) => env.sleep(1),
  }
  for (const one of [late, handler, program])
    expect((await explore(one, { seeds: 1 })).failure?.kind).toBe('ambient')
})

test('dates made from a number are fine', async () => {
  const dates = scenarioOf((env) => {
    const date = new Date(env.now())
    class Stamp extends Date {}
    if (!(date instanceof Date) || !(new Stamp(5) instanceof Stamp)) throw new Error('no date')
    return [date.toISOString(), Date.UTC(2000, 1), Date.parse('2000-01-01')]
  })
  expect((await explore(dates, { seeds: 1 })).failure).toBeUndefined()
})

test('the check, and other code of the process, keep the real ones', async () => {
  let checked = 0
  let beside = 0
  const long: Scenario<Env, string, unknown> = {
    ...scenarioOf(async (env) => {
      for (let n = 0; n < 20_000; n++) await env.sleep(0)
    }),
    check: () => {
      checked = Date.now() + Math.random()
    },
  }
  const interval = setInterval(() => {
    beside += Date.now() > 0 ? 1 : 0
  }, 1)
  try {
    expect((await explore(long, { seeds: 5, recheckEvery: Infinity })).failure).toBeUndefined()
  } finally {
    clearInterval(interval)
  }
  expect(checked).toBeGreaterThan(0)
  expect(beside).toBeGreaterThan(0)
})

test('are taken out again, whatever happens', async () => {
  await expect(
    explore(
      {
        ...scenarioOf(() => 1),
        workload: () => {
          throw new Error('broken workload')
        },
      },
      { seeds: 1 },
    ),
  ).rejects.toThrow('broken workload')
  await Promise.all(
    [1, 2].map(() =>
      explore(
        scenarioOf((env) => env.sleep(5)),
        { seeds: 3 },
      ),
    ),
  )
  expect({
    Date,
    now: Date.now,
    random: Math.random,
    setTimeout,
    setImmediate,
    performance: Object.getOwnPropertyDescriptor(performance, 'now'),
  }).toEqual(before)
  expect(Object.hasOwn(crypto, 'randomUUID')).toBe(false)
})
