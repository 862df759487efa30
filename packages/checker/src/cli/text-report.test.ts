import { expect, test } from 'vitest'
import { createHistory } from '../recorder.ts'
import type { CheckResult, Violation } from '../result.ts'
import { checkOf } from './checks.ts'
import { textReport } from './text-report.ts'
import { operationText, paintFor, valueText } from './words.ts'

const none: CheckResult = { verdict: 'ok', promise: 'demo', violations: [], violationCount: 0, stats: {} }

function reported(result: Partial<CheckResult>, count = 12): string {
  const history = createHistory({ name: 'run.edn' })
  const fault = history.fault({ name: 'kill', targets: ['n1'] })
  for (let i = 0; i < count; i++) {
    const call = history.start({ process: i % 3, op: 'write', key: 'x', input: i })
    if (i === 4) call.unknown()
    else call.ok()
  }
  fault.end()
  const facts = { history, check: checkOf('register'), tookMs: 12.4, html: undefined, guessed: false }
  return textReport({ ...facts, result: { ...none, ...result } }, paintFor(false))
}

const violation = (name: string, operations: number[], more: Partial<Violation> = {}): Violation => ({
  name,
  message: `${name} happened`,
  operations,
  ...more,
})

test('textReport() of a promise that was kept is two lines', () => {
  expect(reported({})).toBe(`✓ ok  demo

run.edn · 12 operations of 3 processes · 1 of them unknown · 1 fault · 12 ms
`)
})

test('textReport() of unknown says what is missing', () => {
  expect(reported({ verdict: 'unknown', reason: 'the budget ended' }, 1)).toBe(`? unknown  demo
the budget ended

run.edn · 1 operation of 1 process · 1 fault · 12 ms
`)
})

test('textReport() names three violations and eight operations of each, and counts the others', () => {
  const eight = Array.from({ length: 8 }, (_, i) => i)
  const violations = [
    violation('a', [...eight, 8, 9]),
    violation('b', eight),
    violation('c', [0]),
    violation('d', [1]),
  ]
  const text = reported({ verdict: 'violated', violations, violationCount: 7 })
  const [head, a, b, c, more, foot] = text.split('\n\n')
  expect(head).toBe('✗ violated  demo')
  expect(a?.split('\n').slice(0, 2)).toEqual(['a: a happened', '  #0  process 0: write x 0'])
  expect(a?.split('\n')).toHaveLength(10)
  expect(a).toMatch(/#4 {2}process 1: write x 4, unknown whether it happened\n/)
  expect(a).toMatch(/\n {2}and 2 more operations$/)
  expect(b?.split('\n')).toHaveLength(9)
  expect(c).toBe('c: c happened\n  #0  process 0: write x 0')
  expect(more).toBe('and 4 more')
  expect(foot).toBe(
    'run.edn · 12 operations of 3 processes · 1 of them unknown · 1 fault · 7 violations · 12 ms\n',
  )
})

test('textReport() draws a cycle, and says what a search found out', () => {
  const edges = [
    { from: 0, to: 1, kind: 'ww' },
    { from: 1, to: 0, kind: 'rw' },
  ] as const
  const counterexample = {
    firstBad: 0,
    longestPrefix: [1],
    stateAfterPrefix: '"x"',
    minimal: [0, 1],
    isMinimal: true,
  }
  const violations = [violation('a', [0, 1], { edges }), violation('b', [1])]
  const text = reported({ verdict: 'violated', violations, violationCount: 2, counterexample })
  expect(text).toContain(`a: a happened
  #0  process 0: write x 0
  #1  process 1: write x 1
  #0 —ww→ #1 —rw→ #0
  Only together are they wrong: without any of them the others are in order.
  The longest legal order has 1 operation, and ends in "x"

b: b happened
  #1  process 1: write x 1

`)
  const open = { ...counterexample, isMinimal: false, longestPrefix: [] }
  const other = reported({ verdict: 'violated', violations, violationCount: 2, counterexample: open })
  expect(other).toContain(
    '  A smaller set may be wrong by itself: the budget ended before that was known.\n\nb:',
  )
})

test('operationText() says what was asked and what came back', () => {
  const text = (op: object): string =>
    operationText({ index: 0, process: 0, op: 'read', status: 'ok', start: 0, end: 1, ...op })
  expect(text({ key: 'sku-1', output: 3 })).toBe('read sku-1 → 3')
  expect(text({ output: null })).toBe('read → null')
  expect(text({ op: 'cas', input: [1, 2], output: false })).toBe('cas [1,2] → compared unequal')
  expect(text({ op: 'cas', input: [1, 2], output: true })).toBe('cas [1,2] → set')
  expect(text({ op: 'cas', input: [1, 2], status: 'fail' })).toBe('cas [1,2], did not happen')
  expect(text({ op: 'txn', input: [['r', 'x', null]], output: [['r', 'x', [1]]] })).toBe('txn r x → [1]')
  expect(text({ op: 'txn', input: [['w', 'x', 'a b']], status: 'unknown' })).toBe(
    'txn w x "a b", unknown whether it happened',
  )
  expect(text({ op: 'add', input: 10n ** 20n })).toBe('add "100000000000000000000"')
  expect(valueText({ a: ['b', '1', '', 'c d'] })).toBe('{a:[b,"1","","c d"]}')
})
