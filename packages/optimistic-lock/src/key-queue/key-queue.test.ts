import { getEventListeners } from 'node:events'
import { VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyQueue } from './index.ts'

const never = new Promise<never>(() => {})

test('one at a time for each key, in the order they came, whatever fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean() }), {
        maxLength: 20,
        size: 'max',
      }),
      fc.scheduler(),
      async (calls, scheduler) => {
        const queue = keyQueue({ clock: new VirtualClock(0, { onStuck: () => {} }) })
        const running = new Map<string, number>()
        const order = new Map<string, number[]>()
        let most = 0
        const results = calls.map(({ key, fails }, index) =>
          queue
            .run(key, async () => {
              running.set(key, (running.get(key) ?? 0) + 1)
              most = Math.max(most, ...running.values())
              order.set(key, [...(order.get(key) ?? []), index])
              await scheduler.schedule(Promise.resolve(), key)
              running.set(key, (running.get(key) ?? 0) - 1)
              if (fails) throw new Error(`${index}`)
              return index
            })
            .catch((error: Error) => Number(error.message)),
        )
        await scheduler.waitFor(Promise.all(results))
        expect(await Promise.all(results)).toEqual(calls.map((_, index) => index))
        expect(most).toBeLessThanOrEqual(1)
        for (const indices of order.values()) expect(indices).toEqual(indices.toSorted((a, b) => a - b))
        for (const { key } of calls) expect(queue.waiting(key)).toBe(0)
      },
    ),
  )
})

test('other keys do not wait', async () => {
  const queue = keyQueue()
  void queue.run('a', () => never)
  expect(await queue.run('b', () => 1)).toBe(1)
})

test('those who leave by signal or deadline are passed over, and their function is never called', async () => {
  const clock = new VirtualClock()
  const queue = keyQueue({ clock, deadlineMs: 100 })
  const gate = Promise.withResolvers<string>()
  const called: string[] = []
  const first = queue.run('a', () => gate.promise)
  const stop = new AbortController()
  const reason = new Error('left')
  const leaver = queue.run('a', () => called.push('leaver'), { signal: stop.signal }).catch((error) => error)
  const late = queue.run('a', () => called.push('late')).catch((error) => error)
  const patient = queue.run('a', () => called.push('patient'), { deadlineMs: 1_000 })
  expect(queue.waiting('a')).toBe(3)
  stop.abort(reason)
  expect(await leaver).toBe(reason)
  await clock.advance(100)
  expect(await late).toMatchObject({
    code: 'QUORATE_KEY_QUEUE_TIMEOUT',
    outcome: 'not-applied',
    deadlineMs: 100,
  })
  gate.resolve('done')
  expect(await first).toBe('done')
  await patient
  expect(called).toEqual(['patient'])
  await expect(queue.run('a', () => 1, { signal: stop.signal })).rejects.toBe(reason)
})

test('a signal that outlives the calls is not listened to after them', async () => {
  const queue = keyQueue({ clock: new VirtualClock(0, { onStuck: () => {} }) })
  const { signal } = new AbortController()
  const gate = Promise.withResolvers<number>()
  const calls = [
    queue.run('a', () => gate.promise, { signal }),
    ...[1, 2, 3].map((n) => queue.run('a', () => n, { signal })),
  ]
  expect(getEventListeners(signal, 'abort')).toHaveLength(3)
  gate.resolve(0)
  expect(await Promise.all(calls)).toEqual([0, 1, 2, 3])
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('a full queue refuses, for its key alone', async () => {
  const queue = keyQueue({ maxWaiting: 1 })
  const gate = Promise.withResolvers<number>()
  const first = queue.run('a', () => gate.promise)
  const second = queue.run('a', () => 2)
  await expect(queue.run('a', () => 3)).rejects.toMatchObject({ code: 'QUORATE_KEY_QUEUE_FULL', waiting: 1 })
  expect(await queue.run('b', () => 4)).toBe(4)
  gate.resolve(1)
  expect(await Promise.all([first, second])).toEqual([1, 2])
  expect(await queue.run('a', () => 5)).toBe(5)
})

test('wrong options are refused', async () => {
  expect(() => keyQueue({ maxWaiting: -1 })).toThrow(RangeError)
  expect(() => keyQueue({ deadlineMs: 0 })).toThrow(RangeError)
  expect(() => keyQueue({ max: 1 } as object)).toThrow(/unknown option max/)
  await expect(keyQueue().run('a', () => 1, { deadlineMs: Number.NaN })).rejects.toThrow(RangeError)
})
