import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { Alarm } from './alarm.ts'

test('an alarm rings at the earliest time asked for, once, and is set again', async () => {
  const clock = new VirtualClock()
  const rings: number[] = []
  const alarm = new Alarm(clock, () => rings.push(clock.monotonic()))
  for (const atMs of [50, 20, 30]) alarm.set(atMs)
  await clock.advance(100)
  expect(rings).toEqual([20])
  alarm.set(120)
  alarm.set(110)
  await clock.advance(100)
  expect(rings).toEqual([20, 110])
  alarm.set(300)
  alarm.off()
  await clock.advance(200)
  expect(rings).toEqual([20, 110])
  expect(clock.pending).toBe(0)
})

test('one that has rung in the turn in which an earlier one is set does not ring as well', async () => {
  const sleepers: (() => void)[] = []
  let rings = 0
  const alarm = new Alarm(
    {
      now: () => 0,
      monotonic: () => 0,
      sleep: () => new Promise((resolve) => sleepers.push(resolve)),
    },
    () => rings++,
  )
  alarm.set(20)
  sleepers[0]?.()
  alarm.set(10)
  await new Promise((resolve) => setImmediate(resolve))
  expect(rings).toBe(0)
  sleepers[1]?.()
  await new Promise((resolve) => setImmediate(resolve))
  expect(rings).toBe(1)
})
