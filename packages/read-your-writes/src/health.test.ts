import { describe, expect, test } from 'vitest'
import { INITIAL_HEALTH, nextHealth, paceOf, type Finding, type HealthStatus, type Pace } from './health.ts'
import { HeadHistory } from './lag.ts'

const LIMITS = { maxLagMs: 2_000, maxLagBytes: 1_000 }
const streaming = (ms: number, bytes = 0, pace: Pace = 'prompt'): Finding => ({
  type: 'streaming',
  lag: { ms, bytes },
  pace,
})

/** Each standing after each finding, from the beginning. */
function course(...findings: Finding[]): HealthStatus[] {
  let health = INITIAL_HEALTH
  return findings.map((finding) => (health = nextHealth(health, finding, LIMITS)).status)
}

describe('nextHealth()', () => {
  test('lets a new replica in at once and ejects it at the limit of time or bytes', () => {
    expect(course(streaming(0), streaming(2_000), streaming(2_001))).toEqual([
      'healthy',
      'healthy',
      'lagging',
    ])
    expect(course(streaming(0, 1_000), streaming(0, 1_001))).toEqual(['healthy', 'lagging'])
  })

  test('readmits only below half the limit, twice in a row: one at the limit does not flap', () => {
    expect(course(streaming(3_000), streaming(1_900), streaming(1_900), streaming(1_900))).toEqual([
      'lagging',
      'lagging',
      'lagging',
      'lagging',
    ])
    expect(
      course(streaming(3_000), streaming(900), streaming(1_100), streaming(900), streaming(900)),
    ).toEqual(['lagging', 'lagging', 'lagging', 'lagging', 'healthy'])
  })

  test('takes two lost probes to call a replica down, also at the start: the first connection takes its time', () => {
    const lost: Finding = { type: 'no-answer' }
    expect(course(lost, lost)).toEqual(['unknown', 'down'])
    expect(course(lost, streaming(0))).toEqual(['unknown', 'healthy'])
    expect(course(streaming(0), lost, streaming(0), lost, lost)).toEqual([
      'healthy',
      'healthy',
      'healthy',
      'healthy',
      'down',
    ])
    expect(course(lost, lost, streaming(0), streaming(0))).toEqual(['unknown', 'down', 'lagging', 'healthy'])
  })

  test('no news changes nothing, unless what was known is too old by now', () => {
    const quiet = (ms: number): Finding => ({ type: 'no-news', lag: { ms, bytes: 0 } })
    expect(course(streaming(0), quiet(2_000), quiet(2_001), quiet(0))).toEqual([
      'healthy',
      'healthy',
      'lagging',
      'lagging',
    ])
    expect(course(streaming(0), { type: 'no-news', lag: undefined })).toEqual(['healthy', 'healthy'])
    const lost: Finding = { type: 'no-answer' }
    expect(course(streaming(0), lost, quiet(0), lost)).toEqual(['healthy', 'healthy', 'healthy', 'down'])
    // Nor does it let anybody back in.
    expect(course(lost, lost, streaming(0), quiet(0), streaming(0), streaming(0))).toEqual([
      'unknown',
      'down',
      'lagging',
      'lagging',
      'lagging',
      'healthy',
    ])
  })

  describe('one that answers late', () => {
    const at = (pace: Pace, ms = 0): Finding => streaming(ms, 0, pace)
    const lost: Finding = { type: 'no-answer' }
    const quiet: Finding = { type: 'no-news', lag: undefined }

    test('three times in a row is ejected, though none of its probes is lost twice', () => {
      expect(course(at('late'), at('late'), at('timely'), at('late'), at('late'), at('late'))).toEqual([
        'healthy',
        'healthy',
        'healthy',
        'healthy',
        'healthy',
        'slow',
      ])
      // As it comes: first the deadline passes, then the answer is there.
      const slow = [lost, at('late')]
      expect(course(...slow, ...slow, quiet, ...slow).at(-1)).toBe('slow')
      expect(course(...slow, ...slow, quiet, ...slow).at(-2)).toBe('healthy')
    })

    test('comes back when it answers within half of the deadline, twice in a row: one at the limit does not flap', () => {
      const ejected = [at('late'), at('late'), at('late')]
      const after = (...findings: Finding[]): HealthStatus[] => course(...ejected, ...findings).slice(3)
      expect(after(at('timely'), at('timely'), at('timely'))).toEqual(['slow', 'slow', 'slow'])
      expect(after(at('prompt'), at('timely'), at('prompt'), at('prompt'))).toEqual([
        'slow',
        'slow',
        'slow',
        'healthy',
      ])
      expect(after(at('prompt'), at('prompt', 1_001), at('prompt'))).toEqual(['slow', 'slow', 'slow'])
      expect(after(at('prompt'), at('prompt'), at('late'))).toEqual(['slow', 'healthy', 'healthy'])
      expect(after(lost, lost, at('late'))).toEqual(['slow', 'down', 'slow'])
      expect(after({ type: 'disconnected' }, at('late'), at('prompt'))).toEqual([
        'disconnected',
        'lagging',
        'lagging',
      ])
    })

    test('counts as lagging as long as it lags, and may be at its own pace when it comes back from that', () => {
      expect(course(at('late', 3_000), at('late', 3_000), at('late', 3_000), at('late'))).toEqual([
        'lagging',
        'lagging',
        'lagging',
        'slow',
      ])
      expect(course(at('timely', 3_000), at('late'), at('timely'), at('timely'))).toEqual([
        'lagging',
        'lagging',
        'lagging',
        'healthy',
      ])
    })
  })

  test('a replica without its primary, or promoted, does not serve', () => {
    expect(course(streaming(0), { type: 'disconnected' }, streaming(0), streaming(0))).toEqual([
      'healthy',
      'disconnected',
      'lagging',
      'healthy',
    ])
    expect(course(streaming(0), { type: 'promoted' })).toEqual(['healthy', 'promoted'])
  })
})

test('paceOf() takes an answer for late only if its deadline has passed before it came', () => {
  expect([50, 51, 100, 101, 250].map((tookMs) => paceOf(tookMs, 100, false))).toEqual([
    'prompt',
    'timely',
    'timely',
    'timely',
    'timely',
  ])
  // One that was asked in the middle of its deadline, behind a full pool, is not late when it has passed.
  expect([50, 51, 100, 101].map((tookMs) => paceOf(tookMs, 100, true))).toEqual([
    'prompt',
    'timely',
    'timely',
    'late',
  ])
})

describe('HeadHistory', () => {
  test('lag is the age of the oldest WAL not replayed; an idle primary makes none', () => {
    const head = new HeadHistory()
    expect(head.lagOf(5n, 0)).toBeUndefined()
    head.observe(100n, 1_000)
    expect(head.lagOf(100n, 60_000)).toEqual({ ms: 0, bytes: 0 })
    head.observe(100n, 60_000)
    head.observe(200n, 61_000)
    head.observe(300n, 62_000)
    expect(head.lagOf(100n, 62_500)).toEqual({ ms: 1_500, bytes: 200 })
    expect(head.lagOf(250n, 62_500)).toEqual({ ms: 500, bytes: 50 })
    expect(head.lagOf(50n, 62_500)).toEqual({ ms: 61_500, bytes: 250 })
  })

  test('memory stays bounded: a lag older than the last 2,048 positions is told as their age', () => {
    const head = new HeadHistory()
    for (let index = 1; index <= 100_000; index++) head.observe(BigInt(index), index)
    expect(head.lagOf(99_999n, 100_000)).toEqual({ ms: 0, bytes: 1 })
    expect(head.lagOf(98_500n, 100_000)).toEqual({ ms: 1_499, bytes: 1_500 })
    expect(head.lagOf(1n, 100_000)?.ms).toBeGreaterThanOrEqual(2_047)
  })
})
