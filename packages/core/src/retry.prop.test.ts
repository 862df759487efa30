import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Clock } from './clock.ts'
import { isQuorateError, QuorateError, type Outcome } from './errors.ts'
import { seededRandom } from './random.ts'
import { fullJitterMs, retry, RetryExhaustedError } from './retry.ts'

class FailedError extends QuorateError {
  readonly code = 'QUORATE_TEST_FAILED'
  constructor(outcome: Outcome) {
    super('Cannot write', { outcome })
  }
}

test('fullJitterMs() is at least 0 and below min(maxMs, baseMs · 2^attempt)', () => {
  const ms = fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 1e6, noNaN: true }))
  fc.assert(
    fc.property(fc.nat(2_000), ms, ms, fc.string(), (attempt, baseMs, maxMs, seed) => {
      const waitMs = fullJitterMs(attempt, seededRandom(seed), { baseMs, maxMs })
      const bound = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 60))
      expect(waitMs).toBeGreaterThanOrEqual(0)
      expect(waitMs < bound || waitMs === 0).toBe(true)
    }),
  )
})

test('fullJitterMs() is uniform below its bound', () => {
  const random = seededRandom('full jitter')
  const cells = Array.from({ length: 20 }, () => 0)
  for (let draw = 0; draw < 100_000; draw++) {
    const cell = Math.floor(fullJitterMs(3, random) / 4) // 20 cells of 4 ms below 80
    cells[cell] = (cells[cell] ?? 0) + 1
  }
  const chiSquare = cells.reduce((sum, count) => sum + (count - 5_000) ** 2 / 5_000, 0)
  expect(chiSquare).toBeLessThan(43.8) // 19 degrees of freedom, p = 0.001
})

/** What one attempt does: how long it takes, and how it ends. */
const attempts = fc.array(
  fc.record({
    tookMs: fc.nat(400),
    ends: fc.constantFrom<Outcome | 'ok'>('not-applied', 'not-applied', 'not-applied', 'unknown', 'ok'),
  }),
  { minLength: 1, maxLength: 30, size: 'max' },
)

test('retry() never sleeps past the deadline, never starts late, and reports what it knows', async () => {
  const options = fc.record({
    baseMs: fc.nat(500),
    maxMs: fc.nat(2_000),
    deadlineMs: fc.integer({ min: 1, max: 3_000 }),
    maxAttempts: fc.integer({ min: 1, max: 12 }),
  })
  await fc.assert(
    fc.asyncProperty(attempts, options, fc.string(), fc.boolean(), async (script, limits, seed, all) => {
      let nowMs = 0
      const broken: string[] = []
      const clock: Clock = {
        now: () => nowMs,
        monotonic: () => nowMs,
        sleep: async (ms) => {
          if (nowMs + ms >= limits.deadlineMs) broken.push(`slept from ${nowMs} for ${ms} ms`)
          nowMs += ms
        },
      }
      const ended: string[] = []
      const result = await retry(
        async ({ attempt }) => {
          if (attempt !== ended.length + 1) broken.push(`attempt ${attempt} after ${ended.length}`)
          if (nowMs >= limits.deadlineMs) broken.push(`attempt ${attempt} at ${nowMs} ms`)
          const { tookMs, ends } = script[Math.min(attempt, script.length) - 1] ?? { tookMs: 0, ends: 'ok' }
          ended.push(ends)
          nowMs += tookMs
          if (ends !== 'ok') throw new FailedError(ends)
          return 'saved'
        },
        { ...limits, clock, random: seededRandom(seed), ...(all ? { shouldRetry: () => true } : {}) },
      ).catch((error: unknown) => error)

      expect(broken).toEqual([])
      expect(ended.length).toBeLessThanOrEqual(limits.maxAttempts)
      const known = ended.includes('unknown') ? 'unknown' : 'not-applied'
      const reported = isQuorateError(result) ? result.outcome : result
      expect(reported).toBe(ended.at(-1) === 'ok' ? 'saved' : known)
      const facts = result instanceof RetryExhaustedError ? [result.attempts, result.elapsedMs] : undefined
      expect(facts ?? [ended.length, nowMs]).toEqual([ended.length, nowMs])
    }),
    { numRuns: 500 },
  )
})
