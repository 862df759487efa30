import { expect, test } from 'vitest'
import { COMPARED, exitCodeOf, isRight, type Finding } from './answers.ts'
import { chartOf } from './chart.ts'
import { printComparison, type Run, verdictOf } from './table.ts'

const run: Run = { units: 47, customers: 1_880, atOnce: 128, seconds: 3 }
const finding = (
  answer: Finding['answer'],
  rush: Partial<Finding['rush']> = {},
  soldPerSecond = 100,
): Finding => ({
  answer,
  rush: {
    units: 47,
    customers: 1_880,
    granted: 47,
    refused: 1_833,
    oversold: 0,
    apologies: 0,
    kept: 47,
    isConsistent: true,
    repeats: 0,
    elapsedMs: 2_500,
    ...rush,
  },
  flow: {
    soldPerSecond,
    p50Ms: 12,
    p99Ms: 34,
    statementsPerOrder: 10,
    rowWritesPerOrder: 2,
    waitingForLocks: 7,
  },
})
const findings: readonly Finding[] = [
  finding('naive', { granted: 637, refused: 1_243, oversold: 590, kept: 637, isConsistent: false }),
  finding('version', {}, 50),
  finding('lock'),
  finding('optimistic'),
  finding('batch', {}, 500),
  finding('compensate', { granted: 137, refused: 1_743, oversold: 88, apologies: 90 }),
]

test('an answer is right if exactly what was there was sold, or as many as there were customers', () => {
  expect(findings.map(isRight)).toEqual([false, true, true, true, true, true])
  expect(isRight(finding('lock', { kept: 46 }))).toBe(false)
  expect(isRight(finding('lock', { isConsistent: false }))).toBe(false)
  expect(isRight(finding('lock', { customers: 5, kept: 5 }))).toBe(true)
})

test('exitCodeOf() is 1 as soon as an answer is wrong, and does not blame the naive one', () => {
  expect(exitCodeOf(findings)).toBe(0)
  for (const answer of COMPARED.slice(1)) {
    expect(exitCodeOf([...findings, finding(answer, { kept: 48 })])).toBe(1)
    expect(exitCodeOf([...findings, finding(answer, { isConsistent: false })])).toBe(1)
  }
})

test('verdictOf() says by how much it is wrong', () => {
  expect(findings.slice(0, 2).map(verdictOf)).toEqual(['WRONG: 590 sold that were not there', 'exactly'])
  expect(verdictOf(finding('batch', { kept: 40 }))).toBe('WRONG: 7 not sold')
  expect(verdictOf(finding('batch', { isConsistent: false }))).toMatch(/ledger/)
})

test('printComparison() has a line for each answer in each table, and bars in proportion', () => {
  const lines: string[] = []
  printComparison(run, findings, (line) => lines.push(line))
  for (const answer of COMPARED) {
    expect(lines.filter((line) => line.trim().startsWith(answer))).toHaveLength(3)
  }
  expect(lines.find((line) => line.includes('naive'))).toMatch(/637 +1,243 +590 +0 +637 +2\.5 s +WRONG/)
  expect(lines.find((line) => line.includes('compensate'))).toMatch(/137 +1,743 +88 +90 +47 .*exactly/)
  const drawn = lines.filter((line) => line.includes('█'))
  const lengths = drawn.map((line) => line.split('█').length - 1)
  expect(lengths).toEqual([8, 4, 8, 8, 40, 8])
})

test('chartOf() draws each number to scale and says it in words, for light and dark', () => {
  const svg = chartOf(run, findings)
  const widths = (kind: string): number[] =>
    [...svg.matchAll(new RegExp(`<rect class="${kind}"[^>]* width="([\\d.]+)"`, 'g'))].map(([, width]) =>
      Number(width),
    )
  expect(widths('speed')).toEqual([100, 50, 100, 100, 500, 100])
  // 637 is the widest.
  expect(widths('sold')).toEqual(findings.map(() => 36.9))
  expect(widths('wrong')).toEqual([463.1])
  expect(widths('apology')).toEqual([70.6])
  expect(svg).toContain('prefers-color-scheme: dark')
  expect(svg).toMatch(/<desc[^>]*>.*compensate: 137 told yes, 47 sold, 90 apologies, 100 sold per second/)
})

test('chartOf() is well-formed: every tag is closed, every class has a colour', () => {
  const svg = chartOf(run, findings)
  const open: string[] = []
  const wrong: string[] = []
  for (const [tag, close, name = '', attributes = ''] of svg.matchAll(/<(\/?)([a-z]+)([^>]*)>/g)) {
    if (close === '/' ? open.pop() !== name : false) wrong.push(tag)
    if (close !== '/' && !attributes.endsWith('/')) open.push(name)
  }
  expect([...open, ...wrong]).toEqual([])
  const classes = new Set(
    [...svg.matchAll(/class="([a-z ]+)"/g)].flatMap(([, names = '']) => names.split(' ')),
  )
  for (const name of classes) expect(svg).toContain(`.${name} {`)
})
