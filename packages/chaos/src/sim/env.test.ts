import { retry, seededRandom } from '@quorate/core'
import { describe, expect, test } from 'vitest'
import type { Env } from './env.ts'
import type { CutFault, Fault } from './faults.ts'
import type { Run } from './history.ts'
import type { Program } from './scenario.ts'
import { explore } from './simulate.ts'
import { runPlan } from './run.ts'

/** Runs one program as the only operation of a client, beside servers. */
async function world(
  main: (env: Env) => unknown,
  {
    nodes = {},
    faults = [],
    settleMs,
  }: { nodes?: Record<string, Program<unknown>>; faults?: Fault[]; settleMs?: number } = {},
): Promise<Run> {
  return runPlan(
    {
      name: 'test',
      nodes,
      clients: { main: (env) => env },
      workload: () => [{ on: 'main', call: 'main' }],
      perform: async (env: Env) => main(env),
      check: () => undefined,
      faults: () => faults,
      settleMs,
    },
    { seed: 1 },
    { trace: true },
  )
}

const output = async (...parameters: Parameters<typeof world>): Promise<unknown> => {
  const run = await world(...parameters)
  expect(run.problem).toBeUndefined()
  return run.history[0]?.output
}

const crash = (atMs: number, forMs = 10, mixed = false): Fault => ({
  kind: 'crash',
  node: 'server',
  atMs,
  forMs,
  mixed,
})

describe('time', () => {
  test('a year of sleep takes no time', async () => {
    const yearMs = 365 * 24 * 3_600_000
    expect(
      await output(async (env) => {
        const startMs = env.monotonic()
        // livenessMs bounds the wait of one operation; the year is slept in a task
        env.spawn(() => env.sleep(yearMs))
        await env.sleep(9_000)
        return env.monotonic() - startMs
      }),
    ).toBe(9_000)
  })

  test('sleepers wake in order of time, those of one time in the order they came', async () => {
    expect(
      await output(async (env) => {
        const woken: string[] = []
        const sleep = async (name: string, ms: number): Promise<unknown> =>
          env.sleep(ms).then(() => woken.push(name))
        await Promise.all([
          sleep('c', 20),
          sleep('a', 10),
          sleep('b', 10),
          sleep('zero', 0),
          sleep('negative', -5),
        ])
        return woken
      }),
    ).toEqual(['zero', 'negative', 'a', 'b', 'c'])
  })

  test('no event acts before every microtask of the one before has run', async () => {
    const logs = await output(async (env) => {
      const seen: string[] = []
      const deep = async (name: string, ms: number): Promise<void> => {
        await env.sleep(ms)
        for (let hop = 0; hop < 5_000; hop++) await Promise.resolve()
        await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)))
        await (async () => {
          try {
            await Promise.reject(new Error('no'))
          } catch {
            await Promise.resolve()
          }
        })()
        seen.push(name)
      }
      await Promise.all([deep('first', 1), deep('second', 1), deep('third', 1.001)])
      return seen
    })
    expect(logs).toEqual(['first', 'second', 'third'])
  })

  test('sleep() rejects with the reason when aborted, and the sleeper is gone', async () => {
    expect(
      await output(async (env) => {
        const caller = new AbortController()
        const sleeping = env.sleep(1_000, { signal: caller.signal })
        await env.sleep(10)
        caller.abort('left')
        const reason = await sleeping.catch((error: unknown) => error)
        const early = await env
          .sleep(5, { signal: caller.signal })
          .catch((error: unknown) => `${String(error)} before`)
        return [reason, early]
      }),
    ).toEqual(['left', 'left before'])
  })

  test('an aborted sleep takes no time and keeps nothing alive', async () => {
    const run = await world(async (env) => {
      const caller = new AbortController()
      const sleeping = env.sleep(5_000, { signal: caller.signal })
      caller.abort()
      await sleeping.catch(() => {})
      await env.sleep(10)
      await env.receive()
    })
    expect(run.problem?.kind).toBe('deadlock')
    expect(run.stats.virtualMs).toBe(10)
  })

  test('a skewed clock is off and back again; waits do not move', async () => {
    const skew: Fault = { kind: 'skew', node: 'main', byMs: -500, atMs: 10, forMs: 20 }
    const [before, during, after, waited] = (await output(
      async (env) => {
        const first = env.now()
        const from = env.monotonic()
        await env.sleep(20)
        const second = env.now()
        await env.sleep(20)
        return [first, second, env.now(), env.monotonic() - from]
      },
      { faults: [skew] },
    )) as [number, number, number, number]
    expect([during - before, after - before, waited]).toEqual([-480, 40, 40])
  })

  test('a clock that runs too fast wakes its sleepers too early, and its wall clock is corrected at the end', async () => {
    const drift: Fault = { kind: 'drift', node: 'main', ppm: 250_000, atMs: 0, forMs: 100 }
    const run = await world(
      async (env) => {
        await env.sleep(0)
        const [wall, mono] = [env.now(), env.monotonic()]
        await env.sleep(50)
        env.log('half', [env.now() - wall, env.monotonic() - mono])
        await env.sleep(100)
        env.log('end', [env.now() - wall, env.monotonic() - mono])
      },
      { faults: [drift] },
    )
    expect(run.logs).toEqual([
      { node: 'main', atMs: 40, text: 'half', data: [50, 50] },
      { node: 'main', atMs: 125, text: 'end', data: [125, 150] },
    ])
  })

  test('code that takes a Clock and a Random runs unchanged', async () => {
    expect(
      await output(async ({ clock, random }) => {
        const startMs = clock.monotonic()
        let calls = 0
        const value = await retry(
          async () => {
            if (++calls < 5) throw new Error('not yet')
            return calls
          },
          { clock, random, shouldRetry: () => true, baseMs: 100 },
        )
        return [value, clock.monotonic() - startMs > 0]
      }),
    ).toEqual([5, true])
  })
})

describe('messages', () => {
  const echo: Program<unknown> = (env) => env.onMessage((message, from) => env.send(from, message))

  test('are copies', async () => {
    expect(
      await output(
        async (env) => {
          const sent = { list: [1, { two: 2 }], bytes: new Uint8Array([3]), map: new Map([['k', { v: 4 }]]) }
          env.send('server', sent)
          sent.list.push(99)
          sent.bytes[0] = 99
          sent.map.clear()
          const { message, from } = await env.receive<typeof sent>()
          return [message, from, message === sent]
        },
        { nodes: { server: echo } },
      ),
    ).toEqual([
      { list: [1, { two: 2 }], bytes: new Uint8Array([3]), map: new Map([['k', { v: 4 }]]) },
      'server',
      false,
    ])
  })

  test('that are no data, or to nobody, are refused', async () => {
    class Account {
      readonly balance = 1
    }
    const refused = await output(async (env) =>
      [() => 1, Symbol('s'), new Account(), [{ deep: new Account() }]].map((value) => {
        try {
          return env.send('main', value)
        } catch (error) {
          return (error as Error).message
        }
      }),
    )
    expect(refused).toEqual([
      'Cannot send a function: messages are data',
      'Cannot send a symbol: messages are data',
      'Cannot send an instance of Account: messages are data; send its fields',
      'Cannot send an instance of Account: messages are data; send its fields',
    ])
    const { problem } = await world((env) => env.send('nobody', 1))
    expect(problem?.message).toContain('Cannot send to "nobody": there is no such node')
  })

  test('overtake each other, unless links are ordered', async () => {
    const orders = await Promise.all(
      [false, true].map(async (ordered) => {
        const run = await runPlan(
          {
            name: 'order',
            clients: { a: (env) => env, b: (env) => env },
            network: { ordered },
            workload: () => [
              { on: 'b', call: 0 },
              { on: 'a', call: 0 },
            ],
            perform: async (env: Env) => {
              if (env.id === 'a') for (let n = 0; n < 20; n++) env.send('b', n)
              const got: unknown[] = []
              if (env.id === 'b') while (got.length < 20) got.push((await env.receive()).message)
              return got
            },
            check: () => undefined,
            faults: false,
          },
          { seed: 3 },
        )
        return run.history.find(({ on }) => on === 'b')?.output as number[]
      }),
    )
    const sorted = Array.from({ length: 20 }, (_, n) => n)
    expect(orders[0]).not.toEqual(sorted)
    expect(orders[0]?.toSorted((a, b) => a - b)).toEqual(sorted)
    expect(orders[1]).toEqual(sorted)
  })

  test('a handler gets what came before it; receive() takes one each, and not after an abort', async () => {
    const late: Program<unknown> = async (env) => {
      await env.sleep(50)
      env.onMessage((message, from) => env.send(from, ['late', message]))
    }
    expect(
      await output(
        async (env) => {
          env.send('late', 1)
          const caller = new AbortController()
          const left = env.receive({ signal: caller.signal }).catch((error: unknown) => error)
          caller.abort('left')
          const { message } = await env.receive()
          return [await left, message]
        },
        { nodes: { late } },
      ),
    ).toEqual(['left', ['late', 1]])
  })

  /** Sends a number every ms, and says which came back. */
  const pings = async (env: Env): Promise<unknown> => {
    const back: unknown[] = []
    env.onMessage((message) => void back.push(message))
    for (let n = 0; n < 100; n++) {
      env.send('server', n)
      await env.sleep(1)
    }
    await env.sleep(1_000)
    return back
  }
  const numbers = async (fault: Fault): Promise<number[]> =>
    ((await output(pings, { nodes: { server: echo }, faults: [fault] })) as number[]).toSorted(
      (a, b) => a - b,
    )

  test('a cut loses what is sent in it or still under way, in its direction, and heals', async () => {
    const arrived = async (
      direction: Pick<CutFault, 'from' | 'to' | 'bothWays'>,
    ): Promise<[there: number, back: number]> => {
      const server: Program<unknown> = (env) =>
        env.onMessage((message, from) => {
          env.log('there')
          env.send(from, message)
        })
      const main = async (env: Env): Promise<void> => {
        env.onMessage(() => env.log('back'))
        for (let n = 0; n < 100; n++) {
          env.send('server', n)
          await env.sleep(1)
        }
      }
      const cut: Fault = { kind: 'cut', ...direction, atMs: 30, forMs: 40 }
      const { logs } = await world(main, { nodes: { server }, faults: [cut], settleMs: 100 })
      const count = (text: string, fromMs: number, toMs: number): number =>
        logs.filter((log) => log.text === text && log.atMs >= fromMs && log.atMs < toMs).length
      for (const text of ['there', 'back']) {
        expect(count(text, 0, 30)).toBeGreaterThan(10)
        expect(count(text, 70, 200)).toBeGreaterThan(10)
      }
      return [count('there', 30, 70), count('back', 30, 70)]
    }
    const [main, server] = [['main'], ['server']]
    expect(await arrived({ from: main, to: server, bothWays: false })).toEqual([0, expect.any(Number)])
    expect((await arrived({ from: main, to: server, bothWays: false }))[1]).toBeGreaterThan(0) // answers under way
    expect(await arrived({ from: server, to: main, bothWays: false })).toEqual([expect.any(Number), 0])
    expect((await arrived({ from: server, to: main, bothWays: false }))[0]).toBeGreaterThan(30)
    expect(await arrived({ from: server, to: main, bothWays: true })).toEqual([0, 0])
  })

  test('loss, duplicates and delays do what they say', async () => {
    const window = { atMs: 0, forMs: 2_000 }
    const lossy = await numbers({ kind: 'loss', rate: 0.5, ...window })
    expect(lossy.length).toBeGreaterThan(5)
    expect(lossy.length).toBeLessThan(60)
    const doubled = await numbers({ kind: 'duplicate', rate: 1, ...window })
    expect(doubled).toHaveLength(400)
    const delayed = await world(
      async (env) => {
        env.send('server', 1)
        await env.receive()
      },
      { nodes: { server: echo }, faults: [{ kind: 'delay', upToMs: 5_000, ...window }] },
    )
    expect(delayed.stats.virtualMs).toBeGreaterThan(20)
  })
})

describe('a pause', () => {
  test('holds everything back, in order, and ends', async () => {
    const run = await world(
      async (env) => {
        for (const ms of [10, 20, 30]) {
          await env.sleep(10)
          env.log(`${ms}`)
        }
      },
      { faults: [{ kind: 'pause', node: 'main', atMs: 15, forMs: 100 }] },
    )
    expect(run.logs.map(({ atMs, text }) => [text, atMs])).toEqual([
      ['10', 10],
      ['20', 115],
      ['30', 125],
    ])
  })
})

describe('a crash', () => {
  test('ends what runs, and starts the program again', async () => {
    const server: Program<unknown> = async (env) => {
      env.log('start', env.restarts)
      env.spawn(async () => {
        for (;;) {
          await env.sleep(4)
          env.log('tick', env.restarts)
        }
      })
    }
    const run = await world(async (env) => env.sleep(30), { nodes: { server }, faults: [crash(10, 10)] })
    expect(run.logs.map(({ atMs, text, data }) => `${atMs} ${text} ${String(data)}`)).toEqual([
      '0 start 0',
      '4 tick 0',
      '8 tick 0',
      '20 start 1',
      '24 tick 1',
      '28 tick 1',
    ])
  })

  test('lets no code of before go on, not even what waits for a later life', async () => {
    const ran: string[] = []
    let revive: () => void = () => {}
    const revived = new Promise<void>((resolve) => {
      revive = resolve
    })
    const server: Program<unknown> = async (env) => {
      if (env.restarts > 0) {
        revive()
        return
      }
      env.spawn(async () => {
        await env.sleep(12)
        ran.push('slept')
      })
      env.spawn(async () => {
        await revived // what no node can do: share a promise with another life
        throw new Error('from the dead')
      })
    }
    const run = await world(async (env) => env.sleep(100), { nodes: { server }, faults: [crash(10)] })
    expect(ran).toEqual([])
    expect(run.problem).toBeUndefined()
  })

  test('in the midst of another one lasts as long as the longer', async () => {
    const server: Program<unknown> = (env) => env.log('start', env.restarts)
    const faults = [crash(10, 20), crash(15, 30)]
    const run = await world(async (env) => env.sleep(100), { nodes: { server }, faults })
    expect(run.logs.map(({ atMs, data }) => [atMs, data])).toEqual([
      [0, 0],
      [45, 1],
    ])
  })

  test('loses what was not synced, and nothing that was', async () => {
    const server: Program<unknown> = async (env) => {
      const files = await Promise.all(
        (await env.disk.list()).map(async (file) => [file, await env.disk.read(file)]),
      )
      env.log('found', Object.fromEntries(files))
      if (env.restarts > 0) return
      await env.disk.write('synced', 'old')
      await env.disk.append('log', 'a')
      await env.disk.append('log', 'b')
      await env.disk.fsync()
      await env.disk.write('synced', 'new')
      await env.disk.append('log', 'c')
      await env.disk.append('other', 'x')
      await env.disk.remove('log')
      env.log('seen', await env.disk.read('synced'))
    }
    const run = await world(async (env) => env.sleep(100), { nodes: { server }, faults: [crash(50)] })
    expect(run.logs.map(({ text, data }) => [text, data])).toEqual([
      ['found', {}],
      ['seen', 'new'],
      ['found', { synced: 'old', log: 'ab' }],
    ])
  })

  test('during an fsync keeps nothing of it; an fsync covers what was written before its call only', async () => {
    const server: Program<unknown> = async (env) => {
      env.log('found', await env.disk.read('log'))
      if (env.restarts > 0) return
      await env.disk.append('log', 'a')
      const syncing = env.disk.fsync('log')
      await env.disk.append('log', 'b')
      await syncing
      env.log('synced')
      await env.disk.fsync('log')
    }
    // Each fsync takes a second: the crash hits the second one.
    const slow: Fault = { kind: 'slow-disk', node: 'server', byMs: 1_000, atMs: 0, forMs: 3_000 }
    const at = (ms: number): Promise<Run> =>
      world(async (env) => env.sleep(4_000), { nodes: { server }, faults: [slow, crash(ms)] })
    expect((await at(500)).logs.map(({ text, data }) => [text, data])).toEqual([
      ['found', undefined],
      ['found', undefined],
    ])
    expect((await at(1_500)).logs.map(({ text, data }) => [text, data])).toEqual([
      ['found', undefined],
      ['synced', undefined],
      ['found', 'a'],
    ])
    expect((await at(2_500)).logs.map(({ text, data }) => [text, data])).toEqual([
      ['found', undefined],
      ['synced', undefined],
      ['found', 'ab'],
    ])
  })

  test('that is mixed keeps a beginning of what was not synced, perhaps torn', async () => {
    const server: Program<unknown> = async (env) => {
      env.log('found', await env.disk.read('log'))
      if (env.restarts > 0) return
      await env.disk.append('log', 'durable.')
      await env.disk.fsync()
      for (const word of ['one.', 'two.', 'three.']) await env.disk.append('log', word)
    }
    const found = new Set<string>()
    const scenario = {
      name: 'torn',
      nodes: { server },
      clients: { main: (env: Env) => env },
      workload: () => [{ on: 'main', call: 0 }],
      perform: async (env: Env) => env.sleep(100),
      check: ({ logs }: Run) => void found.add(String(logs[1]?.data)),
      faults: () => [crash(50, 10, true)],
    }
    expect((await explore(scenario, { seeds: 300 })).failure).toBeUndefined()
    const whole = 'durable.one.two.three.'
    for (const text of found) expect(whole.startsWith(text) && text.length >= 8).toBe(true)
    expect(found.has('durable.')).toBe(true)
    expect(found.has(whole)).toBe(true)
    expect([...found].some((text) => !text.endsWith('.'))).toBe(true)
  })

  test('makes what its client was doing unknown, and the next operation another process', async () => {
    const run = await runPlan(
      {
        name: 'client crash',
        clients: { main: (env) => env },
        workload: () => [1, 2].map((call) => ({ on: 'main', call })),
        perform: async (env: Env) => env.sleep(50),
        check: () => undefined,
        faults: () => [{ kind: 'crash', node: 'main', atMs: 10, forMs: 5, mixed: false }],
      },
      { seed: 1 },
    )
    expect(
      run.history.map(({ call, status, end, process }) => [call, status, end === Infinity, process]),
    ).toEqual([
      [1, 'unknown', true, 0],
      [2, 'ok', false, 1],
    ])
  })

  test('leaves an env that does nothing', async () => {
    let dead: Env | undefined
    const server: Program<unknown> = (env) => {
      dead ??= env
      env.onMessage(() => env.log('got it'))
    }
    const run = await world(
      async (env) => {
        await env.sleep(15)
        dead?.send('main', 'from the dead')
        dead?.log('boo')
        dead?.spawn(async () => dead?.log('boo'))
        dead?.onMessage(() => env.log('stolen'))
        await dead?.disk.append('log', 'boo')
        const woken = dead?.sleep(0).then(() => 'woken')
        await env.sleep(100)
        env.send('server', 1)
        await env.sleep(100)
        return Promise.race([woken, env.sleep(10).then(() => 'asleep')])
      },
      { nodes: { server }, faults: [crash(10)] },
    )
    expect(run.history[0]?.output).toBe('asleep')
    expect(run.logs.map(({ text }) => text)).toEqual(['got it'])
    expect(run.stats.messages).toBe(1)
  })
})

test('seeds decide the chance of a node, and nothing else does', async () => {
  const draws = async (seed: number): Promise<unknown> => {
    const run = await runPlan(
      {
        name: 'chance',
        clients: { main: (env) => env },
        workload: () => [{ on: 'main', call: 0 }],
        perform: ({ random }: Env) => [random(), random()],
        check: () => undefined,
        faults: false,
      },
      { seed },
    )
    return run.history[0]?.output
  }
  const random = seededRandom('7/node/main')
  expect(await draws(7)).toEqual([random(), random()])
  expect(await draws(7)).toEqual(await draws(7))
  expect(await draws(8)).not.toEqual(await draws(7))
})
