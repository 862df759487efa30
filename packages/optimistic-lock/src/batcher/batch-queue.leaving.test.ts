// Deadlines and signals: what a caller is told that does not wait any longer.
import { getEventListeners } from 'node:events'
import { type SleepOptions, VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { FakeStore, never, over, settle } from './fake-store.test-helper.ts'
import { fold } from './plan.ts'

test('at its deadline a request that was sent is unknown, and the connection ends with its last caller', async () => {
  const store = new FakeStore({ mug: 10 })
  store.before = () => never
  const time = new VirtualClock()
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
  const time = new VirtualClock()
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

test('deadlines of very many requests are noticed together, each at most a few ms late', async () => {
  const time = new VirtualClock()
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

test('who leaves in the very turn in which its batch lands is not sent again', async () => {
  const store = new FakeStore({})
  let units = 5
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
  const { take, queue } = over(store)
  const gone = new AbortController()
  const reason = new Error('its other half is there')
  const first = take('mug').finally(() => gone.abort(reason))
  const twin = take('MUG', 1, { signal: gone.signal }).catch((error) => error)
  expect(await first).toEqual({ left: 4 })
  expect(await twin).toBe(reason)
  expect(queue.waiting).toBe(0)
  await queue.stop()
  expect(store.sent).toHaveLength(1)
  expect(units).toBe(4)
})

test('a deadline is kept by those who are put back, also if the alarm rings while their batch lands', async () => {
  // At any turn of the way from the store's answer to the queue.
  for (let turns = 0; turns < 16; turns++) {
    let nowMs = 0
    const sleepers: (() => void)[] = []
    const slow = {
      now: () => nowMs,
      monotonic: () => nowMs,
      sleep: () => new Promise<void>((resolve) => sleepers.push(resolve)),
    }
    const wake = (): void => sleepers.splice(0).forEach((resolve) => resolve())
    const store = new FakeStore({ mug: 5 })
    const gate = Promise.withResolvers<undefined>()
    store.before = async () => {
      await gate.promise
      return { type: 'not-applied', next: 'retry', cause: new Error('deadlock') }
    }
    const { take } = over(store, { clock: slow, deadlineMs: 100 })
    let failure: unknown
    void take('mug').catch((error: unknown) => (failure = error))
    await settle()
    nowMs = 50
    gate.resolve(undefined)
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    sleepers.shift()?.() // the alarm, before its time
    await settle()
    store.open = () => never
    nowMs = 100
    wake()
    await settle()
    expect(failure, `${turns} turns`).toMatchObject({ outcome: expect.stringMatching('') })
  }
})
