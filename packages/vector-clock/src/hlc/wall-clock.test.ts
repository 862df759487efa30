import { expect, test } from 'vitest'
import { HybridLogicalClock } from '../index.ts'
import { type WallJump, watchWallClock } from './index.ts'

/** A watched clock whose wall and monotonic time the test moves. */
function watched(options: { minJumpMs?: number; onJump?: (jump: WallJump) => void } = {}) {
  const time = { wallMs: 1_000_000, ms: 0 }
  const jumps: number[] = []
  const now = watchWallClock({
    now: () => time.wallMs,
    monotonic: () => time.ms,
    onJump: ({ jumpMs }) => jumps.push(jumpMs),
    ...options,
  })
  const pass = (ms: number, jumpMs = 0): number => {
    time.ms += ms
    time.wallMs += ms + jumpMs
    return now()
  }
  return { now, pass, jumps }
}

// The table of TestHLCPhysicalClockJump in CockroachDB's hlc_test.go: a jump is told from half of the largest offset
// on. Where CockroachDB only looks forward, a jump back is told too.
test.each([
  ['small forward jump', 50, 500, false],
  ['half max offset jump', 250, 500, true],
  ['large forward jump', 400, 500, true],
  ['large forward jump large thresh', 400, 900, false],
  ['small backward jump', -40, 500, false],
  ['large backward jump', -700, 500, true],
])('%s', (_name, jumpMs, maxOffsetMs, told) => {
  const { now, pass, jumps } = watched({ minJumpMs: maxOffsetMs / 2 })
  now()
  expect(pass(0, jumpMs)).toBe(1_000_000 + jumpMs)
  expect(jumps).toEqual(told ? [jumpMs] : [])
})

test('time that passes is no jump, however long nobody looked (TestLateStartForwardClockJump)', () => {
  const { now, pass, jumps } = watched()
  pass(86_400_000) // before the first look there is nothing to compare with
  expect(now()).toBe(87_400_000)
  pass(3_600_000)
  pass(86_400_000, 40_000) // a day at 460 ppm: slow turning, no step
  expect(jumps).toEqual([])
  pass(1_000, 300)
  expect(jumps).toEqual([300])
})

test('many small jumps in no time are told when they reach the size one by one, and never as a sum', () => {
  const { now, pass, jumps } = watched({ minJumpMs: 100 })
  now()
  for (let i = 0; i < 10; i++) pass(0, 99)
  expect(jumps).toEqual([])
})

test('a jump says what was expected, once', () => {
  const seen: WallJump[] = []
  const { now, pass } = watched({ onJump: (jump) => seen.push(jump) })
  now()
  pass(10, 1_000)
  pass(10)
  expect(seen).toEqual([{ jumpMs: 1_000, expectedMs: 1_000_010, actualMs: 1_001_010 }])
})

test('a listener that throws does not stop the clock', () => {
  const { now, pass } = watched({
    onJump: () => {
      throw new Error('no')
    },
  })
  now()
  expect(pass(0, 5_000)).toBe(1_005_000)
})

test('it is the `now` of a hybrid clock, and by default reads the clocks of the machine', () => {
  const jumps: WallJump[] = []
  const now = watchWallClock({ onJump: (jump) => jumps.push(jump) })
  const clock = new HybridLogicalClock({ node: 'a', now })
  const before = Date.now()
  expect(clock.now().ms).toBeGreaterThanOrEqual(before)
  clock.now()
  expect(jumps).toEqual([])
})

test('a wrong size is refused', () => {
  for (const minJumpMs of [0, -1, Number.NaN]) {
    expect(() => watchWallClock({ minJumpMs, onJump: () => {} })).toThrow(RangeError)
  }
})
