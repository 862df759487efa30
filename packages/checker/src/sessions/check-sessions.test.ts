import { describe, expect, test } from 'vitest'
import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { checkSessions, type SessionGuarantee, type SessionOptions } from './check-sessions.ts'
import { historyOf, read, write } from './testing/history-of.ts'

const inRealTime = (history: History, guarantee: SessionGuarantee): CheckResult =>
  checkSessions(history, { guarantees: [guarantee], versionOrder: 'real-time' })
const first = ({ violations, verdict, violationCount }: CheckResult): unknown => {
  const { name, message, operations } = violations[0] ?? {}
  return { verdict, violationCount, name, message, operations }
}

describe('a primary for writes, replicas for reads: checkSessions() with versions in real time', () => {
  test('names a read that missed the own write', () => {
    const history = historyOf([write(1, 'sku-1', 3), write(2, 'sku-1', 4), read(2, 'sku-1', 3)])
    const result = inRealTime(history, 'read-your-writes')
    expect(first(result)).toEqual({
      verdict: 'violated',
      violationCount: 1,
      name: 'read-your-writes',
      message:
        'process 2 read 3 from sku-1 (#2), which #0 wrote, after it had written 4 (#1); 3 is older: #0 had completed when #1 began',
      operations: [2, 1, 0],
    })
    expect(result.violations[0]?.edges).toEqual([
      {
        from: 2,
        to: 1,
        kind: 'rw',
        key: 'sku-1',
        because: '#2 read 3 from sku-1, which is older: #0 had completed when #1 began',
      },
      { from: 1, to: 2, kind: 'process', because: 'process 2 did #1 first' },
    ])
    expect(inRealTime(history, 'monotonic-reads').verdict).toBe('ok')
  })

  test('names a read of the initial value after an own write', () => {
    const result = inRealTime(historyOf([write(1, 'x', 1), read(1, 'x', null)]), 'read-your-writes')
    expect(result.violations[0]?.message).toBe(
      'process 1 read null from x (#1), after it had written 1 (#0); null is the initial value',
    )
  })

  test('names a read that went back in time', () => {
    const history = historyOf([
      write(1, 'x', 1),
      write(1, 'x', 2),
      read(2, 'x', 2),
      read(2, 'x', 1),
      read(2, 'x', 1),
    ])
    const result = inRealTime(history, 'monotonic-reads')
    expect(first(result)).toEqual({
      verdict: 'violated',
      violationCount: 2,
      name: 'monotonic-reads',
      message:
        'process 2 read 1 from x (#3), which #0 wrote, after it had read 2 (#2), which #1 wrote; 1 is older: #0 had completed when #1 began',
      operations: [3, 2, 1, 0],
    })
    expect(inRealTime(history, 'read-your-writes').verdict).toBe('ok')
  })

  test('a write that somebody had read is older than one that began after that, though it was never acknowledged', () => {
    const history = historyOf([
      write(1, 'x', 1, { status: 'unknown' }),
      read(3, 'x', 1),
      write(2, 'x', 2),
      read(2, 'x', 1),
    ])
    expect(first(inRealTime(history, 'read-your-writes'))).toMatchObject({
      message:
        'process 2 read 1 from x (#3), which #0 wrote, after it had written 2 (#2); 1 is older: #1 had read it when #2 began',
      operations: [3, 2, 0, 1],
    })
  })

  test('is no alarm where the other write may be the newer one', () => {
    const history = historyOf([
      write(1, 'x', 1, { start: 0, end: 5 }),
      write(2, 'x', 2, { start: 1, end: 2 }),
      read(2, 'x', 1, { start: 3, end: 4 }),
    ])
    expect(checkSessions(history, { versionOrder: 'real-time' }).verdict).toBe('ok')
  })

  test('is no alarm after a write of unknown status: it may take effect later, or never', () => {
    const history = historyOf([
      write(1, 'x', 1),
      write(1, 'x', 2, { status: 'unknown' }),
      read(1, 'x', 1),
      read(2, 'x', 2),
    ])
    expect(checkSessions(history, { versionOrder: 'real-time' }).verdict).toBe('ok')
  })

  test('is no alarm after a write that failed', () => {
    const history = historyOf([write(1, 'x', 1), write(1, 'x', 2, { status: 'fail' }), read(1, 'x', 1)])
    expect(checkSessions(history, { versionOrder: 'real-time' }).verdict).toBe('ok')
  })

  test('sees two sessions that read two concurrent writes in opposite orders', () => {
    const history = historyOf([
      write(1, 'x', 1, { start: 0, end: 9 }),
      write(2, 'x', 2, { start: 1, end: 10 }),
      read(3, 'x', 1, { start: 2, end: 3 }),
      read(4, 'x', 2, { start: 4, end: 5 }),
      read(3, 'x', 2, { start: 11, end: 12 }),
      read(4, 'x', 1, { start: 13, end: 14 }),
    ])
    expect(first(inRealTime(history, 'monotonic-reads'))).toEqual({
      verdict: 'violated',
      violationCount: 1,
      name: 'monotonic-reads',
      message:
        'no order of versions allows that process 3 read 1 (#2) and then 2 (#4) from x, that process 4 read 2 (#3) and then 1 (#5) from x',
      operations: [5, 4, 0, 1, 2, 3],
    })
  })

  test('a cas makes the version after the one it compared with', () => {
    const cas = { op: 'cas', process: 2, key: 'x', input: [1, 2], output: true, start: 1, end: 10 }
    const history = historyOf([
      write(1, 'x', 1, { start: 0, end: 9 }),
      cas,
      read(3, 'x', 2, { start: 11, end: 12 }),
      read(3, 'x', 1, { start: 13, end: 14 }),
    ])
    expect(inRealTime(history, 'monotonic-reads').violations[0]?.message).toBe(
      'no order of versions allows that #1 replaced 1 by 2, that process 3 read 2 (#2) and then 1 (#3) from x',
    )
    expect(checkSessions(history, { guarantees: ['monotonic-reads'], versionOrder: 'none' }).verdict).toBe(
      'violated',
    )
  })
})

test('checkSessions() names versions that contradict themselves once, not as every guarantee', () => {
  const cas = { op: 'cas', process: 1, key: 'x', input: [1, 2], output: true }
  const result = checkSessions(historyOf([cas, write(2, 'x', 1)]), { versionOrder: 'real-time' })
  expect(first(result)).toMatchObject({ name: 'cyclic-versions', violationCount: 1, operations: [0, 1] })
})

describe('checkSessions() without a known order of versions', () => {
  test('says unknown, and what to say, where real time would decide', () => {
    const result = checkSessions(historyOf([write(1, 'x', 1), write(2, 'x', 2), read(2, 'x', 1)]))
    expect(result).toMatchObject({ verdict: 'unknown', violations: [], violationCount: 0 })
    expect(result.reason).toBe(
      "this needs the order of versions: if the writes of a key are linearizable, as on one primary, then say versionOrder: 'real-time' and it is violated: process 2 read 1 from x (#2), which #0 wrote, after it had written 2 (#1); 1 is older: #0 had completed when #1 began",
    )
    expect(
      checkSessions(historyOf([write(1, 'x', 1), write(2, 'x', 2), read(2, 'x', 1)]), {
        versionOrder: 'none',
      }).verdict,
    ).toBe('ok')
  })

  test('names guarantees that exclude each other', () => {
    const history = historyOf([write(1, 'x', 1), write(1, 'x', 2), read(1, 'x', 1)], { realTime: false })
    const result = checkSessions(history)
    expect(first(result)).toEqual({
      verdict: 'violated',
      violationCount: 1,
      name: 'read-your-writes or monotonic-writes',
      message:
        'no order of versions allows that process 1 wrote 1 to x (#0) and then 2 to x (#1), that process 1 wrote 2 to x (#1) and then read 1 (#2)',
      operations: [2, 0, 1],
    })
    expect(checkSessions(history, { guarantees: ['read-your-writes'] }).verdict).toBe('ok')
  })

  test('finds writes-follow-reads broken by a loop of reads and writes', () => {
    const history = historyOf([read(1, 'x', 2), write(1, 'y', 1), read(2, 'y', 1), write(2, 'x', 2)], {
      realTime: false,
    })
    expect(first(checkSessions(history))).toMatchObject({
      name: 'writes-follow-reads',
      operations: [2, 0, 1, 3],
    })
  })

  test('a read of a value that nobody wrote leaves open what else would be ok', () => {
    const history = historyOf([write(1, 'x', 1), read(1, 'x', '1')])
    expect(checkSessions(history, { versionOrder: 'real-time' })).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(
        /nobody wrote.*: a read of no version tells nothing; are values/,
      ) as string,
    })
    const stale = historyOf([write(1, 'x', 1), read(1, 'x', null), read(1, 'x', 9)])
    expect(checkSessions(stale, { versionOrder: 'real-time' }).verdict).toBe('violated')
  })

  test('says unknown where a value was written twice and that matters', () => {
    const history = historyOf([write(1, 'x', 7), write(2, 'x', 8), write(3, 'x', 7), read(2, 'x', 7)])
    expect(checkSessions(history, { versionOrder: 'real-time' })).toMatchObject({
      verdict: 'unknown',
      reason:
        '#0 and #2 both wrote 7 to x, so 1 read does not tell which state they saw; write every value once per key',
    })
  })
})

describe('checkSessions() with versions compared by value', () => {
  test('works for values that the history has no write of', () => {
    const history = historyOf([read(1, 'visits', 7), read(1, 'visits', 9), read(1, 'visits', 8)])
    expect(first(checkSessions(history, { versionOrder: 'ascending' }))).toEqual({
      verdict: 'violated',
      violationCount: 1,
      name: 'monotonic-reads',
      message: 'process 1 read 8 (#2), an older version of visits, after it had read 9 (#1)',
      operations: [2, 1],
    })
  })

  test('takes a function, and the initial value is the oldest', () => {
    const versionOrder = (a: unknown, b: unknown): number =>
      Number(String(a).slice(1)) - Number(String(b).slice(1))
    const names = (history: History): string[] =>
      checkSessions(history, { versionOrder }).violations.map(({ name }) => name)
    expect(names(historyOf([write(1, 'x', 'v10'), read(1, 'x', 'v9')]))).toEqual(['read-your-writes'])
    expect(names(historyOf([write(1, 'x', 'v9'), read(1, 'x', 'v10')]))).toEqual([])
    expect(names(historyOf([read(1, 'x', 'v1'), read(1, 'x', null)]))).toEqual(['monotonic-reads'])
    expect(names(historyOf([write(1, 'x', 'v2'), write(1, 'x', 'v1')]))).toEqual(['monotonic-writes'])
    expect(names(historyOf([read(1, 'x', 'v2'), write(1, 'x', 'v1')]))).toEqual(['writes-follow-reads'])
  })

  test('refuses NaN, and a function that does not return a number: neither would ever find an older version', () => {
    const history = historyOf([write(1, 'x', 2), read(1, 'x', 1)])
    const check = (versionOrder: SessionOptions['versionOrder']): CheckResult =>
      checkSessions(history, { versionOrder })
    expect(check('ascending').verdict).toBe('violated')
    const lessThan = ((a: number, b: number) => a < b) as unknown as () => number
    expect(() => check(lessThan)).toThrow('versionOrder must return a number, got boolean')
    const nothing = historyOf([write(1, 'x', 2), read(1, 'x', Number.NaN)])
    expect(() => checkSessions(nothing, { versionOrder: 'ascending' })).toThrow(HistoryContentError)
  })

  test('refuses values that it cannot compare', () => {
    const history = historyOf([read(1, 'x', 'a'), read(1, 'x', 'b', { line: 4 })])
    const check = (): CheckResult => checkSessions(history, { versionOrder: 'ascending' })
    expect(check).toThrow(HistoryContentError)
    expect(check).toThrow('Cannot check operation #1 (line 4): versionOrder cannot compare "b" and "a"')
  })
})

describe('checkSessions() refuses', () => {
  const history = historyOf([read(1, 'x', null)])
  test.each([
    [{ guarantees: [] }, 'guarantees must name at least one of'],
    [{ guarantees: ['monotonic'] }, "got 'monotonic'"],
    [
      { versionOrder: 'realtime' },
      "versionOrder must be 'real-time', 'ascending', 'none' or a function, got 'realtime'",
    ],
    [{ maxViolations: -1 }, 'maxViolations must be at least 0, got -1'],
    [{ maxTimeMs: Number.NaN }, 'maxTimeMs must be above 0, got NaN'],
  ])('%j', (options, message) => {
    expect(() => checkSessions(history, options as unknown as SessionOptions)).toThrow(message)
  })

  test("'real-time' for a history that has none", () => {
    expect(() => checkSessions(historyOf([], { realTime: false }), { versionOrder: 'real-time' })).toThrow(
      RangeError,
    )
  })
})

describe('the budget of checkSessions()', () => {
  const history = historyOf([write(1, 'x', 1), read(2, 'x', 1)])
  test('of memory', () => {
    const result = checkSessions(history, { maxBytes: 100 })
    expect(result.verdict).toBe('unknown')
    expect(result.reason).toBe('its tables take 1 MiB, and maxBytes allows 100 bytes')
  })

  test('of time', () => {
    const many = historyOf(Array.from({ length: 20_000 }, (_, i) => write(i % 2, 'x', i)))
    let now = 0
    const result = checkSessions(many, { maxTimeMs: 5, monotonic: () => (now += 10) })
    expect(result).toMatchObject({ verdict: 'unknown', reason: 'it took longer than maxTimeMs, 5 ms' })
  })

  test('of violations: all are counted', () => {
    const stale = historyOf([write(1, 'x', 1), ...Array.from({ length: 20 }, () => read(1, 'x', null))])
    const result = checkSessions(stale, { maxViolations: 3 })
    expect([result.violations.length, result.violationCount]).toEqual([3, 20])
  })
})
