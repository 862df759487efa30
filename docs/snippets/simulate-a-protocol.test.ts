import { type Env, replay, rpcOf, type SimulationFailedError } from '@quorate/chaos/sim'
// #region test
import { simulate } from '@quorate/chaos/sim'
import { expect, test } from 'vitest'
import { store, storeScenario } from './simulate-a-protocol.ts'

test('the store never loses what it has acknowledged', async () => {
  const { seeds } = await simulate(storeScenario(store), { seeds: 1_000 })
  expect(seeds).toBe(1_000)
})
// #endregion test

/** The same without the fsync. */
async function forgetful(env: Env): Promise<void> {
  const text = (await env.disk.read('log')) ?? ''
  const kept = new Set(text.match(/<\w+>/g))
  const rpc = rpcOf(env)
  rpc.serve('add', async (value: string) => {
    kept.add(value)
    await env.disk.append('log', value)
  })
  rpc.serve('list', () => [...kept])
}

test('a store that acknowledges too early is found, and the page shows its message', async () => {
  const failed = await simulate(storeScenario(forgetful)).catch((error: unknown) => error)
  const { message, failure } = failed as SimulationFailedError
  await expect(`${message}\n`).toMatchFileSnapshot('simulate-a-protocol.out.txt')
  expect(failure.run.history).toHaveLength(2)
  const again = await replay(storeScenario(forgetful), failure.line)
  expect(again.problem?.message).toBe(failure.message)
})
