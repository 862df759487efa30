import { VirtualClock } from '@quorate/core'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createSagaEngine,
  NonRetryableError,
  saga,
  SagaConflictError,
  type SagaEngine,
  SagaEngineStoppedError,
  type SagaEvent,
  SagaNotFoundError,
  SagaTimeoutError,
  StepTimeoutError,
} from './index.ts'
import { type MemorySagaStore, memorySagaStore, type MemoryTx } from './memory/index.ts'
import type { AnySaga } from './saga.ts'

const clock = new VirtualClock()
const engines: SagaEngine[] = []
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Lets virtual time pass until the promise settles. */
async function drive<T>(promise: Promise<T>): Promise<T> {
  let settled = false
  promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  for (let jumps = 0; jumps < 100_000; jumps++) {
    await turn()
    if (settled) return promise
    const next = clock.nextAtMs
    if (next !== undefined) await clock.advance(Math.max(0, next - clock.monotonic()))
  }
  throw new Error('Nothing is left to happen')
}

function engineOf(
  sagas: readonly AnySaga<MemoryTx>[],
  options: {
    store?: MemorySagaStore
    onEvent?: (event: SagaEvent) => void
    concurrency?: number
    leaseMs?: number
    pollMs?: number
  } = {},
): SagaEngine {
  const { store = memorySagaStore({ clock }), ...rest } = options
  const engine = createSagaEngine({ clock, random: () => 0.5, ...rest, store, sagas })
  engines.push(engine)
  return engine
}

afterEach(async () => {
  for (const engine of engines.splice(0)) await drive(engine.stop({ deadlineMs: 0 }))
})

const fails = (message = 'no'): never => {
  throw new NonRetryableError(message, { code: 'NO', data: { why: message } })
}

describe('steps', () => {
  test('see the input and the typed results of those before them', async () => {
    const sum = saga<{ a: number; when: Date }>('sum', { version: 1 })
      .step({ name: 'first', run: ({ input }) => input.a + 1 })
      .step({
        name: 'second',
        run: async ({ input, results }) => ({ sum: results.first * 10, year: input.when.slice(0, 4) }),
      })
    const run = await drive(engineOf([sum]).start(sum, { a: 1, when: new Date(0) }, { id: 's' }))
    const end = await drive(run.result())
    expect(end).toEqual({ status: 'completed', results: { first: 2, second: { sum: 20, year: '1970' } } })
    const year: string | undefined = end.status === 'completed' ? end.results.second.year : undefined
    expect(year).toBe('1970')
  })

  test('keep one idempotency key through all attempts', async () => {
    const keys: string[] = []
    const flaky = saga('flaky', { version: 1 }).step({
      name: 'call',
      run: ({ key, attempt }) => {
        keys.push(key)
        if (attempt < 3) throw new Error('busy')
        return attempt
      },
    })
    const run = await drive(engineOf([flaky]).start(flaky, undefined, { id: 'f' }))
    expect(await drive(run.result())).toEqual({ status: 'completed', results: { call: 3 } })
    expect(keys).toEqual(Array(3).fill('flaky/f/call'))
  })

  test('that time out are aborted, retried and then compensated as unknown', async () => {
    const reasons: unknown[] = []
    const seen: unknown[] = []
    const slow = saga('slow', { version: 1 }).step({
      name: 'call',
      deadlineMs: 50,
      retry: { maxAttempts: 2 },
      run: ({ signal }) =>
        new Promise<string>((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(new Error('late'))
          })
        }),
      compensate: ({ result, outcome, key, compensationKey }) =>
        seen.push({ result, outcome, key, compensationKey }),
    })
    const run = await drive(engineOf([slow]).start(slow, undefined, { id: 'x' }))
    const end = await drive(run.result())
    expect(end).toMatchObject({
      status: 'compensated',
      failure: { code: 'QUORATE_SAGA_STEP_TIMEOUT', attempts: 2 },
    })
    expect(reasons).toEqual([expect.any(StepTimeoutError), expect.any(StepTimeoutError)])
    expect(seen).toEqual([
      { result: undefined, outcome: 'unknown', key: 'slow/x/call', compensationKey: 'slow/x/call/undo' },
    ])
  })

  test('whose result has no JSON form turn the saga round', async () => {
    const odd = saga('odd', { version: 1 }).step({ name: 'big', run: () => 1n as unknown as number })
    const run = await drive(engineOf([odd]).start(odd, undefined, { id: 'x' }))
    expect(await drive(run.result())).toMatchObject({
      status: 'compensated',
      failure: { step: 'big', attempts: 1 },
    })
  })

  test('.tx commits its writes with the checkpoint, and undoes them with the next', async () => {
    const store = memorySagaStore({ clock })
    const both = saga<{ fail: boolean }, MemoryTx>('both', { version: 1 })
      .tx({ name: 'put', run: ({ tx }) => tx.set('stock', 1), compensate: ({ tx }) => tx.delete('stock') })
      .tx({
        name: 'check',
        run: ({ tx, input }) => {
          tx.set('never', 1)
          if (input.fail) fails()
          return tx.get('stock')
        },
        compensate: ({ tx }) => tx.set('wrong', 1),
      })
    const engine = engineOf([both], { store })
    const good = await drive(engine.start(both, { fail: false }, { id: 'good' }))
    expect(await drive(good.result())).toEqual({ status: 'completed', results: { check: 1 } })
    const bad = await drive(engine.start(both, { fail: true }, { id: 'bad' }))
    expect((await drive(bad.result())).status).toBe('compensated')
    expect([...store.data.keys()]).toEqual(['never']) // of the good one; the failed step left nothing
  })
})

describe('compensation', () => {
  test('undoes what was started in reverse, the failed step included', async () => {
    const undone: unknown[] = []
    const trip = saga('trip', { version: 1 })
      .step({ name: 'hotel', run: () => 'h', compensate: ({ result }) => undone.push(['hotel', result]) })
      .step({ name: 'note', run: () => 'n' })
      .step({
        name: 'flight',
        run: () => fails('full'),
        compensate: ({ result, failure }) => undone.push(['flight', result, failure.message]),
      })
      .step({ name: 'car', run: () => 'c', compensate: () => undone.push(['car']) })
    const run = await drive(engineOf([trip]).start(trip, undefined, { id: 't' }))
    expect(await drive(run.result())).toMatchObject({
      status: 'compensated',
      failure: { step: 'flight', message: 'full', code: 'NO', data: { why: 'full' }, attempts: 1 },
    })
    expect(undone).toEqual([
      ['flight', undefined, 'full'],
      ['hotel', 'h'],
    ])
  })

  test('that fails for good needs attention, and retry() finishes it', async () => {
    let broken = true
    const stuck = saga('stuck', { version: 1 })
      .step({ name: 'pay', run: () => 'p', compensate: () => (broken ? fails('refund refused') : undefined) })
      .step({ name: 'ship', run: () => fails('no stock') })
    const engine = engineOf([stuck])
    const run = await drive(engine.start(stuck, undefined, { id: 's' }))
    expect(await drive(run.result())).toMatchObject({
      status: 'needs-attention',
      failure: { step: 'pay', during: 'compensate' },
    })
    expect((await engine.list({ status: 'needs-attention' })).map(({ id }) => id)).toEqual(['s'])
    broken = false
    expect(await engine.retry('s')).toBe(true)
    expect(await drive(engine.handle('s').result())).toMatchObject({
      status: 'compensated',
      failure: { step: 'ship' },
    })
    expect(await engine.retry('s')).toBe(false)
  })

  test('does not happen after the pivot: the saga waits, and retry() goes forward', async () => {
    let down = true
    const undone: string[] = []
    const once = saga('once', { version: 1 })
      .step({ name: 'pay', run: () => 'p', compensate: () => undone.push('pay') })
      .pivot()
      .step({
        name: 'ship',
        retry: { maxAttempts: 2 },
        run: () => (down ? Promise.reject(new Error('down')) : 'shipped'),
      })
    const engine = engineOf([once])
    const run = await drive(engine.start(once, undefined, { id: 'o' }))
    expect(await drive(run.result())).toMatchObject({
      status: 'needs-attention',
      failure: { step: 'ship', attempts: 2 },
    })
    down = false
    await engine.retry('o')
    expect(await drive(engine.handle('o').result())).toEqual({
      status: 'completed',
      results: { pay: 'p', ship: 'shipped' },
    })
    expect(undone).toEqual([])
  })
})

describe('waitFor()', () => {
  const approval = saga('approval', { version: 1 })
    .step({ name: 'ask', run: () => 'asked' })
    .waitFor('approved', { deadlineMs: 3 * 86_400_000, schema: z.object({ by: z.string() }) })
    .step({ name: 'act', run: ({ results }) => `for ${results.approved.by}` })

  test('takes a signal that comes while waiting', async () => {
    const engine = engineOf([approval], { leaseMs: 3_600_000, pollMs: 3_600_000 })
    const run = await drive(engine.start(approval, undefined, { id: 'a' }))
    await clock.advance(86_400_000)
    expect(await engine.signal('a', 'approved', { by: 'ann' })).toBe(true)
    expect(await drive(run.result())).toMatchObject({ status: 'completed', results: { act: 'for ann' } })
    expect(await engine.signal('a', 'approved', { by: 'bob' })).toBe(false)
  })

  test('takes a signal that came before', async () => {
    const late = saga('late', { version: 1 })
      .step({ name: 'work', run: () => clock.sleep(500).then(() => 1) })
      .waitFor('go', { deadlineMs: 1_000 })
    const engine = engineOf([late])
    const run = await drive(engine.start(late, undefined, { id: 'l' }))
    await engine.signal('l', 'go', 'early')
    expect(await drive(run.result())).toEqual({ status: 'completed', results: { work: 1, go: 'early' } })
  })

  test('refuses a payload that its schema refuses', async () => {
    const engine = engineOf([approval])
    await drive(engine.start(approval, undefined, { id: 'a' }))
    await expect(engine.signal('a', 'approved', { by: 7 })).rejects.toThrow(TypeError)
    await expect(engine.signal('nobody', 'other')).rejects.toThrow(SagaNotFoundError)
  })

  test('turns the saga round when no signal comes in time', async () => {
    const engine = engineOf([approval], { leaseMs: 3_600_000, pollMs: 3_600_000 })
    const startMs = clock.monotonic()
    const run = await drive(engine.start(approval, undefined, { id: 'a' }))
    expect(await drive(run.result({ deadlineMs: Infinity }))).toMatchObject({
      status: 'compensated',
      failure: { step: 'approved', code: 'QUORATE_SAGA_SIGNAL_TIMEOUT' },
    })
    expect(clock.monotonic() - startMs).toBeGreaterThanOrEqual(3 * 86_400_000)
  })

  test('sleep() waits its time', async () => {
    for (const ms of [200, 60_000]) {
      const nap = saga(`nap-${ms}`, { version: 1 })
        .sleep('nap', ms)
        .step({ name: 'done', run: () => 'd' })
      const engine = engineOf([nap])
      const startMs = clock.monotonic()
      const run = await drive(engine.start(nap, undefined, { id: 'n' }))
      expect(await drive(run.result({ deadlineMs: 120_000 }))).toEqual({
        status: 'completed',
        results: { done: 'd' },
      })
      expect(clock.monotonic() - startMs).toBeGreaterThanOrEqual(ms)
    }
  })
})

describe('start()', () => {
  const count = { calls: 0 }
  const one = saga<{ n: number; m?: number }>('one', { version: 1 }).step({
    name: 'do',
    run: () => ++count.calls,
  })
  const two = saga<{ n: number }>('two', { version: 1 }).step({ name: 'do', run: () => 0 })

  test('with the same id is the same saga, also at the same time', async () => {
    count.calls = 0
    const engine = engineOf([one])
    const runs = await drive(
      Promise.all(
        [
          { n: 1, m: 2 },
          { m: 2, n: 1 },
        ].map((input) => engine.start(one, input, { id: 'o' })),
      ),
    )
    expect(runs.map(({ existed }) => existed)).toEqual([false, true])
    await Promise.all(runs.map((run) => drive(run.result())))
    expect(count.calls).toBe(1)
  })

  test('with the same id and other input or another saga is a conflict', async () => {
    const engine = engineOf([one, two])
    await drive(engine.start(one, { n: 1 }, { id: 'o' }))
    const otherInput = engine.start(one, { n: 2 }, { id: 'o' })
    await expect(drive(otherInput)).rejects.toThrow(SagaConflictError)
    await expect(drive(engine.start(two, { n: 1 }, { id: 'o' }))).rejects.toMatchObject({
      code: 'QUORATE_SAGA_CONFLICT',
      differs: 'saga',
      existing: 'one',
      outcome: 'not-applied',
    })
  })

  test('with the id of a saga whose signal comes at that moment leaves nobody stuck', async () => {
    const waits = saga<{ n: number }>('waits', { version: 1 }).waitFor('go', { deadlineMs: 86_400_000 })
    const inner = memorySagaStore({ clock })
    let holds = false
    const release = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const claimed = Promise.withResolvers<void>()
    const store = new Proxy(inner, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return async (...values: unknown[]): Promise<unknown> => {
          const reply = (await member.apply(target, values)) as unknown
          if (name === 'claim' && Array.isArray(reply) && reply.length > 0) claimed.resolve()
          if (name === 'write' && holds) {
            holds = false
            held.resolve()
            await release.promise
          }
          return reply
        }
      },
    })
    const engine = engineOf([waits], { store })
    const run = await drive(engine.start(waits, { n: 1 }, { id: 'w' }))
    await turn()
    await turn() // parked: the saga is in the store only
    holds = true
    const conflict = engine.start(waits, { n: 2 }, { id: 'w' }).catch((error: unknown) => error)
    await drive(held.promise)
    await engine.signal('w', 'go', 1)
    await drive(claimed.promise)
    await turn()
    release.resolve()
    expect(await drive(conflict)).toBeInstanceOf(SagaConflictError)
    expect(await drive(run.result({ deadlineMs: 60_000 }))).toMatchObject({ status: 'completed' })
  })

  test('refuses a definition that the engine was not given', async () => {
    await expect(engineOf([two]).start(one, { n: 1 }, { id: 'o' })).rejects.toThrow(TypeError)
  })

  test('above the concurrency waits in the store', async () => {
    let running = 0
    let most = 0
    const wide = saga('wide', { version: 1 }).step({
      name: 'do',
      run: async () => {
        most = Math.max(most, ++running)
        await clock.sleep(10)
        running--
      },
    })
    const engine = engineOf([wide], { concurrency: 3 })
    const runs = await drive(
      Promise.all([...Array(20).keys()].map((n) => engine.start(wide, undefined, { id: `${n}` }))),
    )
    for (const run of runs) expect((await drive(run.result())).status).toBe('completed')
    expect(most).toBe(3)
  })
})

describe('engines', () => {
  const slow = saga('slow', { version: 1 }).step({
    name: 'do',
    run: () => clock.sleep(1_000).then(() => 'done'),
  })

  test('a client engine starts sagas and another one runs them', async () => {
    const store = memorySagaStore({ clock })
    const client = engineOf([slow], { store, concurrency: 0 })
    engineOf([slow], { store })
    const run = await drive(client.start(slow, undefined, { id: 's' }))
    expect(await drive(run.result())).toEqual({ status: 'completed', results: { do: 'done' } })
    expect(await drive(client.handle('s', slow).result())).toMatchObject({ status: 'completed' })
    await expect(drive(client.handle('nobody').result())).rejects.toThrow(SagaNotFoundError)
  })

  test('an engine whose lease was taken away starts and runs sagas under a new one', async () => {
    const store = memorySagaStore({ clock })
    const fenced: string[] = []
    const engine = engineOf([slow], {
      store,
      onEvent: (event) => {
        if (event.type === 'fenced') fenced.push(`${event.worker} with ${event.sagas}`)
      },
    })
    const before = await drive(engine.start(slow, undefined, { id: 'before' }))
    await store.unregister('1')
    const after = await drive(engine.start(slow, undefined, { id: 'after' }))
    expect(fenced).toEqual(['1 with 2'])
    for (const run of [before, after])
      expect(await drive(run.result())).toMatchObject({ status: 'completed' })
    expect(await store.owned('1')).toEqual([])
  })

  test('a saga that is taken away while a commit of it is on its way begins no step any more', async () => {
    const ran: string[] = []
    const events: string[] = []
    const two = saga('two', { version: 1 })
      .step({ name: 'first', run: () => void ran.push('first') })
      .step({ name: 'second', run: () => void ran.push('second') })
    const held = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    let isLost = false
    const store = new Proxy(memorySagaStore({ clock }), {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return async (...values: unknown[]): Promise<unknown> => {
          if (name === 'renew' && isLost) return false
          const reply = (await member.apply(target, values)) as unknown
          if (name === 'write' && JSON.stringify(values).includes('done')) {
            held.resolve()
            await release.promise
          }
          return reply
        }
      },
    })
    const engine = engineOf([two], { store, onEvent: ({ type }) => void events.push(type) })
    await drive(engine.start(two, undefined, { id: 't' }))
    await held.promise
    isLost = true
    await clock.advance(2_000) // the lease is to be renewed, and another engine has it
    expect(events).toContain('fenced')
    release.resolve()
    await turn()
    await turn()
    expect(ran).toEqual(['first'])
    expect(events).not.toContain('step-failed') // it did not fail: somebody else goes on with it
  })

  test('stop() lets the step in flight finish and hands the saga over', async () => {
    const store = memorySagaStore({ clock })
    const calls: string[] = []
    const two = saga('two', { version: 1 })
      .step({ name: 'a', run: () => clock.sleep(500).then(() => calls.push('a')) })
      .step({ name: 'b', run: () => calls.push('b') })
    const first = engineOf([two], { store })
    const run = await drive(first.start(two, undefined, { id: 't' }))
    const result = run.result().catch((error: unknown) => error)
    await drive(first.stop())
    expect(calls).toEqual(['a'])
    expect(await result).toBeInstanceOf(SagaEngineStoppedError)
    await expect(first.start(two, undefined, { id: 'u' })).rejects.toThrow(SagaEngineStoppedError)
    expect(await drive(engineOf([two], { store }).handle('t').result())).toMatchObject({
      status: 'completed',
    })
    expect(calls).toEqual(['a', 'b'])
    expect(clock.pending).toBeGreaterThan(0)
  })

  test('stop() aborts what does not finish in time', async () => {
    let reason: unknown
    const hangs = saga('hangs', { version: 1 }).step({
      name: 'do',
      run: ({ signal }) =>
        new Promise(() => {
          signal.addEventListener('abort', () => (reason = signal.reason))
        }),
    })
    const engine = engineOf([hangs])
    await drive(engine.start(hangs, undefined, { id: 'h' }))
    await drive(engine.stop({ deadlineMs: 100 }))
    expect(reason).toBeInstanceOf(SagaEngineStoppedError)
  })

  test('stop() leaves no timer behind', async () => {
    const own = new VirtualClock()
    const engine = createSagaEngine({ store: memorySagaStore({ clock: own }), clock: own, sagas: [slow] })
    await engine.stop()
    expect(own.pending).toBe(0)
  })

  test('result() gives up after its time and leaves the saga alone', async () => {
    const engine = engineOf([slow])
    const run = await drive(engine.start(slow, undefined, { id: 's' }))
    await expect(drive(run.result({ deadlineMs: 100 }))).rejects.toThrow(SagaTimeoutError)
    await expect(run.result({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    expect(await drive(run.result())).toMatchObject({ status: 'completed' })
  })

  test('a saga whose steps no longer fit its log needs attention, and goes on once they do', async () => {
    const store = memorySagaStore({ clock })
    const before = saga('flow', { version: 1 })
      .step({ name: 'a', run: () => 1 })
      .waitFor('go', { deadlineMs: 1e9 })
    const renamed = saga('flow', { version: 2 })
      .step({ name: 'b', run: () => 1 })
      .waitFor('go', { deadlineMs: 1e9 })
    const longer = saga('flow', { version: 3 })
      .step({ name: 'a', run: () => 1 })
      .waitFor('go', { deadlineMs: 1e9 })
      .step({ name: 'new', run: () => 'new' })
    const first = engineOf([before], { store })
    await drive(first.start(before, undefined, { id: 'f' }))
    await drive(first.stop())
    const second = engineOf([renamed], { store })
    await second.signal('f', 'go')
    expect(await drive(second.handle('f').result())).toMatchObject({
      status: 'needs-attention',
      failure: { during: 'load', message: expect.stringContaining('step 1 is a') as string },
    })
    await drive(second.stop())
    const third = engineOf([longer], { store })
    await third.retry('f')
    expect(await drive(third.handle('f').result())).toMatchObject({
      status: 'completed',
      results: { new: 'new' },
    })
  })

  test('tell what they do, in order', async () => {
    const events: string[] = []
    const told = saga('told', { version: 1 })
      .step({ name: 'a', run: () => 1, compensate: () => {} })
      .step({ name: 'b', run: () => fails() })
    const engine = engineOf([told], {
      onEvent: (event) => {
        if (event.type !== 'committed')
          events.push('step' in event ? `${event.type} ${event.step}` : event.type)
      },
    })
    const run = await drive(engine.start(told, undefined, { id: 't' }))
    await drive(run.result())
    expect(events).toEqual([
      'saga-started',
      'step-started a',
      'step-succeeded a',
      'step-started b',
      'step-failed b',
      'saga-compensating',
      'compensation-started a',
      'compensated a',
      'saga-settled',
    ])
    const view = await engine.get('t')
    expect(view?.steps.map(({ name, status }) => [name, status])).toEqual([
      ['a', 'undone'],
      ['b', 'failed'],
    ])
  })
})

describe('saga()', () => {
  test('refuses bad names and numbers', () => {
    expect(() => saga('', { version: 1 })).toThrow(TypeError)
    expect(() => saga('x', { version: 0 })).toThrow(RangeError)
    const base = saga('x', { version: 1 }).step({ name: 'a', run: () => 1 })
    expect(() => base.step({ name: 'a', run: () => 1 })).toThrow(TypeError)
    expect(() => base.step({ name: 'b', run: () => 1, retry: { maxAttempts: 0 } })).toThrow(RangeError)
    expect(() => base.sleep('s', Number.NaN)).toThrow(RangeError)
    expect(() => createSagaEngine({ store: memorySagaStore(), sagas: [base, base] })).toThrow(TypeError)
    expect(() => createSagaEngine({ store: memorySagaStore(), sagas: [], leaseMs: 1 })).toThrow(RangeError)
  })
})

describe('a store that stops answering', () => {
  /** Calls of the store that never return, once `hang()` names them. */
  function hanging(): { store: MemorySagaStore; hang: (...methods: (keyof MemorySagaStore)[]) => void } {
    const hung = new Set<string | symbol>()
    const inner = memorySagaStore({ clock })
    const store = new Proxy(inner, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        return (...values: unknown[]): unknown =>
          hung.has(name) ? new Promise(() => {}) : (member.apply(target, values) as unknown)
      },
    })
    return { store, hang: (...methods) => methods.forEach((method) => hung.add(method)) }
  }

  const one = saga('one', { version: 1 }).step({ name: 'only', run: () => 1 })

  test('stop() ends a second after its time-out', async () => {
    const { store, hang } = hanging()
    const engine = engineOf([one], { store })
    await drive((await engine.start(one, undefined, { id: 'a' })).result())
    hang('write', 'claim', 'renew', 'reap', 'load', 'unregister')
    const wait = (deadlineMs: number): Promise<unknown> =>
      engine.start(one, undefined, { id: `b ${deadlineMs}`, deadlineMs }).catch((error: unknown) => error)
    const waiting = [wait(50), wait(1e9)]
    await turn()
    await turn()
    const startMs = clock.monotonic()
    await drive(engine.stop({ deadlineMs: 200 }))
    expect(clock.monotonic() - startMs).toBeLessThanOrEqual(1_200)
    expect(await waiting[0]).toBeInstanceOf(SagaTimeoutError)
    expect(await waiting[1]).toBeInstanceOf(SagaEngineStoppedError)
  })

  test('result() that waits for the store hears of stop(), with nothing unhandled', async () => {
    const { store, hang } = hanging()
    const engine = engineOf([one], { store })
    await drive((await engine.start(one, undefined, { id: 'a' })).result())
    hang('load')
    const result = engine
      .handle('a')
      .result()
      .catch((error: unknown) => error)
    await turn()
    await drive(engine.stop())
    expect(await result).toBeInstanceOf(SagaEngineStoppedError)
  })

  test('result() after stop() does not wait for ever', async () => {
    const never = saga('never', { version: 1 }).step({ name: 'only', run: () => new Promise(() => {}) })
    const engine = engineOf([never])
    const run = await engine.start(never, undefined, { id: 'a' })
    await drive(engine.stop({ deadlineMs: 10 }))
    await expect(drive(run.result({ deadlineMs: 100 }))).rejects.toThrow(SagaEngineStoppedError)
  })
})
