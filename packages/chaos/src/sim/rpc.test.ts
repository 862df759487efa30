import { isQuorateError, QuorateError } from '@quorate/core'
import { describe, expect, test } from 'vitest'
import type { Env } from './env.ts'
import type { Fault } from './faults.ts'
import type { Run } from './history.ts'
import { rpcOf, type Rpc } from './rpc.ts'
import { runPlan } from './run.ts'

class Refused extends QuorateError {
  readonly code = 'QUORATE_TEST_REFUSED'
}

/** A server that counts what it did. */
function server(env: Env): void {
  const rpc = rpcOf(env)
  let done = 0
  rpc.serve('add', ({ by }: { by: number }, from) => {
    done += by
    env.log(`add ${by}`, from)
    return done
  })
  rpc.serve('refuse', () => {
    throw new Refused('taken', { outcome: 'not-applied' })
  })
  rpc.serve('slow', async () => {
    await env.sleep(5_000)
    return 'late'
  })
}

const run = (main: (rpc: Rpc, env: Env) => unknown, faults: readonly Fault[] = []): Promise<Run> =>
  runPlan(
    {
      name: 'rpc',
      nodes: { server },
      clients: { main: (env) => ({ env, rpc: rpcOf(env) }) },
      workload: () => [{ on: 'main', call: 0 }],
      perform: async ({ rpc, env }) => main(rpc, env),
      check: () => undefined,
      faults: () => faults,
      settleMs: 100,
    },
    { seed: 5 },
  )

describe('call()', () => {
  test('gets the answer of its own question', async () => {
    const { history, problem } = await run((rpc) =>
      Promise.all([1, 10, 100].map((by) => rpc.call('server', 'add', { by }))),
    )
    expect(problem).toBeUndefined()
    expect(Math.max(...(history[0]?.output as number[]))).toBe(111)
  })

  test('is done once, also if its message comes twice', async () => {
    const { logs, stats } = await run(
      async (rpc) => rpc.call('server', 'add', { by: 1 }),
      [{ kind: 'duplicate', rate: 1, atMs: 0, forMs: 1_000 }],
    )
    expect(stats.duplicated).toBeGreaterThan(0)
    expect(logs.map(({ text }) => text)).toEqual(['add 1'])
  })

  test('rejects as unknown when no answer comes in time', async () => {
    const { history, stats } = await run((rpc) => rpc.call('server', 'slow', undefined, { timeoutMs: 200 }))
    expect(history[0]?.status).toBe('unknown')
    expect(history[0]?.error).toMatchObject({
      code: 'QUORATE_SIM_CALL_TIMEOUT',
      to: 'server',
      method: 'slow',
    })
    expect(history[0]?.endMs).toBe(200)
    expect(stats.virtualMs).toBe(300)
  })

  test('rejects with what the other side threw, and its outcome', async () => {
    const { history } = await run((rpc) => rpc.call('server', 'refuse'))
    expect(history[0]?.status).toBe('fail')
    expect(history[0]?.error).toMatchObject({ remoteName: 'Refused', outcome: 'not-applied' })
    const missing = await run((rpc) => rpc.call('server', 'nothing'))
    expect(missing.history[0]?.error).toMatchObject({ remoteName: 'TypeError', outcome: 'unknown' })
  })

  test('ends with its signal', async () => {
    const { history } = await run(async (rpc, env) => {
      const caller = new AbortController()
      const calling = rpc.call('server', 'slow', undefined, { signal: caller.signal })
      await env.sleep(20)
      caller.abort('left')
      return [
        await calling.catch((error: unknown) => error),
        await rpc.call('server', 'add', { by: 1 }, { signal: caller.signal }).catch(isQuorateError),
      ]
    })
    expect(history[0]?.output).toEqual(['left', false])
  })
})
