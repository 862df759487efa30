import { expect, test } from 'vitest'
import { cpuMsOf, timed, underLoad } from './measure.ts'

test('timed() calls the operation with rising numbers and reports ns per call', () => {
  const seen: number[] = []
  const round = timed(
    'time',
    (index) => {
      if (seen.length < 100) seen.push(index)
    },
    1,
  )
  const { time } = round()
  expect(time).toBeGreaterThan(0)
  expect(time).toBeLessThan(1e6)
  expect(seen).toEqual(seen.map((_, index) => index))
})

test('underLoad() keeps as many calls in flight as it is told, and counts each', async () => {
  let inFlight = 0
  let most = 0
  let calls = 0
  const load = await underLoad(
    async () => {
      calls++
      most = Math.max(most, ++inFlight)
      await new Promise((resolve) => setImmediate(resolve))
      inFlight--
    },
    { concurrency: 7, durationMs: 30 },
  )
  expect(most).toBe(7)
  expect(load.calls).toBe(calls)
  expect(load.p99Ms).toBeGreaterThanOrEqual(load.p50Ms)
  expect(load.perSecond).toBeGreaterThan(0)
  expect(load.cpuUsPerCall).toBeGreaterThan(0)
})

test('underLoad() ends with the first error, after the calls in flight', async () => {
  let inFlight = 0
  const load = underLoad(
    async (call) => {
      inFlight++
      await new Promise((resolve) => setImmediate(resolve))
      inFlight--
      if (call === 20) throw new Error('wrong answer')
    },
    { concurrency: 4, durationMs: 60_000 },
  )
  await expect(load).rejects.toThrow('wrong answer')
  expect(inFlight).toBe(0)
})

test('cpuMsOf() returns the answer and what it cost', () => {
  const { ms, result } = cpuMsOf(() => {
    const from = process.cpuUsage()
    for (;;) {
      const { user, system } = process.cpuUsage(from)
      if (user + system >= 20_000) return 'done'
    }
  })
  expect(result).toBe('done')
  expect(ms).toBeGreaterThanOrEqual(20)
})
