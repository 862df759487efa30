import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { QuorateError } from '@quorate/core'
import { afterEach, describe, expect, test } from 'vitest'
import type { Env } from './env.ts'
import { ReplayLineError, SimulationFailedError } from './errors.ts'
import { abdScenario } from './examples/abd.ts'
import type { Fault } from './faults.ts'
import { runPlan } from './run.ts'
import type { Scenario } from './scenario.ts'
import { explore, replay, simulate } from './simulate.ts'

const alone = (
  code: (env: Env) => unknown,
  more: Partial<Scenario<Env, string, unknown>> = {},
): Scenario<Env, string, unknown> => ({
  name: 'alone',
  clients: { main: (env) => env },
  workload: () => [{ on: 'main', call: 'wait' }],
  perform: (env) => code(env),
  check: () => undefined,
  faults: false,
  ...more,
})
const problemOf = async (
  scenario: Scenario<Env, string, unknown>,
): Promise<{ kind: string; message: string } | undefined> => (await runPlan(scenario, { seed: 1 })).problem

describe('what fails a run', () => {
  test('a deadlock, with who waits', async () => {
    const server = (env: Env): void => env.onMessage(() => {})
    expect(
      await problemOf(
        alone(
          (env) => {
            env.send('server', 'are you there?')
            return env.receive()
          },
          { nodes: { server } },
        ),
      ),
    ).toMatchObject({
      kind: 'deadlock',
      message: expect.stringContaining(
        'main waits in wait since 0 ms (it waits for a message in receive())',
      ) as string,
    })
  })

  test('a promise that nobody in the simulation settles', async () => {
    const { readFile } = await import('node:fs/promises')
    for (const code of [() => new Promise(() => {}), () => readFile(fileURLToPath(import.meta.url))])
      expect(await problemOf(alone(code))).toMatchObject({
        kind: 'deadlock',
        message: expect.stringContaining('real I/O, or a promise that nobody settles') as string,
      })
  })

  test('a program that never returns', async () => {
    expect(
      await problemOf(alone(() => 1, { clients: { main: () => new Promise<Env>(() => {}) } })),
    ).toMatchObject({
      kind: 'deadlock',
      message: expect.stringContaining('main has not begun its next operation') as string,
    })
  })

  test('operations that are not done in time after the last fault', async () => {
    const beat = async (env: Env): Promise<never> => {
      for (;;) await env.sleep(100)
    }
    const faults = (): Fault[] => [{ kind: 'pause', node: 'main', atMs: 10, forMs: 500 }]
    const run = await runPlan(alone(beat, { faults, livenessMs: 2_000 }), { seed: 1 })
    expect(run.problem).toMatchObject({
      kind: 'liveness',
      message: expect.stringContaining('main waits in wait') as string,
    })
    expect(run.stats.virtualMs).toBe(2_510)
    const patient = (env: Env): Promise<void> => env.sleep(1_900)
    expect(await problemOf(alone(patient, { faults, livenessMs: 2_000 }))).toBeUndefined()
  })

  test('what a program, a handler or a task throws, now or later', async () => {
    const boom = (): never => {
      throw new Error('boom')
    }
    const later = async (env: Env): Promise<void> => {
      await env.sleep(1)
      boom()
    }
    const ping = (env: Env): Promise<void> => {
      env.send('server', 1)
      return env.sleep(100)
    }
    for (const server of [
      boom,
      later,
      (env: Env) => env.onMessage(boom),
      (env: Env) => env.onMessage(() => later(env)),
      (env: Env) => env.spawn(() => later(env), 'the ticker'),
    ]) {
      expect(await problemOf(alone(ping, { nodes: { server } }))).toMatchObject({
        kind: 'error',
        message: expect.stringMatching(/^server: .* threw Error: boom$/) as string,
      })
    }
  })

  test('a mistake in an operation; other errors tell how it ended', async () => {
    class Refused extends QuorateError {
      readonly code = 'QUORATE_TEST'
    }
    const throwing = (thrown: unknown): Scenario<Env, string, unknown> =>
      alone(async () => {
        throw thrown
      })
    expect(await problemOf(throwing(new TypeError('no function')))).toMatchObject({ kind: 'error' })
    const statusOf = async (error: unknown): Promise<unknown> => {
      const { history, problem } = await runPlan(throwing(error), { seed: 1 })
      return [problem, history[0]?.status, history[0]?.error === error]
    }
    expect(await statusOf(new Error('timeout'))).toEqual([undefined, 'unknown', true])
    expect(await statusOf(new Refused('lost', { outcome: 'unknown' }))).toEqual([undefined, 'unknown', true])
    expect(await statusOf(new Refused('lost', { outcome: 'not-applied' }))).toEqual([undefined, 'fail', true])
  })

  test('going round in circles', async () => {
    const circle = async (env: Env): Promise<never> => {
      for (;;) await env.sleep(0)
    }
    expect(await problemOf(alone(circle, { maxEvents: 500 }))).toMatchObject({ kind: 'runaway' })
  })

  test('state that outlives a run, or another course for the same seed', async () => {
    let runs = 0
    const { failure } = await explore(
      alone((env) => env.sleep(++runs)),
      { seeds: 200 },
    )
    expect(failure).toMatchObject({
      kind: 'nondeterminism',
      message: expect.stringMatching(/^Seed 0 took two different courses: first "/) as string,
    })
  })

  test('a check that throws, returns a text, or rejects', async () => {
    for (const check of [
      () => 'wrong',
      async () => 'wrong',
      () => {
        throw new Error('wrong')
      },
      () => Promise.reject(new Error('wrong')),
    ])
      expect(await problemOf(alone(() => 1, { check }))).toMatchObject({ kind: 'check', message: 'wrong' })
  })
})

describe('the same seed takes the same course', () => {
  const abd = abdScenario('abd')

  test('in one process', async () => {
    const hashes = new Set<string>()
    for (let seed = 0; seed < 100; seed++) {
      const { hash, trace } = await runPlan(abd, { seed }, { trace: true })
      const again = await runPlan(abd, { seed }, { trace: true })
      expect(again.trace).toEqual(trace)
      expect(again.hash).toBe(hash)
      hashes.add(hash)
    }
    expect(hashes.size).toBe(100)
  })

  test('in another process', async () => {
    const script = `
      import { runPlan } from ${JSON.stringify(new URL('run.ts', import.meta.url).href)}
      import { abdScenario } from ${JSON.stringify(new URL('examples/abd.ts', import.meta.url).href)}
      for (let seed = 0; seed < 20; seed++) console.log((await runPlan(abdScenario('abd'), { seed })).hash)`
    const run = promisify(execFile)
    const flags = ['--conditions=@quorate/source', '--input-type=module', '--eval', script]
    const { stdout } = await run(process.execPath, flags, {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    })
    const here: string[] = []
    for (let seed = 0; seed < 20; seed++) here.push((await runPlan(abd, { seed })).hash)
    expect(stdout.trim().split('\n')).toEqual(here)
  })

  test('also when two explorations are asked for at once', async () => {
    const both = await Promise.all([explore(abd, { seeds: 50 }), explore(abd, { seeds: 50 })])
    expect(both[0]).toEqual(both[1])
  })
})

describe('a failure', () => {
  const { QUORATE_SIM } = process.env
  afterEach(() => {
    if (QUORATE_SIM === undefined) delete process.env['QUORATE_SIM']
    else process.env['QUORATE_SIM'] = QUORATE_SIM
  })
  const broken = abdScenario('broken-abd', { tiesWithoutId: true })

  test('is thrown with one line that repeats it', async () => {
    const failed = await simulate(broken).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(SimulationFailedError)
    const { message, failure } = failed as SimulationFailedError
    expect(message).toContain(`Replay: QUORATE_SIM='broken-abd ${failure.line}' npx vitest run`)
    expect(message.split('\n').filter((line) => line.includes('write'))).not.toEqual([])
    expect((await replay(broken, failure.line)).problem?.message).toBe(failure.message)

    process.env['QUORATE_SIM'] = `broken-abd ${failure.line}`
    const replayed = await simulate(broken).catch((error: unknown) => error)
    expect((replayed as SimulationFailedError).failure.run.hash).toBe(failure.run.hash)
    // Scenarios of other names are run as ever.
    expect((await simulate(abdScenario('abd'), { seeds: 10 })).seeds).toBe(10)
    process.env['QUORATE_SIM'] = 'broken-abd'
    await expect(simulate(broken)).rejects.toThrow(ReplayLineError)
  })

  test('can be reported as it was found', async () => {
    const { failure } = await explore(broken, { shrink: false })
    expect(failure?.line).toMatch(/^v1:seed=\d+$/)
    expect(failure?.shrinkRuns).toBe(0)
  })
})

test('a replay line that does not fit the scenario is refused', async () => {
  await expect(replay(abdScenario('abd'), 'v1:seed=1;ops=99')).rejects.toThrow(ReplayLineError)
  const refused = (faults: string): Promise<unknown> =>
    replay(abdScenario('abd'), `v1:seed=1;faults=${faults}`).catch((error: Error) => error.message)
  expect(await refused('crash(r9)@1+1')).toBe('Cannot simulate crash(r9)@1+1: there is no node "r9"')
  expect(await refused('cut(r1>moon)@1+1')).toContain('there is no node "moon"')
  expect(await refused('loss(2)@1+1')).toContain('its rate must be from 0 to 1')
  expect(await refused('drift(r1,-1000000)@1+1')).toContain('its drift must be above -1000000')
  expect(await refused('slow-disk(r1,-1)@1+1')).toContain('its delay must be a finite number from 0')
})

test('a scenario or options that make no sense are refused', async () => {
  const abd = abdScenario('abd')
  await expect(explore(abd, { seeds: 0 })).rejects.toThrow(RangeError)
  await expect(explore({ ...abd, name: 'two words' })).rejects.toThrow('"two words"')
  await expect(explore({ ...abd, nodes: { c1: () => {} } })).rejects.toThrow('"c1" is a node and a client')
  await expect(
    explore({ ...abd, workload: () => [{ on: 'c9', call: { do: 'read' as const } }] }),
  ).rejects.toThrow('"c9"')
})

test('an exploration ends with its signal', async () => {
  const caller = new AbortController()
  let checks = 0
  const counted = alone(() => 1, { check: () => void (++checks === 5 && caller.abort(new Error('enough'))) })
  await expect(explore(counted, { signal: caller.signal })).rejects.toThrow('enough')
  expect(checks).toBe(5)
})

test('settleMs lets what is under way arrive after the last operation and fault', async () => {
  const faults = (): Fault[] => [{ kind: 'cut', from: ['a'], to: ['b'], bothWays: true, atMs: 0, forMs: 500 }]
  const gossip = (env: Env): Set<number> => {
    const known = new Set<number>()
    env.onMessage<number[]>((values) => {
      for (const value of values) known.add(value)
    })
    env.spawn(async () => {
      for (;;) {
        for (const other of env.clients) if (other !== env.id) env.send(other, [...known])
        await env.sleep(50)
      }
    })
    return known
  }
  const scenarioWith = (settleMs: number): Scenario<Set<number>, number, unknown> => ({
    name: 'gossip',
    clients: { a: gossip, b: gossip },
    workload: () => ['a', 'b'].map((on, call) => ({ on, call })),
    perform: (known, value) => known.add(value).size,
    check: ({ apis }) => (apis['a']?.size === 2 && apis['b']?.size === 2 ? undefined : 'not the same'),
    faults,
    settleMs,
  })
  expect((await explore(scenarioWith(0), { seeds: 1 })).failure?.message).toBe('not the same')
  expect((await explore(scenarioWith(200), { seeds: 20 })).failure).toBeUndefined()
})
