// #region test
import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { waitForStock } from './wait-for-stock.ts'

test('waitForStock() gives up after a minute', async () => {
  const clock = new VirtualClock()
  let asked = 0
  const waiting = waitForStock(async () => ++asked > 1_000, { clock })
  await clock.advance(60_000)
  expect(await waiting).toBe(false)
  expect(asked).toBe(60)
})

test('waitForStock() stops at once when its caller leaves', async () => {
  const clock = new VirtualClock()
  const caller = new AbortController()
  const waiting = waitForStock(async () => false, { clock, signal: caller.signal })
  await clock.advance(2_500)
  caller.abort(new Error('caller left'))
  await expect(waiting).rejects.toThrow('caller left')
  expect(clock.pending).toBe(0)
})
// #endregion test
