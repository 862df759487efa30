import { describe, expect, it } from 'vitest'
import type { History } from '../history.ts'
import { growthOf, MOST_IF_LINEAR } from '../testing/growth.ts'
import {
  history,
  longHistory,
  operation,
  STALE_READ,
  STALE_READ_RESULT,
  violated,
  WRITE_SKEW,
  WRITE_SKEW_RESULT,
} from './histories.test-helper.ts'
import { renderTimeline, renderTimelineSvg } from './index.ts'

/** What a reader sees, without elements. */
const words = (page: string): string =>
  page
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
const stale = renderTimeline(STALE_READ, STALE_READ_RESULT)
const HOSTILE = `</script><script>alert(1)</script>"'&<img src=x onerror=alert(2)>]]>\u0000\u202e\ud800`

describe('renderTimeline()', () => {
  it('tells verdict, promise, and what broke, in words', () => {
    const text = words(stale)
    expect(text).toContain('✗ violated stale-read.edn')
    expect(text).toContain('linearizable cas-register : #8 read 1, which #2 had overwritten')
    expect(text).toContain('10 operations by 4 processes · 1 did not happen · 1 unknown · 1 fault')
    expect(text).toContain('Then the state is 3 , and #8 has no place')
  })

  it('marks the offending operation, the proof and nothing else', () => {
    const classes = [...stale.matchAll(/<g id="op-(\d+)" class="op ([^"]*)"/g)].map(([, index, names]) => [
      index,
      names,
    ])
    expect(classes).toHaveLength(10)
    expect(classes.filter(([, names]) => names?.includes('bad'))).toEqual([['8', 'read ok hot bad']])
    expect(classes.filter(([, names]) => names?.includes('hot')).map(([index]) => index)).toEqual([
      '0',
      '2',
      '4',
      '8',
    ])
    expect(classes[9]).toEqual(['9', 'write fail'])
    expect(classes[6]).toEqual(['6', 'write unknown'])
  })

  it('names the faults with their targets', () => {
    expect(words(stale)).toContain('⚡ partition primary, replica-2')
  })

  it('numbers the legal order', () => {
    const group = /<g class="order">.*?<\/g>/.exec(stale)?.[0] ?? ''
    expect([...group.matchAll(/>(\d+)<\/text>/g)].map(([, number]) => Number(number))).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ])
  })

  it('explains each edge of a cycle', () => {
    const page = renderTimeline(WRITE_SKEW, WRITE_SKEW_RESULT)
    expect(words(page)).toContain(
      '#1 r y→1 w x=0 must come before #2 r x→1 w y=0 rw #1 read 1 from y, which #2 overwrote with 0',
    )
    expect(page.match(/<g class="edge rw">/g)).toHaveLength(2)
  })

  it('gives the same bytes for the same input', () => {
    expect(renderTimeline(structuredClone(STALE_READ), structuredClone(STALE_READ_RESULT))).toBe(stale)
  })

  it('lets hostile values be nothing but text', () => {
    const evil = history(
      [
        operation(0, HOSTILE, HOSTILE, [0, 1], {
          key: HOSTILE,
          input: HOSTILE,
          output: { [HOSTILE]: HOSTILE },
        }),
        operation(1, HOSTILE, 'txn', [2, 3], { key: 'k', input: [['r', HOSTILE, HOSTILE]] }),
      ],
      [{ name: HOSTILE, targets: [HOSTILE], detail: HOSTILE, start: 0, end: 9 }],
      { name: HOSTILE },
    )
    const page = renderTimeline(
      evil,
      violated(HOSTILE, {
        reason: HOSTILE,
        violations: [
          {
            name: HOSTILE,
            message: HOSTILE,
            operations: [1, 0],
            edges: [{ from: 0, to: 1, kind: HOSTILE as 'ww', key: HOSTILE, because: HOSTILE }],
          },
        ],
        counterexample: {
          firstBad: 1,
          longestPrefix: [0],
          stateAfterPrefix: HOSTILE,
          minimal: [0, 1],
          isMinimal: false,
        },
      }),
    )
    expect(page.match(/<script/g)).toHaveLength(2)
    expect(page.match(/<\/script>/g)).toHaveLength(2)
    expect(page.includes('<img')).toBe(false)
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(/\u0000|\u202e/.test(page)).toBe(false)
    expect(/\p{Cs}/u.test(page)).toBe(false)
  })

  it('loads nothing, and forbids it', () => {
    const markup = stale.replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, '')
    expect(markup.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|\ssrc=|<link/)
    expect(stale).toContain("default-src 'none'; style-src 'sha256-")
    expect(markup).not.toMatch(/\sstyle=|\son\w+=/)
  })

  it('says how much of a long history it leaves out, and keeps what matters', () => {
    const long = longHistory(10_000, 20)
    const result = violated('linearizable register', {
      violations: [{ name: 'not-linearizable', message: '…', operations: [6_000, 4] }],
    })
    const page = renderTimeline(long, result)
    expect(words(page)).toContain('Shows 2,000 of 10,000 operations, those around the violation.')
    expect(page.match(/<g id="op-\d/g)).toHaveLength(2_000)
    expect(page).toContain('<g id="op-6000" class="op write ok hot bad"')
    expect(page).toContain('<g id="op-4" class="op write ok hot"')
    expect(page).toMatch(/\d+ not shown<\/text>/)
    expect(renderTimeline(long, result, { maxOperations: Infinity })).not.toContain('Shows 10,000')
  })

  it('shows the key of the counterexample alone, and says so', () => {
    const found = {
      firstBad: 13,
      longestPrefix: [3],
      stateAfterPrefix: '3',
      minimal: [3, 13],
      isMinimal: true,
    }
    const page = renderTimeline(
      longHistory(100, 4, 10),
      violated('linearizable register', { counterexample: { ...found, key: 'k3' } }),
    )
    expect(page.match(/<g id="op-\d/g)).toHaveLength(10)
    expect(words(page)).toContain('Shows only key k3')
  })

  it('speaks of the same operation in its words and in its picture', () => {
    const found = {
      firstBad: 13,
      longestPrefix: [3],
      stateAfterPrefix: '3',
      minimal: [3, 13],
      isMinimal: true,
    }
    const page = renderTimeline(
      longHistory(100, 4, 10),
      violated('linearizable register', {
        violations: [
          { name: 'not-linearizable', message: 'of another key', operations: [4], key: 'k4' },
          { name: 'not-linearizable', message: '#13 has no place', operations: [13, 3], key: 'k3' },
        ],
        counterexample: { ...found, key: 'k3' },
      }),
    )
    expect(words(page)).toContain('linearizable register : #13 has no place')
    expect(page).toMatch(/<g id="op-13" class="[^"]* bad"/)
    expect(words(page).indexOf('of another key')).toBeGreaterThan(0)
  })

  it('does not pretend to know the order of sessions that have no common time', () => {
    const sessions = history(
      [operation(0, 'a', 'write', [0, 1], { input: 1 }), operation(1, 'b', 'read', [2, 3], { output: 1 })],
      [{ name: 'kill', targets: ['x'], start: 0, end: 1 }],
      { realTime: false },
    )
    const page = renderTimeline(sessions)
    const xs = [...page.matchAll(/class="bar" x="([\d.]+)"/g)].slice(0, 2).map(([, x]) => x)
    expect(xs[0]).toBe(xs[1])
    expect(words(page)).toContain('Only the order within each process is known')
    expect(words(page)).toContain('faults are not drawn')
  })

  it('says that a promise was kept, not decided, or not checked', () => {
    const ok = {
      ...STALE_READ_RESULT,
      verdict: 'ok',
      violations: [],
      counterexample: undefined,
      witness: [0, 1],
    } as const
    expect(words(renderTimeline(STALE_READ, ok))).toContain('✓ kept')
    expect(words(renderTimeline(STALE_READ, ok))).toContain('An order that proves it')
    const unknown = { ...ok, verdict: 'unknown', reason: 'maxTimeMs is over', witness: undefined } as const
    expect(words(renderTimeline(STALE_READ, unknown))).toContain('not decided stale-read.edn')
    expect(words(renderTimeline(STALE_READ, unknown))).toContain('maxTimeMs is over')
    expect(words(renderTimeline(STALE_READ))).toContain('not checked')
  })

  it('draws an empty history', () => {
    expect(words(renderTimeline(history([])))).toContain('0 operations by 0 processes')
  })

  it('takes a result that names operations which the history does not have', () => {
    const result = violated('x', {
      violations: [{ name: 'n', message: 'm', operations: [99], edges: [{ from: 99, to: 0, kind: 'ww' }] }],
    })
    expect(words(renderTimeline(STALE_READ, result))).toContain('#99')
  })

  it('refuses options that mean nothing', () => {
    expect(() => renderTimeline(STALE_READ, undefined, { maxOperations: 0 })).toThrow(RangeError)
    expect(() => renderTimeline(STALE_READ, undefined, { violation: -1 })).toThrow(RangeError)
    expect(() => renderTimeline(STALE_READ, undefined, { key: 'none' })).toThrow(
      'which no operation of the history has',
    )
    expect(() => renderTimeline(STALE_READ, undefined, { axis: 'time' as 'ms' })).toThrow(TypeError)
  })

  it('writes 1,000 operations in less than a megabyte', () => {
    expect(renderTimeline(longHistory(1_000, 20), STALE_READ_RESULT).length).toBeLessThan(1_000_000)
  })

  it('writes operations in linear time', () => {
    const write = (of: History): string => renderTimeline(of, STALE_READ_RESULT, { maxOperations: 8_000 })
    expect(growthOf(500, (n) => longHistory(n, 20), write)).toBeLessThan(MOST_IF_LINEAR)
  })
})

describe('renderTimelineSvg()', () => {
  const svg = renderTimelineSvg(STALE_READ, STALE_READ_RESULT, { title: 'A stale read' })

  it('is one image, with its own style and a title', () => {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" class="qt dim" role="img"/)
    expect(svg).toContain('<title>A stale read</title><style>')
    expect(svg).not.toContain('<script')
    expect(svg.trimEnd().endsWith('</svg>')).toBe(true)
  })

  it('closes every element it opens', () => {
    const open: string[] = []
    for (const [, slash, name = '', self] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
      const isMatch = slash === '/' && open.at(-1) === name
      if (isMatch) open.pop()
      else if (self !== '/') open.push(`${slash}${name}`)
    }
    expect(open).toEqual([])
  })

  it('gives the same bytes for the same input', () => {
    expect(renderTimelineSvg(STALE_READ, STALE_READ_RESULT, { title: 'A stale read' })).toBe(svg)
  })
})
