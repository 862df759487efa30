import { getEventListeners } from 'node:events'
import { type SleepOptions, VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FakeStore } from './fake-store.test-helper.ts'
import { BatchQueue } from './batch-queue.ts'
import type { BatcherOptions, Grant } from './options.ts'
import type { BatcherEvent } from './events.ts'
import { Flight } from './flight.ts'
import { Lanes } from './lanes.ts'
import { fold } from './plan.ts'
import { Request } from './request.ts'

const never = new Promise<never>(() => {})
const clock = (): VirtualClock => new VirtualClock()

interface Setup {
  readonly queue: BatchQueue
  readonly take: (
    sku: string,
    amount?: number,
    options?: Parameters<BatchQueue['request']>[3],
  ) => Promise<Grant | undefined>
}
function over(store: FakeStore, options: BatcherOptions = {}): Setup {
  const queue = new BatchQueue(store, 'stock', { clock: clock(), random: () => 0.5, ...options })
  return {
    queue,
    take: (sku, amount = 1, more = {}) => queue.request(sku, { sku }, -amount, more),
  }
}

/** Lets every microtask run that is due. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('requests of one turn share a statement, and each has its own answer', async () => {
  const store = new FakeStore({ mug: 5, lamp: 1 })
  const { take } = over(store)
  const answers = await Promise.all([
    take('mug', 3),
    take('lamp', 2),
    take('mug', 3),
    take('mug', 2),
    take('no'),
  ])
  expect(answers).toEqual([{ left: 2 }, undefined, undefined, { left: 0 }, undefined])
  expect(store.sent).toHaveLength(1)
  await settle()
  expect(store.closed).toEqual([false])
})

test('requests that come during a statement wait for the next one, in their order', async () => {
  const store = new FakeStore({ mug: 100 })
  const gate = Promise.withResolvers<undefined>()
  store.before = () => gate.promise
  const { take } = over(store)
  const answers = [take('mug')]
  await settle()
  for (let index = 0; index < 10; index++) answers.push(take('mug'))
  await settle()
  expect(store.sent).toHaveLength(1)
  gate.resolve(undefined)
  expect((await Promise.all(answers)).map((grant) => grant?.left)).toEqual(
    Array.from({ length: 11 }, (_, index) => 99 - index),
  )
  expect(store.sent).toHaveLength(2)
})

test('another key does not wait for a statement under way, up to the concurrency', async () => {
  const store = new FakeStore({ mug: 9, lamp: 9, pen: 9 })
  store.before = ([item]) => (item?.key['sku'] === 'mug' ? never : Promise.resolve(undefined))
  const { take } = over(store)
  void take('mug')
  await settle()
  expect(await take('lamp')).toEqual({ left: 8 })
  expect(await take('pen')).toEqual({ left: 8 })
  store.before = () => never
  for (const sku of ['lamp', 'pen', 'lamp']) {
    void take(sku)
    await settle()
  }
  expect(store.sent.map(([item]) => item?.key['sku'])).toEqual(['mug', 'lamp', 'pen', 'lamp'])
})

test('a full queue refuses with a typed error, and takes again when it is not full', async () => {
  const store = new FakeStore({ mug: 9 })
  const gate = Promise.withResolvers<undefined>()
  store.before = () => gate.promise
  const { take, queue } = over(store, { maxWaiting: 2 })
  const first = take('mug')
  await settle()
  const waiting = [take('mug'), take('mug')]
  expect(queue.waiting).toBe(2)
  await expect(take('mug')).rejects.toMatchObject({
    code: 'QUORATE_BATCHER_FULL',
    outcome: 'not-applied',
    waiting: 2,
  })
  gate.resolve(undefined)
  await Promise.all([first, ...waiting])
  expect(await take('mug')).toEqual({ left: 5 })
})

test('a statement that was not applied is repeated, in the order of its requests', async () => {
  const store = new FakeStore({ mug: 3 })
  let failures = 2
  store.before = () =>
    Promise.resolve(
      failures-- > 0 ? { type: 'not-applied', next: 'retry', cause: new Error('deadlock') } : undefined,
    )
  const time = clock()
  const events: BatcherEvent[] = []
  const { take } = over(store, { clock: time, onEvent: (event) => events.push(event) })
  const answers = Promise.all([take('mug', 2), take('mug', 2), take('mug', 1)])
  await time.advance(100)
  expect(await answers).toEqual([{ left: 1 }, undefined, { left: 0 }])
  expect(events.map((event) => event.type)).toEqual(['batch-failed', 'batch-failed', 'batch'])
  expect(events[2]).toMatchObject({ keys: 1, requests: 3, granted: 2 })
})

test('a statement whose answer is lost is not repeated: unknown for each of its callers, and nobody else', async () => {
  const store = new FakeStore({ mug: 3 })
  const lost = new Error('connection terminated')
  store.before = () => Promise.resolve({ type: 'unknown', cause: lost })
  const { take } = over(store)
  const answers = await Promise.allSettled([take('mug'), take('mug')])
  for (const answer of answers) {
    expect(answer).toMatchObject({
      reason: { code: 'QUORATE_WRITE_UNKNOWN', outcome: 'unknown', cause: lost },
    })
  }
  expect(store.sent).toHaveLength(1)
  expect(store.closed).toEqual([true])
  store.before = () => Promise.reject(lost) // a store that throws says as little
  await expect(take('mug')).rejects.toMatchObject({ outcome: 'unknown' })
  store.before = () => Promise.resolve(undefined)
  expect(await take('mug')).toEqual({ left: 2 })
})

test('one request that the server refuses fails alone, and order is kept', async () => {
  const store = new FakeStore({ mug: 10 })
  const cause = new Error('out of range')
  store.before = (items) =>
    Promise.resolve(
      items.some(({ deltas }) => deltas.includes(-666))
        ? { type: 'not-applied', next: 'split', cause }
        : undefined,
    )
  const { take } = over(store)
  const amounts = [1, 2, 666, 3, 4, 1]
  const answers = await Promise.allSettled(amounts.map((amount) => take('mug', amount)))
  expect(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value?.left : answer.reason)),
  ).toEqual([9, 7, cause, 4, 0, undefined])
})

test('a failure that no request is to blame for fails all of them once', async () => {
  const store = new FakeStore({ mug: 10 })
  const cause = new Error('relation does not exist')
  store.before = () => Promise.resolve({ type: 'not-applied', next: 'fail', cause })
  const { take } = over(store)
  const answers = await Promise.allSettled([take('mug'), take('mug')])
  expect(answers).toEqual([
    { status: 'rejected', reason: cause },
    { status: 'rejected', reason: cause },
  ])
  expect(store.sent).toHaveLength(1)
})

test('if the connection breaks in the middle of a split, what was not sent is sent on another one', async () => {
  const store = new FakeStore({ mug: 10 })
  let statement = 0
  store.before = () => {
    statement++
    if (statement === 1)
      return Promise.resolve({ type: 'not-applied', next: 'split', cause: new Error('one of them') })
    return Promise.resolve(statement === 2 ? { type: 'unknown', cause: new Error('lost') } : undefined)
  }
  const { take } = over(store)
  const [first, second] = await Promise.allSettled([take('mug'), take('mug')])
  expect(first).toMatchObject({ reason: { outcome: 'unknown' } })
  expect(second).toEqual({ status: 'fulfilled', value: { left: 9 } })
  await settle()
  expect(store.closed).toEqual([true, false])
})

test('without a connection requests wait, and are told at their deadline that nothing was applied', async () => {
  const store = new FakeStore({ mug: 10 })
  const refused = new Error('ECONNREFUSED')
  const open = store.open
  store.open = () => Promise.reject(refused)
  const time = clock()
  const { take } = over(store, { clock: time, deadlineMs: 500 })
  const failure = take('mug').catch((error) => error)
  const patient = take('mug', 1, { deadlineMs: 60_000 })
  await time.advance(500)
  expect(await failure).toMatchObject({
    code: 'QUORATE_BATCH_TIMEOUT',
    outcome: 'not-applied',
    cause: refused,
  })
  store.open = open
  await time.advance(5_000)
  expect(await patient).toEqual({ left: 9 })
})

test('at its deadline a request that was sent is unknown, and the connection ends with its last caller', async () => {
  const store = new FakeStore({ mug: 10 })
  store.before = () => never
  const time = clock()
  const { take, queue } = over(store, { clock: time })
  const short = take('mug', 1, { deadlineMs: 100 }).catch((error) => error)
  const long = take('mug', 1, { deadlineMs: 200 }).catch((error) => error)
  await settle()
  await time.advance(100)
  expect(await short).toMatchObject({ code: 'QUORATE_WRITE_UNKNOWN', cause: { name: 'TimeoutError' } })
  expect(store.closed).toEqual([])
  await time.advance(100)
  expect(await long).toMatchObject({ outcome: 'unknown' })
  expect(store.closed).toEqual([true])
  await queue.stop()
})

test('a signal takes a waiting request out, and makes a sent one unknown', async () => {
  const store = new FakeStore({ mug: 10 })
  const gate = Promise.withResolvers<undefined>()
  store.before = () => gate.promise
  const { take, queue } = over(store)
  const reason = new Error('caller left')
  await expect(take('mug', 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const stop = new AbortController()
  const sent = take('mug', 1, { signal: stop.signal }).catch((error) => error)
  const other = take('mug', 1)
  await settle()
  const waiting = take('mug', 5, { signal: stop.signal }).catch((error) => error)
  stop.abort(reason)
  expect(await sent).toMatchObject({ code: 'QUORATE_WRITE_UNKNOWN', cause: reason })
  expect(await waiting).toBe(reason)
  expect(queue.waiting).toBe(0)
  gate.resolve(undefined)
  // The one that left was part of the statement, and was granted for all that.
  expect(await other).toEqual({ left: 8 })
  const calm = new AbortController()
  expect(await take('mug', 1, { signal: calm.signal })).toEqual({ left: 7 })
  for (const { signal } of [stop, calm]) expect(getEventListeners(signal, 'abort')).toEqual([])
  await settle()
  expect(store.closed).toEqual([false, false])
})

test('who waits to be repeated, or for a twin, is told at the deadline that nothing was applied', async () => {
  const store = new FakeStore({ mug: 5 })
  const cause = new Error('deadlock')
  store.before = () => Promise.resolve({ type: 'not-applied', next: 'retry', cause })
  const time = clock()
  const { take } = over(store, { clock: time, deadlineMs: 50 })
  const repeated = take('mug').catch((error) => error)
  await time.advance(60)
  expect(await repeated).toMatchObject({ code: 'QUORATE_BATCH_TIMEOUT', outcome: 'not-applied', cause })

  const twins = new FakeStore({})
  twins.before = () =>
    Promise.resolve({ type: 'applied', items: [{ type: 'applied', before: 5 }, { type: 'twin' }] })
  const session = await twins.open()
  const open = [Promise.resolve(session)]
  twins.open = () => open.pop() ?? never // no other connection after the first
  const { take: ask } = over(twins)
  const gone = new AbortController()
  const first = ask('mug')
  const twin = ask('MUG', 1, { signal: gone.signal }).catch((error) => error)
  expect(await first).toEqual({ left: 4 })
  await settle()
  const reason = new Error('left')
  gone.abort(reason)
  expect(await twin).toBe(reason)
})

test('a row that somebody else has is tried again by itself, while the others go on', async () => {
  const store = new FakeStore({ mug: 5, lamp: 5, pen: 5 })
  let isLocked = true
  store.before = (items) =>
    Promise.resolve(
      isLocked && items.some(({ key }) => key['sku'] === 'mug')
        ? { type: 'not-applied', next: 'yield', cause: new Error('lock_timeout') }
        : undefined,
    )
  const time = clock()
  const { take } = over(store, { clock: time })
  const mug = take('mug')
  const others = Promise.all([take('lamp'), take('pen')])
  await time.advance(5)
  expect(await others).toEqual([{ left: 4 }, { left: 4 }])
  expect(store.sent.slice(1).every((items) => items.length === 1)).toBe(true)
  // Those who come now share a statement, and do not wait while the mug does.
  const sent = store.sent.length
  expect(await Promise.all([take('lamp'), take('pen')])).toEqual([{ left: 3 }, { left: 3 }])
  expect(store.sent.slice(sent).map((items) => items.length)).toEqual([2])
  isLocked = false
  await time.advance(1_000)
  expect(await mug).toEqual({ left: 4 })
  await Promise.all([take('mug'), take('lamp')])
  expect(store.sent.at(-1)).toHaveLength(2)
})

test('a statement that nobody waits for any longer is the last one that its rows share with others', async () => {
  const store = new FakeStore({ mug: 5, lamp: 5 })
  store.before = (items) =>
    items.some(({ key }) => key['sku'] === 'mug') ? never : Promise.resolve(undefined)
  const time = clock()
  const { take, queue } = over(store, { clock: time, deadlineMs: 100 })
  const hung = Promise.allSettled([take('mug'), take('lamp')])
  await settle()
  await time.advance(100)
  expect((await hung).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const again = take('mug').catch((error) => error)
  expect(await take('lamp')).toEqual({ left: 4 })
  await time.advance(100)
  expect(await again).toMatchObject({ outcome: 'unknown' })
  await queue.stop()
})

test('what goes up beyond the end of numbers fails alone', async () => {
  const store = new FakeStore({ mug: Number.MAX_SAFE_INTEGER - 5 })
  const { queue } = over(store)
  const answers = await Promise.allSettled(
    [5, 1, -2, 2].map((delta) => queue.request('mug', { sku: 'mug' }, delta)),
  )
  const max = Number.MAX_SAFE_INTEGER
  expect(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value?.left : answer.reason.name)),
  ).toEqual([max, 'RangeError', max - 2, max])
})

test('a flight that has landed holds none of its requests', async () => {
  const session = await new FakeStore({ mug: 5 }).open()
  const lanes = new Lanes<Request>()
  const lane = lanes.open('mug', { sku: 'mug' })
  const { promise, resolve, reject } = Promise.withResolvers<Grant | undefined>()
  lanes.add(lane, new Request(-1, resolve, reject, Infinity))
  const flight = new Flight(session, lanes.take(1), {
    table: 'stock',
    min: 0,
    clock: clock(),
    onEvent: undefined,
  })
  expect(flight.groups).toHaveLength(1)
  await flight.run()
  expect(await promise).toEqual({ left: 4 })
  expect(flight.groups).toEqual([])
})

test('deadlines of very many requests are noticed together, each at most a few ms late', async () => {
  const time = clock()
  const store = new FakeStore({})
  store.open = () => never
  let rings = 0
  const counting = {
    now: () => time.now(),
    monotonic: () => time.monotonic(),
    sleep: (ms: number, options?: SleepOptions) => {
      rings++
      return time.sleep(ms, options)
    },
  }
  const { take } = over(store, { clock: counting })
  const late: number[] = []
  const all = Array.from({ length: 20_000 }, async (_, index) => {
    const deadlineMs = 100 + index / 100
    await take('mug', 1, { deadlineMs }).catch(() => {})
    late.push(time.monotonic() - deadlineMs)
  })
  await time.advance(400)
  await Promise.all(all)
  expect(Math.max(...late)).toBeLessThan(4)
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
  expect(rings).toBeLessThan(180) // they fall due in 200 different ms
})

test('those who are put back after a batch was split keep their order', async () => {
  const store = new FakeStore({ mug: 10 })
  const verdicts = ['split', 'retry'] as const
  let sent = 0
  store.before = () => {
    const next = verdicts[sent++]
    return Promise.resolve(next && { type: 'not-applied', next, cause: new Error(next) })
  }
  const time = clock()
  const { take } = over(store, { clock: time })
  const answers = [take('mug', 1), take('mug', 2), take('mug', 3)]
  await settle()
  await time.advance(1_000)
  expect((await Promise.all(answers)).map((grant) => grant?.left)).toEqual([9, 7, 4])
})

test('stop() waits for the statement under way', async () => {
  const store = new FakeStore({ mug: 3 })
  const gate = Promise.withResolvers<undefined>()
  store.before = () => gate.promise
  const { take, queue } = over(store)
  const answer = take('mug')
  await settle()
  let isStopped = false
  const stopped = queue.stop().then(() => (isStopped = true))
  await settle()
  expect(isStopped).toBe(false)
  gate.resolve(undefined)
  expect(await answer).toEqual({ left: 2 })
  await stopped
  expect(store.closed).toEqual([false])
})

test('a row that is asked for without end does not keep its twin waiting', async () => {
  const store = new FakeStore({})
  let units = 1_000
  let isAsking = true
  const { take } = over(store, { concurrency: 1 })
  store.before = (items) => {
    if (isAsking && store.sent.length < 50) void take('A')
    return Promise.resolve({
      type: 'applied',
      items: items.map(({ deltas }, index) => {
        if (index > 0) return { type: 'twin' }
        const before = units
        units = fold(units, deltas, 0).after
        return { type: 'applied', before }
      }),
    })
  }
  void take('A')
  const twin = take('a').then((grant) => {
    isAsking = false
    return grant
  })
  await Promise.race([twin, settle().then(settle)])
  isAsking = false
  expect(store.sent.length).toBeLessThan(10)
  expect(await twin).toMatchObject({ left: expect.any(Number) })
})

test('stop() answers everybody, refuses those who come later, and leaves no timer', async () => {
  const store = new FakeStore({ mug: 3 })
  const { take, queue } = over(store, { maxBatch: 2 })
  const answers = Array.from({ length: 5 }, () => take('mug'))
  const stopped = queue.stop()
  await expect(take('mug')).rejects.toMatchObject({ code: 'QUORATE_BATCHER_STOPPED', outcome: 'not-applied' })
  expect((await Promise.all(answers)).map((grant) => grant?.left)).toEqual([2, 1, 0, undefined, undefined])
  await stopped
  expect(store.sent).toHaveLength(3)
  await queue.stop()
})

test('stop() during an outage ends when the last deadline has passed, and closes a connection that comes late', async () => {
  const store = new FakeStore({ mug: 3 })
  const late = Promise.withResolvers<Awaited<ReturnType<FakeStore['open']>>>()
  const open = store.open
  store.open = () => late.promise
  const time = clock()
  const { take, queue } = over(store, { clock: time, deadlineMs: 50 })
  const failure = take('mug').catch((error) => error)
  const stopped = queue.stop()
  await time.advance(50)
  expect(await failure).toMatchObject({ outcome: 'not-applied' })
  await stopped
  late.resolve(await open())
  await settle()
  expect(store.closed).toEqual([false])
  expect(store.sent).toEqual([])
})

test('two spellings of one row take turns, and none is granted what nobody took', async () => {
  const store = new FakeStore({})
  let units = 3
  store.before = (items) =>
    Promise.resolve({
      type: 'applied',
      items: items.map(({ deltas }, index) => {
        if (index > 0) return { type: 'twin' }
        const before = units
        units = fold(units, deltas, 0).after
        return { type: 'applied', before }
      }),
    })
  const { take } = over(store)
  const answers = await Promise.all([take('A', 1), take('a', 1), take('A', 1), take('a', 1)])
  expect(answers.filter((grant) => grant !== undefined)).toHaveLength(3)
  expect(units).toBe(0)
})

test('whatever a store answers and whenever callers leave: every request has one answer, and grants are what the store took', async () => {
  const call = fc.record({
    sku: fc.constantFrom('a', 'b', 'c'),
    amount: fc.integer({ min: 1, max: 4 }),
    leaves: fc.option(fc.constantFrom('at once', 'later'), { nil: undefined, freq: 5 }),
  })
  const verdict = fc.constantFrom('ok', 'ok', 'ok', 'retry', 'yield', 'split', 'fail', 'unknown', 'lost') // lost: applied, then unknown
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { maxLength: 25 }),
      fc.array(verdict, { maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 3 }),
      fc.scheduler(),
      async (calls, verdicts, maxBatch, concurrency, scheduler) => {
        const store = new FakeStore({ a: 10, b: 3 })
        const failing = [...verdicts]
        const inner = store.open
        store.open = async () => {
          const session = await inner()
          return {
            close: (isBroken) => session.close(isBroken),
            apply: async (items) => {
              await scheduler.schedule(Promise.resolve(), 'statement')
              const next = failing.shift() ?? 'ok'
              const cause = new Error(next)
              if (next === 'retry' || next === 'yield' || next === 'split' || next === 'fail')
                return { type: 'not-applied', next, cause }
              if (next === 'unknown') return { type: 'unknown', cause }
              const answer = await session.apply(items)
              return next === 'lost' ? { type: 'unknown', cause } : answer
            },
          }
        }
        const time = new VirtualClock(0, { onStuck: () => {} })
        const { take, queue } = over(store, { clock: time, maxBatch, concurrency, deadlineMs: 1e9 })
        const answers = calls.map(({ sku, amount, leaves }) => {
          const stop = new AbortController()
          const answer = take(sku, amount, { signal: stop.signal }).catch((error) => ({ error }))
          if (leaves === 'at once') stop.abort(new Error('left'))
          if (leaves === 'later')
            void scheduler.schedule(Promise.resolve(), 'leave').then(() => stop.abort(new Error('left')))
          return answer
        })
        const stopped = queue.stop()
        const ended = new AbortController()
        void Promise.all([...answers, stopped]).then(() => ended.abort())
        for (let round = 0; round < 500 && !ended.signal.aborted; round++) {
          await scheduler.waitIdle()
          await time.advance(1_000)
          await settle()
        }
        expect(ended.signal.aborted).toBe(true)
        for (const [sku, stock] of [
          ['a', 10],
          ['b', 3],
        ] as const) {
          let granted = 0
          let unknown = 0
          for (const [index, { sku: asked, amount }] of calls.entries()) {
            const answer = await answers[index]
            if (asked !== sku || answer === undefined) continue
            if (!('error' in answer)) granted += amount
            else if (answer.error.code === 'QUORATE_WRITE_UNKNOWN') unknown += amount
          }
          const taken = stock - (store.units.get(sku) ?? 0)
          expect(taken).toBeGreaterThanOrEqual(granted)
          expect(taken).toBeLessThanOrEqual(Math.min(stock, granted + unknown))
        }
        // One keeps its turn: of one row's grants, later ones left less.
        const lefts = (await Promise.all(answers)).flatMap((answer, index) =>
          answer !== undefined && 'left' in answer && calls[index]?.sku === 'a' ? [answer.left] : [],
        )
        expect(lefts).toEqual(lefts.toSorted((a, b) => b - a))
      },
    ),
    { numRuns: 3_000 },
  )
})
