import { expect, test } from 'vitest'
import fc from 'fast-check'
import { HeadHistory } from './lag.ts'

test('freshAsOf() is the last look at the primary that showed nothing newer', () => {
  const history = new HeadHistory()
  expect(history.freshAsOf(9n)).toBeUndefined()
  history.observe(5n, 100)
  history.observe(5n, 200)
  history.observe(8n, 300)
  expect([4n, 5n, 7n, 8n, 99n].map((at) => history.freshAsOf(at))).toEqual([undefined, 200, 200, 300, 300])
  history.clear()
  expect(history.freshAsOf(99n)).toBeUndefined()
})

test('freshAsOf() agrees with a scan of all looks, whatever they saw', () => {
  const looks = fc.array(fc.record({ grows: fc.nat(2), afterMs: fc.nat(3) }), {
    minLength: 1,
    maxLength: 50,
    size: 'max',
  })
  fc.assert(
    fc.property(looks, fc.nat(100), (steps, at) => {
      const history = new HeadHistory()
      let [lsn, atMs] = [0, 0]
      let expected: number | undefined
      for (const { grows, afterMs } of steps) {
        lsn += grows
        atMs += afterMs
        history.observe(BigInt(lsn), atMs)
        if (lsn <= at) expected = atMs
      }
      expect(history.freshAsOf(BigInt(at))).toBe(expected)
    }),
  )
})

test('a lag of any age is told, and never too small, however often the primary was asked meanwhile', () => {
  const history = new HeadHistory()
  const samples = 100_000
  for (let n = 1; n <= samples; n++) history.observe(BigInt(n * 10), n * 2)
  const nowMs = samples * 2
  for (let n = 1; n < samples; n += 997) {
    const position = BigInt(n * 10)
    const behindMs = nowMs - (n + 1) * 2
    const told = history.lagOf(position, nowMs)
    const age = samples - n
    expect(told?.bytes).toBe(age * 10)
    expect(told?.ms).toBeGreaterThanOrEqual(behindMs)
    expect(told?.ms).toBeLessThanOrEqual(behindMs * (1 + 1 / 64))
    expect(history.freshAsOf(position) ?? 0).toBeLessThanOrEqual(n * 2)
  }
  expect(history.freshAsOf(BigInt(samples * 10))).toBe(nowMs)
})
