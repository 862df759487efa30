import { seededRandom } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PLAIN, pieceBytes, Schedule, type Shape } from './shape.ts'

const shapes: fc.Arbitrary<Shape> = fc.record({
  latency: fc.option(fc.record({ ms: fc.nat(200), jitterMs: fc.nat(300) }), { nil: undefined }),
  slice: fc.option(fc.record({ bytes: fc.integer({ min: 1, max: 4_000 }), delayMs: fc.nat(20) }), {
    nil: undefined,
  }),
  bandwidth: fc.option(
    fc.record({ bytesPerSecond: fc.integer({ min: 1, max: 1_000_000 }), pipe: fc.constant(undefined) }),
    {
      nil: undefined,
    },
  ),
})

const steps = fc.array(
  fc.record({ waitMs: fc.nat(50), bytes: fc.integer({ min: 1, max: 5_000 }), shape: shapes }),
  {
    maxLength: 60,
    size: 'max',
  },
)

test('pieces arrive in the order they were read, never before they were read, whatever changes on the way', () => {
  fc.assert(
    fc.property(steps, fc.integer(), (script, seed) => {
      const schedule = new Schedule(seededRandom(seed))
      let nowMs = 0
      let lastMs = -Infinity
      for (const { waitMs, bytes, shape } of script) {
        nowMs += waitMs
        const { sentMs, dueMs } = schedule.next(nowMs, bytes, false, shape)
        expect(dueMs).toBeGreaterThanOrEqual(Math.max(lastMs, nowMs, sentMs))
        lastMs = dueMs
      }
    }),
  )
})

test('a piece waits at least latency minus jitter and, with an idle wire, at most latency plus jitter', () => {
  fc.assert(
    fc.property(fc.nat(200), fc.nat(300), fc.integer(), (ms, jitterMs, seed) => {
      const schedule = new Schedule(seededRandom(seed))
      const { dueMs } = schedule.next(0, 100, false, { ...PLAIN, latency: { ms, jitterMs } })
      expect(dueMs).toBeGreaterThanOrEqual(Math.max(0, ms - jitterMs))
      expect(dueMs).toBeLessThanOrEqual(ms + jitterMs)
    }),
  )
})

test('connections that share a wire get its rate together, and no more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }),
      fc.integer({ min: 100 }),
      (sizes, rate) => {
        const pipe = { freeAtMs: -Infinity }
        const shape: Shape = { ...PLAIN, bandwidth: { bytesPerSecond: rate, pipe } }
        const two = [new Schedule(() => 0), new Schedule(() => 0)] as const
        let endMs = 0
        sizes.forEach((bytes, index) => {
          endMs = (index % 2 === 0 ? two[0] : two[1]).next(0, bytes, false, shape).dueMs
        })
        const total = sizes.reduce((sum, bytes) => sum + bytes, 0)
        expect(endMs).toBeCloseTo((total * 1_000) / rate, 3)
      },
    ),
  )
})

test('pieces are never empty and never longer than a slice', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const bytes = pieceBytes(shape)
      expect(bytes).toBeGreaterThanOrEqual(1)
      expect(bytes).toBeLessThanOrEqual(shape.slice?.bytes ?? Infinity)
    }),
  )
})
