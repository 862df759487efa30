import type { Clock } from '@quorate/core'
import { expect, test } from 'vitest'
import { Deadline } from './deadline.ts'

/** Time that the test moves. */
function manualClock(): {
  readonly clock: Clock
  readonly advance: (ms: number) => Promise<void>
  readonly sleeps: number
} {
  let nowMs = 0
  let sleeps = 0
  const sleeping = new Set<{ readonly atMs: number; readonly wake: () => void }>()
  return {
    clock: {
      now: () => nowMs,
      monotonic: () => nowMs,
      sleep: (ms) => {
        sleeps++
        return new Promise((resolve) => void sleeping.add({ atMs: nowMs + ms, wake: resolve }))
      },
    },
    get sleeps() {
      return sleeps
    },
    async advance(ms) {
      const endMs = nowMs + ms
      for (;;) {
        const [next] = [...sleeping].filter(({ atMs }) => atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs)
        if (next === undefined) break
        nowMs = next.atMs
        sleeping.delete(next)
        next.wake()
        await new Promise(setImmediate)
      }
      nowMs = endMs
    },
  }
}

const forever = new Promise<never>(() => {})
const late = (): Error => new Error('too late')

test('wait() ends at its time and not before, whatever else ends when', async () => {
  const { clock, advance } = manualClock()
  const ended: string[] = []
  const start = (name: string, ms: number): Deadline => {
    const deadline = new Deadline(clock, ms, () => new Error(name))
    deadline.wait(forever).catch((error: Error) => ended.push(error.message))
    return deadline
  }
  start('long', 5_000)
  start('short', 70)
  const [gone] = [start('gone', 60), start('middle', 2_000)]
  gone?.[Symbol.dispose]()
  for (const [ms, all] of [
    [69, []],
    [1, ['short']],
    [1_929, ['short']],
    [1, ['short', 'middle']],
    [2_999, ['short', 'middle']],
    [1, ['short', 'middle', 'long']],
  ] as const) {
    await advance(ms)
    expect(ended).toEqual(all)
  }
})

test('a thousand that end before their time share the timers, and none is left for long', async () => {
  const manual = manualClock()
  for (let index = 0; index < 1_000; index++) {
    using deadline = new Deadline(manual.clock, 5_000, late)
    expect(await deadline.wait(Promise.resolve(index))).toBe(index)
  }
  expect(manual.sleeps).toBe(1)
  await manual.advance(60_000)
  expect(manual.sleeps).toBe(1)
})

test('a signal of the caller ends it with its reason; one of its own is made on demand, also when it is over', async () => {
  const { clock } = manualClock()
  const controller = new AbortController()
  using deadline = new Deadline(clock, 1_000, late, controller.signal)
  const { signal } = deadline
  const waits = deadline.wait(forever)
  const reason = new Error('left')
  controller.abort(reason)
  await expect(waits).rejects.toBe(reason)
  expect([signal.aborted, signal.reason, deadline.isOver, deadline.reason]).toEqual([
    true,
    reason,
    true,
    reason,
  ])
  expect(() => deadline.throwIfOver()).toThrow(reason)
  using over = new Deadline(clock, 1_000, late, controller.signal)
  expect(over.signal.reason).toBe(reason)
  await expect(over.wait(Promise.resolve(1))).rejects.toBe(reason)
})

test('what comes late goes to onLate, and a late failure to nobody', async () => {
  const { clock, advance } = manualClock()
  using deadline = new Deadline(clock, 10, late)
  const came: unknown[] = []
  const { promise, resolve } = Promise.withResolvers<string>()
  const { promise: failing, reject } = Promise.withResolvers<string>()
  const waits = Promise.allSettled([
    deadline.wait(promise, (value) => {
      came.push(value)
      throw new Error('ignored')
    }),
    deadline.wait(failing),
  ])
  await advance(10)
  expect((await waits).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  resolve('late')
  reject(new Error('late'))
  await new Promise(setImmediate)
  expect(came).toEqual(['late'])
})

test('onOver() tells once, at once if it is over, and not who left', async () => {
  const { clock, advance } = manualClock()
  using deadline = new Deadline(clock, 10, late)
  const told: string[] = []
  deadline.onOver(() => told.push('stayed'))
  deadline.onOver(() => told.push('left'))()
  await advance(10)
  deadline.onOver(() => told.push('came late'))
  expect(told).toEqual(['stayed', 'came late'])
})
