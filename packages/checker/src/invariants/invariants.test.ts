import { describe, expect, test } from 'vitest'
import { HistoryContentError } from '../errors.ts'
import { growthOf, MOST_IF_LINEAR } from '../testing/growth.ts'
import { historyOf as h, type Step } from './histories.test-helper.ts'
import {
  checkBank,
  checkCausalReverse,
  checkConvergence,
  checkCounterBounds,
  checkExactlyOnce,
  checkLongFork,
  checkNoOversell,
  checkSet,
  checkSetFull,
  checkTotalQueue,
  checkUniqueIds,
  checkUnorderedQueue,
} from './index.ts'

const empty = h([])

describe('every invariant', () => {
  const all = {
    checkBank,
    checkCausalReverse,
    checkConvergence,
    checkCounterBounds,
    checkExactlyOnce,
    checkLongFork,
    checkNoOversell,
    checkSet,
    checkSetFull,
    checkTotalQueue,
    checkUniqueIds,
    checkUnorderedQueue,
  }
  // An empty queue has lost nothing.
  const { checkTotalQueue: drained, checkUnorderedQueue: unordered, ...others } = all

  test.each(Object.entries(others))('%s says unknown, with a reason, of an empty history', (_, check) => {
    const { verdict, reason, stats } = check(empty, {})
    expect(verdict).toBe('unknown')
    expect(reason).toEqual(expect.stringMatching(/\w/))
    expect(stats['operations']).toBe(0)
  })

  test.each([drained, unordered])('a queue that was never used is ok', (check) => {
    expect(check(empty).verdict).toBe('ok')
  })

  test.each(Object.entries(all).filter(([name]) => name !== 'checkConvergence'))(
    '%s refuses an operation that it does not know, and says which it knows',
    (_, check) => {
      const strange = h([
        [0, 'compute', 1],
        [0, 'ok', 1],
      ])
      expect(() => check(strange, {})).toThrow(HistoryContentError)
      expect(() => check(strange, {})).toThrow(/^Cannot check operation #0: .* knows .*, got compute$/)
    },
  )

  test.each(Object.entries(all))('%s refuses a maxViolations below 0', (_, check) => {
    expect(() => check(empty, { maxViolations: -1 })).toThrow(RangeError)
  })
})

test('checkBank() finds money that was made or lost, accounts that come and go, and overdrafts', () => {
  const read = (balances: unknown): Parameters<typeof h>[0] => [
    [0, 'read'],
    [0, 'ok', balances],
  ]
  expect(checkBank(h(read({ a: 5, b: 5 }))).verdict).toBe('ok')
  expect(checkBank(h([...read({ a: 5, b: 5 }), ...read({ a: 4, b: 5 })])).violations).toMatchObject([
    { name: 'wrong-total', message: '#1 saw 9 in all, 1 too little', operations: [1] },
  ])
  expect(
    checkBank(
      h(
        read([
          ['a', 6],
          ['b', 5],
        ]),
        { a: 5, b: 5 },
      ),
    ).violations,
  ).toMatchObject([{ name: 'wrong-total', message: '#0 saw 11 in all, 1 too much' }])
  expect(checkBank(h(read({ a: 10 })), { total: 10, accounts: ['a', 'b'] }).violations).toMatchObject([
    { name: 'missing-account', message: '#0 did not see b' },
  ])
  expect(checkBank(h(read({ a: 5, b: 5, c: 0 })), { accounts: ['a', 'b'] }).violations).toMatchObject([
    { name: 'unexpected-account' },
  ])
  expect(checkBank(h(read({ a: -1, b: 11 }))).violations).toMatchObject([
    { name: 'negative-balance', message: '#0 saw a at -1' },
  ])
  expect(checkBank(h(read({ a: -1, b: 11 })), { negativeBalances: true }).verdict).toBe('ok')
  expect(() => checkBank(h(read(3)))).toThrow(HistoryContentError)
  expect(() => checkBank(h(read({ a: 'rich' })))).toThrow(/the balance of a must be a whole number/)
})

test('checkSet() tells lost, recovered, unexpected and failed elements apart', () => {
  const result = checkSet(
    h([
      [0, 'add', 'acknowledged'],
      [0, 'ok'],
      [0, 'add', 'lost'],
      [0, 'ok'],
      [1, 'add', 'crashed, there'],
      [2, 'add', 'crashed, not there'],
      [3, 'add', 'failed, there'],
      [3, 'fail'],
      [4, 'add', 'too late to be seen'],
      [0, 'read'],
      [4, 'ok'],
      [0, 'ok', ['acknowledged', 'crashed, there', 'failed, there', 'from nowhere']],
    ]),
  )
  expect(result).toMatchObject({
    verdict: 'violated',
    lost: ['lost'],
    recovered: ['crashed, there', 'failed, there'],
    unexpected: ['from nowhere'],
    attempted: 6,
    acknowledged: 3,
  })
  expect(result.violations.map(({ name }) => name).toSorted()).toEqual([
    'failed-but-present',
    'lost-element',
    'unexpected-element',
  ])
})

test('checkSetFull() takes an element for known once it was read, and misses it only in later reads', () => {
  const events: Parameters<typeof h>[0] = [
    [0, 'add', 1], // never acknowledged
    [1, 'read'],
    [1, 'ok', [1]],
    [1, 'read'],
    [1, 'ok', []],
    [1, 'read'],
    [1, 'ok', [1]],
  ]
  expect(checkSetFull(h(events))).toMatchObject({ verdict: 'ok', stable: [1], stale: [1] })
  expect(checkSetFull(h(events), { linearizable: true })).toMatchObject({
    verdict: 'violated',
    violations: [{ name: 'stale-read', operations: [2, 1] }],
  })
  expect(checkSetFull(h(events.slice(0, 5)))).toMatchObject({
    verdict: 'violated',
    lost: [1],
    violations: [{ name: 'lost-element', operations: [2, 1] }],
  })
  expect(
    checkSetFull(
      h([
        [0, 'add', 1],
        [0, 'fail'],
        [1, 'read'],
        [1, 'ok', [1, 1, 2]],
      ]),
    ).violations.map(({ name }) => name),
  ).toEqual(['duplicate-element', 'failed-but-present', 'unexpected-element'])
})

test('checkTotalQueue() says unknown where a crashed dequeue may have taken what is missing', () => {
  const lost: Parameters<typeof h>[0] = [
    [0, 'enqueue', 'a'],
    [0, 'ok'],
    [0, 'enqueue', 'b'],
    [0, 'ok'],
    [1, 'drain'],
    [1, 'ok', ['b']],
  ]
  expect(checkTotalQueue(h(lost))).toMatchObject({ verdict: 'violated', lost: ['a'] })
  expect(checkTotalQueue(h([...lost, [2, 'dequeue']]))).toMatchObject({ verdict: 'unknown', lost: ['a'] })
  expect(
    checkTotalQueue(
      h([
        [0, 'enqueue', 'a'],
        [1, 'dequeue'],
        [1, 'ok', 'a'],
        [1, 'dequeue'],
        [1, 'ok', 'a'],
        [1, 'dequeue'],
        [1, 'ok', 'z'],
        [1, 'dequeue'],
        [1, 'ok', null],
      ]),
    ),
  ).toMatchObject({ verdict: 'violated', recovered: ['a'], duplicated: ['a'], unexpected: ['z'] })
})

test('checkUnorderedQueue() allows an element as soon as its enqueue has begun, and never after it failed', () => {
  expect(
    checkUnorderedQueue(
      h([
        [1, 'dequeue'],
        [0, 'enqueue', 1],
        [1, 'ok', 1],
      ]),
    ).verdict,
  ).toBe('ok')
  expect(
    checkUnorderedQueue(
      h([
        [1, 'dequeue'],
        [1, 'ok', 1],
        [0, 'enqueue', 1],
      ]),
    ).violations,
  ).toMatchObject([{ name: 'unexpected-dequeue', operations: [0] }])
  expect(
    checkUnorderedQueue(
      h([
        [0, 'enqueue', 1],
        [0, 'fail'],
        [1, 'dequeue'],
        [1, 'ok', 1],
      ]),
    ).verdict,
  ).toBe('violated')
})

test('checkConvergence() compares the last reads after the last write, and final reads always', () => {
  const write: Parameters<typeof h>[0] = [
    [0, 'write', 1],
    [0, 'ok'],
  ]
  const reads = (op: string, b: unknown): Parameters<typeof h>[0] => [
    [1, op],
    [1, 'ok', { x: 1, y: 2 }],
    [2, op],
    [2, 'ok', b],
  ]
  expect(checkConvergence(h([...write, ...reads('read', { y: 2, x: 1 })])).verdict).toBe('ok')
  expect(checkConvergence(h([...write, ...reads('final-read', 0)])).violations).toMatchObject([
    { name: 'divergence', operations: [2, 1] },
  ])
  // Without a final read a replica may lag.
  expect(checkConvergence(h([...write, ...reads('read', 0)]))).toMatchObject({
    verdict: 'unknown',
    reason: expect.stringContaining('no final-read') as string,
  })
  expect(checkConvergence(h([...reads('read', 0), ...write])).verdict).toBe('unknown')
  const crashed: Parameters<typeof h>[0] = [[3, 'write', 2]]
  expect(checkConvergence(h([...write, ...crashed, ...reads('read', 0)]))).toMatchObject({
    verdict: 'unknown',
    reason: expect.stringContaining('unknown outcome') as string,
  })
  expect(checkConvergence(h([...write, ...crashed, ...reads('final-read', 0)])).verdict).toBe('violated')
})

test('checkNoOversell() counts what was granted, restocked and left', () => {
  const take = (process: number, output?: unknown): Parameters<typeof h>[0] => [
    [process, 'take', undefined, 'mug'],
    [process, 'ok', output],
  ]
  const twice = [...take(0), ...take(1)]
  expect(checkNoOversell(h(twice), { stock: { mug: 2 } })).toMatchObject({
    verdict: 'ok',
    granted: { mug: 2 },
  })
  expect(checkNoOversell(h([...take(0), ...take(1, false)]), { stock: 1 }).verdict).toBe('ok')
  expect(checkNoOversell(h(twice), { stock: 1 }).violations).toMatchObject([
    {
      name: 'oversell',
      message: '#1 was granted of mug, which makes 2 units of at most 1',
      operations: [1, 0],
    },
  ])
  expect(checkNoOversell(h([[9, 'restock', 1, 'mug'], ...twice]), { stock: 1 }).verdict).toBe('ok')
  const read = (units: number): Parameters<typeof h>[0] => [
    [0, 'read', undefined, 'mug'],
    [0, 'ok', units],
  ]
  expect(checkNoOversell(h([...twice, ...read(-1)]), { stock: 2 }).violations).toMatchObject([
    { name: 'negative-stock' },
  ])
  expect(checkNoOversell(h([...twice, ...read(1)]), { stock: 2 }).violations).toMatchObject([
    { name: 'wrong-stock', message: '#2 saw 1 units of mug left, but there were 0 to 0' },
  ])
  expect(() => checkNoOversell(h(twice), { stock: { cup: 1 } })).toThrow(
    /the stock of mug must be known; give it as options\.stock/,
  )
})

test('checkExactlyOnce() finds effects that came twice, never, or from nowhere', () => {
  const request = (status: string): Parameters<typeof h>[0] => [
    [0, 'request', undefined, 'order-1'],
    [0, status],
  ]
  const ledger = (...ids: string[]): Parameters<typeof h>[0] => [
    [1, 'read'],
    [1, 'ok', ids],
  ]
  const names = (events: Parameters<typeof h>[0]): string[] =>
    checkExactlyOnce(h(events)).violations.map(({ name }) => name)
  const retried = h([
    [0, 'request', undefined, 'order-1'],
    [2, 'request', undefined, 'order-1'],
    [2, 'ok'],
    ...ledger('order-1'),
  ])
  expect(checkExactlyOnce(retried)).toMatchObject({ verdict: 'ok', requested: 1, once: 1 })
  expect(names([...request('ok'), ...ledger('order-1', 'order-1')])).toEqual(['duplicate-effect'])
  expect(names([...request('ok'), ...ledger()])).toEqual(['lost-effect'])
  expect(names([...request('fail'), ...ledger('order-1')])).toEqual(['phantom-effect'])
  expect(names(ledger('order-2'))).toEqual(['phantom-effect'])
  expect(checkExactlyOnce(h([...request('ok')])).verdict).toBe('unknown')
  const effect: Parameters<typeof h>[0] = [
    [2, 'effect', undefined, 'order-1'],
    [2, 'ok'],
  ]
  expect(names([...request('ok'), ...effect, ...effect])).toEqual(['duplicate-effect'])
})

test('checkExactlyOnce() says unknown where the ledger was read too early, or an effect crashed', () => {
  const request: Parameters<typeof h>[0] = [
    [0, 'request', undefined, 'a'],
    [0, 'ok'],
  ]
  const early: Parameters<typeof h>[0] = [
    [1, 'read'],
    [1, 'ok', []],
  ]
  expect(checkExactlyOnce(h([...early, ...request])).verdict).toBe('unknown')
  const effects: Parameters<typeof h>[0] = [
    [2, 'effect', undefined, 'a'],
    [2, 'ok'],
    [3, 'effect', undefined, 'a'],
  ]
  expect(checkExactlyOnce(h([...request, ...effects]))).toMatchObject({
    verdict: 'unknown',
    reason: expect.stringContaining('may have come twice') as string,
  })
  expect(checkExactlyOnce(h([...effects.slice(0, 2), ...request])).violations).toMatchObject([
    { name: 'phantom-effect', message: '"a" had an effect, but nobody had requested it' },
  ])
})

test('checkTotalQueue() accuses nobody of what may still be in the queue', () => {
  const put: Parameters<typeof h>[0] = [
    [0, 'enqueue', 'a'],
    [0, 'ok'],
  ]
  const nothing: Parameters<typeof h>[0] = [
    [1, 'dequeue'],
    [1, 'ok', null],
  ]
  expect(checkTotalQueue(h([...nothing, ...put]))).toMatchObject({
    verdict: 'unknown',
    reason: expect.stringContaining('not found empty') as string,
  })
  expect(checkTotalQueue(h([...put, ...nothing])).verdict).toBe('violated')
})

test('checkCausalReverse() refuses a value that may have been written twice: a retry is no causal reverse', () => {
  const first = (status: string): Parameters<typeof h>[0] => [
    [0, 'write', 1],
    [0, status],
    [1, 'read'],
    [1, 'ok', status === 'fail' ? [] : [1]],
    [2, 'write', 1],
    [2, 'ok'],
  ]
  expect(() => checkCausalReverse(h(first('unknown')))).toThrow(/#0 wrote 1 as well/)
  expect(checkCausalReverse(h(first('fail'))).verdict).toBe('ok')
})

test('checkLongFork() takes undefined and the initial value for not written, and own writes for no news', () => {
  const read = (process: number, op: string, ...steps: unknown[]): Parameters<typeof h>[0] => [
    [process, op],
    [process, 'ok', steps],
  ]
  const ahead = (none: unknown): Parameters<typeof h>[0] => [
    ...read(0, 'read', ['r', 'x', 1], ['r', 'y', none]),
    ...read(1, 'read', ['r', 'x', none], ['r', 'y', 1]),
  ]
  expect(checkLongFork(h(ahead(undefined))).verdict).toBe('violated')
  expect(checkLongFork(h(ahead(0), 0)).verdict).toBe('violated')
  const skew = [
    ...read(0, 'txn', ['w', 'x', 1], ['r', 'x', 1], ['r', 'y', null]),
    ...read(1, 'txn', ['w', 'y', 1], ['r', 'y', 1], ['r', 'x', null]),
  ]
  expect(checkLongFork(h(skew)).verdict).toBe('ok')
})

test('fractions and missing answers are refused, not judged', () => {
  const one = (op: string, input: unknown, output: unknown): ReturnType<typeof h> =>
    h([
      [0, op, input],
      [0, 'ok', output],
    ])
  expect(() => checkCounterBounds(one('add', 0.1, undefined))).toThrow(/whole number \(count in the smallest/)
  expect(() => checkBank(one('read', undefined, { a: 0.1 }))).toThrow(/whole number/)
  expect(() => checkNoOversell(one('take', 0.1, true), { stock: 1 })).toThrow(/whole number/)
  expect(() => checkUnorderedQueue(one('dequeue', undefined, undefined))).toThrow(/or null/)
  expect(() => checkUniqueIds(one('generate', undefined, undefined))).toThrow(/must put out the id/)
})

test.each<[string, (history: ReturnType<typeof h>) => unknown, (n: number) => ReturnType<typeof h>]>([
  [
    'checkUnorderedQueue',
    (history) => checkUnorderedQueue(history),
    (n) => many(n, { op: 'enqueue', input: 1 }, { op: 'dequeue', output: 1 }),
  ],
  [
    'checkSetFull',
    (history) => checkSetFull(history),
    (n) => many(n, { op: 'add' }, { op: 'read', output: [] }),
  ],
  [
    'checkCausalReverse',
    (history) => checkCausalReverse(history),
    (n) => many(n, { op: 'write' }, { op: 'read', output: [n - 1] }),
  ],
  [
    'checkCounterBounds',
    (history) => checkCounterBounds(history),
    (n) => many(n, { op: 'add', input: 1 }, { op: 'read', output: -1 }),
  ],
  [
    'checkNoOversell',
    (history) => checkNoOversell(history, { stock: 0 }),
    (n) => many(n, { op: 'take', input: 1 }, { op: 'take', input: 1 }),
  ],
])('%s takes linear time where everything is alike or everything is broken', (_, check, historyOf) => {
  expect(growthOf(3_000, historyOf, check)).toBeLessThan(MOST_IF_LINEAR)
})

/** One process that does the first thing n times, each with an input of its own, then the second one. */
function many(n: number, first: Step, second: Step): ReturnType<typeof h> {
  const operations = Array.from({ length: 2 * n }, (_, index) => ({
    index,
    process: 0,
    status: 'ok' as const,
    start: 2 * index,
    end: 2 * index + 1,
    input: index < n ? index : undefined,
    ...(index < n ? first : second),
  }))
  return { operations, faults: [], realTime: true }
}

test('a result lists at most maxViolations, and counts all', () => {
  const ids = h(
    Array.from({ length: 20 }, (_, i) => [[0, 'generate'] as const, [0, 'ok', i % 10] as const]).flat(),
  )
  expect(checkUniqueIds(ids, { maxViolations: 3 })).toMatchObject({ violationCount: 10, verdict: 'violated' })
  expect(checkUniqueIds(ids, { maxViolations: 3 }).violations).toHaveLength(3)
})
