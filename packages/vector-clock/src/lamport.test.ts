import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Dot, DuplicateNodeError } from './index.ts'
import { compareLamport, LamportClock, type LamportClockOptions, LamportJumpError } from './lamport.ts'

test('tick() counts, receive() goes above both (Lamport 1978, rules IR1 and IR2)', () => {
  const clock = new LamportClock({ node: 'a' })
  expect(clock.latest).toBe(0)
  expect(clock.tick()).toEqual({ node: 'a', counter: 1 })
  expect(clock.receive({ node: 'b', counter: 7 })).toEqual({ node: 'a', counter: 8 })
  expect(clock.receive({ node: 'b', counter: 3 })).toEqual({ node: 'a', counter: 9 })
  expect(clock.tick()).toEqual({ node: 'a', counter: 10 })
})

test('a clock made with `latest` continues above it', () => {
  expect(new LamportClock({ node: 'a', latest: 41 }).tick().counter).toBe(42)
})

test('receive() refuses a jump that would use the clock up, and stays as it was', () => {
  const clock = new LamportClock({ node: 'a', maxJump: 100 })
  clock.tick()
  const remote = { node: 'b', counter: 102 }
  expect(() => clock.receive(remote)).toThrow(
    expect.objectContaining({
      code: 'QUORATE_CLOCK_JUMP',
      outcome: 'not-applied',
      remote,
      jump: 101,
      maxJump: 100,
    }),
  )
  expect(clock.latest).toBe(1)
  expect(clock.receive({ node: 'b', counter: 101 }).counter).toBe(102)
  expect(() => new LamportClock({ node: 'a' }).receive({ node: 'b', counter: 2 ** 53 - 1 })).toThrow(
    LamportJumpError,
  )
})

test('receive() finds a second clock of its own name', () => {
  const clock = new LamportClock({ node: 'a' })
  expect(clock.receive({ node: 'a', counter: 5 }).counter, 'from before a restart').toBe(6)
  const own = clock.tick()
  expect(clock.receive(own).counter, 'its own, come back').toBe(8)
  expect(() => clock.receive({ node: 'a', counter: 9 })).toThrow(DuplicateNodeError)
  expect(clock.latest).toBe(8)
})

test('a counter that is used up is an error, and nothing moves', () => {
  const clock = new LamportClock({ node: 'a', latest: 2 ** 53 - 1, maxJump: Infinity })
  expect(() => clock.tick()).toThrow(RangeError)
  const other = new LamportClock({ node: 'a', maxJump: Infinity })
  expect(() => other.receive({ node: 'b', counter: 2 ** 53 - 1 })).toThrow(RangeError)
  expect(other.latest).toBe(0)
})

test('wrong options and stamps are refused', () => {
  expect(() => new LamportClock({ node: '' })).toThrow(TypeError)
  expect(() => new LamportClock(undefined as unknown as LamportClockOptions)).toThrow(
    new TypeError('node must be a non-empty well-formed string, got undefined'),
  )
  expect(() => new LamportClock({ node: 'a', latest: -1 })).toThrow(RangeError)
  expect(() => new LamportClock({ node: 'a', maxJump: Number.NaN })).toThrow(RangeError)
  const clock = new LamportClock({ node: 'a' })
  expect(() => clock.receive({ node: 'b', counter: 0 })).toThrow(RangeError)
  expect(() => clock.receive({ node: '', counter: 1 })).toThrow(TypeError)
})

test('what knew of an event has the higher stamp, and no two stamps are equal', () => {
  const step = fc.record({ from: fc.nat({ max: 2 }), to: fc.nat({ max: 2 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const clocks = ['a', 'b', 'c'].map((node) => new LamportClock({ node }))
      const last: Dot[] = []
      const all: Dot[] = []
      const note = (at: number, stamp: Dot): void => {
        expect(last[at] === undefined || compareLamport(stamp, last[at]) > 0).toBe(true)
        last[at] = stamp
        all.push(stamp)
      }
      for (const { from, to } of steps) {
        const sent = (clocks[from] as LamportClock).tick()
        note(from, sent)
        const got = (clocks[to] as LamportClock).receive(sent)
        expect(compareLamport(got, sent)).toBeGreaterThan(0)
        note(to, got)
      }
      const sorted = all.toSorted(compareLamport)
      for (let i = 1; i < sorted.length; i++) {
        expect(compareLamport(sorted[i - 1] as Dot, sorted[i] as Dot)).toBeLessThan(0)
      }
    }),
  )
})
