import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareHlc, HLC_MAX_MS, type HlcTimestamp, HybridLogicalClock } from '../index.ts'
import { reserveStamps, StampsNotReservedError } from './index.ts'

const stamp = (ms: number, counter: number): HlcTimestamp => ({ ms, counter, node: 'me' })

/** A store that answers when the test says so. */
function slowStore() {
  const asked: number[] = []
  const open: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const store = (untilMs: number): Promise<void> => {
    asked.push(untilMs)
    return new Promise((resolve, reject) => open.push({ resolve, reject }))
  }
  return {
    asked,
    store,
    answer: () => open.shift()?.resolve(),
    fail: (error: unknown) => open.shift()?.reject(error),
  }
}

test('with a store that answers at once, few stamps cost a write, and a restart begins above all', () => {
  const wall = { ms: 10_000 }
  const written: number[] = []
  const start = (): HybridLogicalClock =>
    new HybridLogicalClock({
      node: 'me',
      now: () => wall.ms,
      reservation: reserveStamps({
        storedMs: written.at(-1),
        store: (untilMs) => void written.push(untilMs),
        aheadMs: 100,
        now: () => wall.ms,
      }),
    })
  const clock = start()
  let last = clock.now()
  for (let i = 0; i < 1_000; i++) {
    wall.ms += 1
    last = clock.now()
  }
  expect(last).toEqual(stamp(11_000, 0))
  expect(written.length).toBeGreaterThan(9)
  expect(written.length).toBeLessThan(25)
  wall.ms = 10_500 // the machine comes back with its clock half a second behind
  const next = start().now()
  expect(compareHlc(next, last)).toBeGreaterThan(0)
  expect(next.ms).toBeLessThanOrEqual(11_100)
})

test('without a guard, a clock that restarts on a wall clock that stepped back makes a stamp again', () => {
  const first = new HybridLogicalClock({ node: 'me', now: () => 10_000 }).now()
  const second = new HybridLogicalClock({ node: 'me', now: () => 10_000 }).now()
  expect(second).toEqual(first)
})

test('with a store that takes its time: nothing before it has answered, then no waiting in use', async () => {
  const wall = { ms: 10_000 }
  const { asked, store, answer } = slowStore()
  const reservation = reserveStamps({ store, aheadMs: 100, now: () => wall.ms })
  const clock = new HybridLogicalClock({ node: 'me', now: () => wall.ms, reservation })
  const ready = reservation.ready()
  expect(() => clock.now()).toThrow(
    expect.objectContaining({
      code: 'QUORATE_CLOCK_NOT_RESERVED',
      outcome: 'not-applied',
      ms: 10_000,
      reservedMs: 0,
    }),
  )
  expect(clock.latest).toEqual(stamp(0, 0))
  answer()
  await ready
  expect(clock.now()).toEqual(stamp(10_000, 0))
  expect(asked).toEqual([10_100])
  wall.ms = 10_050
  clock.now()
  expect(asked, 'asks while half is left, and goes on').toEqual([10_100, 10_150])
  wall.ms = 10_099
  clock.now()
  expect(asked, 'one question at a time').toEqual([10_100, 10_150])
  wall.ms = 10_100
  expect(() => clock.now(), 'the bound itself is not reserved').toThrow(StampsNotReservedError)
  answer()
  await reservation.ready()
  expect(clock.now()).toEqual(stamp(10_100, 0))
})

test('receive() asks as now() does, and leaves the clock as it was', async () => {
  const { store, answer } = slowStore()
  const reservation = reserveStamps({ store, now: () => 10_000 })
  const clock = new HybridLogicalClock({ node: 'me', now: () => 10_000, reservation })
  const ready = reservation.ready()
  answer()
  await ready
  const remote = { ms: 10_400, counter: 0, node: 'peer' }
  expect(() => clock.receive(remote)).toThrow(StampsNotReservedError)
  expect(clock.latest).toEqual(stamp(0, 0))
  const again = reservation.ready()
  answer()
  await again
  expect(clock.receive(remote)).toEqual(stamp(10_400, 1))
})

test('a store that fails is the cause, and is asked again', async () => {
  const wall = { ms: 10_000 }
  const { asked, store, answer, fail } = slowStore()
  const reservation = reserveStamps({ store, aheadMs: 100, now: () => wall.ms })
  const clock = new HybridLogicalClock({ node: 'me', now: () => wall.ms, reservation })
  const full = new Error('disk full')
  const ready = reservation.ready()
  fail(full)
  await expect(ready).rejects.toThrow(expect.objectContaining({ cause: full }))
  expect(() => clock.now()).toThrow(expect.objectContaining({ cause: full }))
  const again = reservation.ready()
  answer()
  await again
  expect(clock.now()).toEqual(stamp(10_000, 0))
  expect(asked).toEqual([10_100, 10_100])

  const refusing = reserveStamps({
    store: () => {
      throw full
    },
    now: () => 1,
  })
  expect(() => refusing.claim(1)).toThrow(expect.objectContaining({ cause: full }))
  await expect(refusing.ready()).rejects.toThrow(StampsNotReservedError)
})

test('whatever restarts, fails and steps back, no stamp is made twice', async () => {
  const step = fc.record({
    do: fc.constantFrom('now', 'now', 'now', 'receive', 'restart', 'fail'),
    ms: fc.integer({ min: -80, max: 120 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      let wallMs = 10_000
      let stored = 0
      let fails = 0
      const store = async (untilMs: number): Promise<void> => {
        if (fails > 0) {
          fails--
          throw new Error('not now')
        }
        stored = untilMs
      }
      const start = () => {
        const reservation = reserveStamps({ storedMs: stored, store, aheadMs: 50, now: () => wallMs })
        const clock = new HybridLogicalClock({
          node: 'me',
          now: () => wallMs,
          maxDriftMs: Infinity,
          reservation,
        })
        return { clock, reservation }
      }
      let { clock, reservation } = start()
      let last = stamp(0, 0)
      const made: { next: HlcTimestamp; isNew: boolean; isReserved: boolean }[] = []
      for (const { do: what, ms } of steps) {
        wallMs += ms
        if (what === 'restart') ({ clock, reservation } = start())
        else if (what === 'fail') fails = 1
        else {
          try {
            const next =
              what === 'now' ? clock.now() : clock.receive({ ms: wallMs + 30, counter: 9, node: 'peer' })
            made.push({ next, isNew: compareHlc(next, last) > 0, isReserved: next.ms < stored })
            last = next
          } catch (error) {
            if (!(error instanceof StampsNotReservedError)) throw error
            await reservation.ready().catch(() => {})
          }
        }
      }
      expect(made.filter(({ isNew, isReserved }) => !isNew || !isReserved)).toEqual([])
    }),
    { numRuns: 300 },
  )
})

// TestResetAndRefreshHLCUpperBound in CockroachDB's hlc_test.go: a delta must be positive.
test('wrong options are refused', () => {
  const store = (): void => {}
  for (const aheadMs of [0, -100, Number.NaN])
    expect(() => reserveStamps({ store, aheadMs })).toThrow(RangeError)
  for (const storedMs of [-1, 0.5, Number.NaN, HLC_MAX_MS + 1]) {
    expect(() => reserveStamps({ store, storedMs })).toThrow(RangeError)
  }
  const floorMs = Number.NaN
  expect(() => new HybridLogicalClock({ node: 'a', reservation: { floorMs, claim: store } })).toThrow(
    RangeError,
  )
})
