import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { skewedClock } from './index.ts'

test('skewedClock() is ahead or behind by its skew and leaves waits alone', () => {
  const base = new VirtualClock(10_000)
  const clock = skewedClock(base, { skewMs: -3_000 })
  expect([clock.now(), clock.monotonic(), clock.offByMs]).toEqual([7_000, 0, -3_000])
})

test('a clock that drifts is off by more as time goes on, on both readings', async () => {
  const base = new VirtualClock(0)
  const clock = skewedClock(base, { driftPpm: 100_000 })
  await base.advance(1_000)
  expect(clock.monotonic()).toBeCloseTo(1_100)
  expect(clock.now()).toBeCloseTo(1_100)
  clock.drift(-100_000)
  await base.advance(1_000)
  expect(clock.monotonic()).toBeCloseTo(2_000)
  expect(clock.offByMs).toBeCloseTo(0)
})

test('a clock that runs twice as fast wakes its sleepers in half the time', async () => {
  const base = new VirtualClock()
  const clock = skewedClock(base, { driftPpm: 1_000_000 })
  let awake = false
  const sleep = clock.sleep(1_000).then(() => (awake = true))
  await base.advance(499)
  expect(awake).toBe(false)
  await base.advance(1)
  expect(await sleep).toBe(true)
  expect(clock.monotonic()).toBe(1_000)
})

test('jump() moves the wall clock only', () => {
  const clock = skewedClock(new VirtualClock(0))
  clock.jump(60_000)
  clock.jump(-1_000)
  expect([clock.now(), clock.monotonic()]).toEqual([59_000, 0])
})

test('sleep() rejects with the reason of its signal', async () => {
  const clock = skewedClock(new VirtualClock())
  await expect(clock.sleep(10, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
})

test('a clock that would stand still or run backwards is refused', () => {
  const base = new VirtualClock()
  expect(() => skewedClock(base, { driftPpm: -1_000_000 })).toThrow(RangeError)
  expect(() => skewedClock(base, { skewMs: Infinity })).toThrow(RangeError)
})
