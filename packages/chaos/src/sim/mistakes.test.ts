import { expect, test } from 'vitest'
import type { Env } from './env.ts'
import { AmbientUseError } from './errors.ts'
import type { Failure } from './history.ts'
import { type Rpc, rpcOf } from './rpc.ts'
import { group, type Scenario } from './scenario.ts'
import { explore, replay, simulate } from './simulate.ts'

type Calls = Scenario<Rpc, number, unknown>

/** A server that answers everything with 1, two calls of one client, no faults. */
const correct: Calls = {
  name: 'mistakes',
  nodes: { main: (env) => rpcOf(env).serve('x', () => 1) },
  clients: group('c', 1, rpcOf),
  workload: () => [
    { on: 'c1', call: 0 },
    { on: 'c1', call: 1, afterMs: 5 },
  ],
  perform: (rpc) => rpc.call('main', 'x'),
  check: () => undefined,
  faults: false,
}
const failureOf = async (parts: Partial<Calls>): Promise<Failure | undefined> =>
  (await explore({ ...correct, ...parts }, { seeds: 300 })).failure

test('a bug in the handler of a call fails the run', async () => {
  const nodes = { main: (env: Env) => rpcOf(env).serve('x', () => (undefined as never as string).length) }
  expect(await failureOf({ nodes })).toMatchObject({
    kind: 'error',
    message: expect.stringMatching(/^main: a message handler threw TypeError: /),
  })
})

test('a rejection that nobody handles fails the run that did it, and not the process', async () => {
  const perform: Calls['perform'] = async (rpc, call) => {
    if (call === 1) void rpc.call('nobody-serves', 'x')
    return rpc.call('main', 'x')
  }
  const nodes = { ...correct.nodes, 'nobody-serves': (env: Env): void => void rpcOf(env) }
  const before = process.listeners('unhandledRejection')
  const failure = await failureOf({ perform, nodes, network: { latencyMs: [1, 1] }, settleMs: 10 })
  expect(failure).toMatchObject({
    kind: 'error',
    message: expect.stringMatching(/^A promise was rejected and nobody handled it: CallFailedError: /),
  })
  expect(process.listeners('unhandledRejection')).toEqual(before)
  const again = await replay(
    { ...correct, perform, nodes, network: { latencyMs: [1, 1] }, settleMs: 10 },
    failure!.line,
  )
  expect(again.problem?.message).toBe(failure?.message)
})

test('a rejection that is handled later in virtual time is none, however long the run', async () => {
  const perform: Calls['perform'] = async (rpc) => {
    const late = Promise.reject(new Error('handled in time'))
    for (let round = 0; round < 10_000; round++) await rpc.call('main', 'x') // several turns of the event loop
    return late.catch(() => 1)
  }
  const { failure } = await explore({ ...correct, perform, livenessMs: 1e9 }, { seeds: 1 })
  expect(failure).toBeUndefined()
})

test.for([
  ['Math.random', () => Math.random()],
  ['Date.now', () => Date.now()],
] as const)('workload() and faults() that call %s are refused', async ([name, use]) => {
  const refusal = expect.objectContaining({ called: name }) as AmbientUseError
  await expect(failureOf({ workload: () => [{ on: 'c1', call: use() }] })).rejects.toEqual(refusal)
  await expect(
    failureOf({ faults: () => [{ kind: 'loss', rate: 0, atMs: 0, forMs: use() }] }),
  ).rejects.toEqual(refusal)
})

test('a failure that does not come again says so in place of a line that does not fail', async () => {
  let runs = 0
  const perform: Calls['perform'] = async (rpc) => (++runs === 51 ? 'bad' : rpc.call('main', 'x'))
  const check: Calls['check'] = ({ history }) =>
    history.some(({ output }) => output === 'bad') ? 'it is bad' : undefined
  expect(await failureOf({ perform, check })).toMatchObject({
    kind: 'nondeterminism',
    message: expect.stringContaining('failed once (check: it is bad)'),
  })
})

test('check() may be any thenable, and must answer with a text or nothing', async () => {
  // eslint-disable-next-line unicorn/no-thenable
  const thenable = { then: (use: (value: undefined) => void) => use(undefined) }
  expect(await failureOf({ check: () => thenable as never })).toBeUndefined()
  expect((await failureOf({ check: () => true as never }))?.message).toBe(
    'check() returned true; it must return undefined if all is well, else say what is wrong',
  )
})

test('parts of a scenario that make no sense are refused by name', async () => {
  await expect(failureOf({ workload: (async () => []) as never })).rejects.toThrow(
    'workload() must return an array of operations, got a promise',
  )
  for (const afterMs of [-1, NaN, Infinity])
    await expect(failureOf({ workload: () => [{ on: 'c1', call: 0, afterMs }] })).rejects.toThrow(
      'afterMs of an operation',
    )
  await expect(failureOf({ livenessMs: NaN })).rejects.toThrow('livenessMs')
  await expect(failureOf({ settleMs: -1 })).rejects.toThrow('settleMs')
})

test('what cannot be sent is a TypeError that says why', async () => {
  const circle: { self?: unknown } = {}
  circle.self = circle
  for (const [message, why] of [
    [circle, 'it holds itself'],
    [new Map([[1, () => 1]]), 'could not be cloned'],
  ] as const) {
    const failure = await failureOf({ perform: (rpc) => rpc.call('main', 'x', message) })
    expect(failure).toMatchObject({ kind: 'error', cause: expect.any(TypeError) })
    expect(failure?.message).toContain(why)
  }
})

test('the message of a failure cuts long values', async () => {
  const nodes = { main: (env: Env) => rpcOf(env).serve('x', () => 'y'.repeat(100_000)) }
  const check: Calls['check'] = ({ history }) => (history.length > 1 ? 'two' : undefined)
  const error = (await simulate({ ...correct, nodes, check }).catch((thrown: unknown) => thrown)) as Error
  expect(error.message).toContain('… (100000 characters)')
  expect(error.message.length).toBeLessThan(2_000)
})

test('shrinking ends at the signal, and at its sum of events, with the failure as far as it got', async () => {
  const workload: Calls['workload'] = () => Array.from({ length: 40 }, (_, call) => ({ on: 'c1', call }))
  const controller = new AbortController()
  let checks = 0
  const check: Calls['check'] = ({ history }) => {
    if (++checks === 5) controller.abort(new Error('time is up'))
    return history.length > 20 ? 'long' : undefined
  }
  const stopped = await explore({ ...correct, workload, check }, { signal: controller.signal })
  expect(stopped.failure).toMatchObject({ message: 'long', isMinimal: false })
  expect(stopped.failure?.shrinkRuns).toBeLessThan(5)
  const bounded = await explore({ ...correct, workload, check }, { shrink: { maxEvents: 500 } })
  expect(bounded.failure).toMatchObject({ message: 'long', isMinimal: false })
})

test('no seed that passes is run twice with recheckEvery: Infinity, the first of each so many with a number', async () => {
  for (const [recheckEvery, expected] of [
    [Infinity, 10],
    [5, 12],
  ] as const) {
    let checks = 0
    await explore({ ...correct, check: () => void checks++ }, { seeds: 10, recheckEvery })
    expect(checks).toBe(expected)
  }
})

test('a simulation within a check is refused, and does not wait for itself', async () => {
  const check = async (): Promise<void> => {
    await Promise.resolve()
    await explore(correct, { seeds: 1 })
  }
  expect((await failureOf({ check }))?.message).toMatch(/^Cannot simulate from within a check: /)
})
