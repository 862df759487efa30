import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { HistoryEntry } from '../history.ts'
import { checkRegister, type RegisterCall } from './register.ts'

type Entry = HistoryEntry<RegisterCall, number | null>

/** Tries every order that real time allows. */
function bruteForce(history: readonly Entry[]): boolean {
  const place = (left: readonly Entry[], value: number | null): boolean => {
    if (left.every(({ status }) => status === 'unknown')) return true
    const firstEnd = Math.min(...left.map(({ end }) => end))
    return left.some((entry) => {
      if (entry.start > firstEnd) return false
      const rest = left.filter((other) => other !== entry)
      if (entry.call.do === 'write') return place(rest, entry.call.value)
      return entry.output === value && place(rest, value)
    })
  }
  return place(
    history.filter(({ status, call }) => status === 'ok' || (status === 'unknown' && call.do === 'write')),
    null,
  )
}

const history = fc
  .array(
    fc.record({
      isRead: fc.boolean(),
      value: fc.nat(3),
      status: fc.constantFrom('ok', 'ok', 'ok', 'unknown', 'fail' as const),
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { maxLength: 7 },
  )
  .map((parts) => {
    const times = parts.flatMap(({ from, length }, index) => [
      { index, at: from, isEnd: false },
      { index, at: from + length, isEnd: true },
    ])
    const places = times.toSorted((a, b) => a.at - b.at || Number(a.isEnd) - Number(b.isEnd))
    const placeOf = (index: number, isEnd: boolean): number =>
      places.findIndex((one) => one.index === index && one.isEnd === isEnd)
    return parts.map(({ isRead, value, status }, index): Entry => {
      const end = status === 'unknown' ? Infinity : placeOf(index, true)
      const base = {
        index,
        planned: index,
        on: 'c',
        process: index,
        status,
        start: placeOf(index, false),
        end,
        startMs: 0,
        endMs: 0,
      }
      return isRead
        ? { ...base, call: { do: 'read' }, output: value === 3 ? null : value }
        : { ...base, call: { do: 'write', value: index } }
    })
  })

test('checkRegister() agrees with trying every order', () => {
  const verdicts = { ok: 0, violated: 0 }
  fc.assert(
    fc.property(history, (one) => {
      const wrong = checkRegister(one)
      verdicts[wrong === undefined ? 'ok' : 'violated']++
      expect(wrong === undefined).toBe(bruteForce(one))
    }),
    { numRuns: 10_000 },
  )
  expect(Math.min(verdicts.ok, verdicts.violated)).toBeGreaterThan(500)
})
