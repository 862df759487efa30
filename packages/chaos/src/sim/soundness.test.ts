import { expect, test } from 'vitest'
import type { Env } from './env.ts'
import type { Fault } from './faults.ts'
import type { Scenario } from './scenario.ts'
import { explore } from './simulate.ts'

/** One client that does `perform`, once, beside one node. */
const once = (perform: (env: Env) => Promise<unknown>, faults: readonly Fault[], parts: object = {}) =>
  ({
    name: 'soundness',
    clients: { c1: (env) => env },
    workload: () => [{ on: 'c1', call: undefined }],
    perform,
    check: ({ history }) =>
      history[0]?.error === undefined ? undefined : (history[0].error as Error).message,
    faults: () => faults,
    ...parts,
  }) satisfies Scenario<Env, undefined, unknown>

test('what a node has sent to itself ends with its crash', async () => {
  const lives: (readonly [life: unknown, now: number])[] = []
  const main = async (env: Env): Promise<void> => {
    env.onMessage((life) => void lives.push([life, env.restarts]))
    for (;;) {
      env.send('main', env.restarts)
      await env.sleep(1)
    }
  }
  const crash: Fault = { kind: 'crash', node: 'main', mixed: false, atMs: 20, forMs: 0 }
  const { failure } = await explore(
    once((env) => env.sleep(60), [crash], { nodes: { main } }),
    { seeds: 20 },
  )
  expect(failure).toBeUndefined()
  expect(lives.filter(([life, now]) => life !== now)).toEqual([])
  expect(lives).toContainEqual([0, 0])
  expect(lives).toContainEqual([1, 1])
})

test.for([-999_999, -300_000, 200, 300_000, 2_000_000])(
  'sleep() ends when the clock of the node says so, whenever it drifts by %d ppm',
  async (ppm) => {
    const drifts: Fault[] = [
      { kind: 'drift', node: 'c1', ppm, atMs: 20, forMs: 30 },
      { kind: 'drift', node: 'c1', ppm: -300_000, atMs: 60, forMs: 30 },
    ]
    const measured = async (env: Env): Promise<void> => {
      const begun = env.monotonic()
      await env.sleep(100)
      const slept = env.monotonic() - begun
      if (slept < 99.999 || slept > 100.01) throw new TypeError(`slept ${slept} ms`)
    }
    // A clock that almost stood still for a while makes nobody late afterwards.
    const { failure } = await explore(once(measured, drifts, { livenessMs: 200 }), { seeds: 1 })
    expect(failure).toBeUndefined()
  },
)

test('drifts that add up to more than all of the time leave it going forwards', async () => {
  const drifts = Array.from({ length: 4 }, (_, index): Fault => {
    return { kind: 'drift', node: 'c1', ppm: -300_000, atMs: 10 + index, forMs: 50 }
  })
  const { failure } = await explore(
    once(async (env) => {
      let before = env.monotonic()
      for (let round = 0; round < 100; round++) {
        await env.sleep(1)
        const now = env.monotonic()
        if (now < before) throw new TypeError(`back from ${before} to ${now}`)
        before = now
      }
    }, drifts),
    { seeds: 1 },
  )
  expect(failure).toBeUndefined()
})

test('who is late is said to sleep', async () => {
  const { failure } = await explore(
    once((env) => env.sleep(20_000), []),
    { seeds: 1 },
  )
  expect(failure).toMatchObject({
    kind: 'liveness',
    message: expect.stringContaining('1 of its sleeps or disk calls'),
  })
})
