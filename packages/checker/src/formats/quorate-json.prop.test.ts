import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { History } from '../history.ts'
import { createHistory } from '../recorder.ts'
import { parseHistory } from './parse-history.ts'
import { serializeHistory } from './quorate-json.ts'

/** What JSON can hold, and whole numbers that only a bigint can. */
const value = fc.oneof(
  fc
    .jsonValue({ maxDepth: 3 })
    .map((json) => JSON.parse(JSON.stringify(json).replaceAll('__proto__', 'proto')) as unknown),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }),
  fc.record({ big: fc.bigInt({ min: 2n ** 60n, max: 2n ** 61n }), text: fc.string({ unit: 'binary' }) }),
)
const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('__proto__', '\u0000', '"', '\n'))
const step = fc.record({
  process: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', '0', '')),
  op: name,
  key: fc.option(fc.oneof(name, fc.integer()), { nil: undefined }),
  value,
  answer: fc.constantFrom('ok', 'fail', 'unknown', 'later', 'fault'),
})

/** A recording of these steps; what is answered `later` stays open as long as its process is not asked again. */
function recorded(
  steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  initial: unknown,
): History {
  const history = createHistory({ name: 'run', initial, clock: { monotonic: () => history_ms++ } })
  const open = new Map<unknown, { ok(output?: unknown): void }>()
  for (const { process, op, key, value: input, answer } of steps) {
    open.get(process)?.ok(input)
    open.delete(process)
    if (answer === 'fault') {
      const fault = history.fault({ name: op, targets: [String(process)] })
      if (key !== undefined) fault.end()
      continue
    }
    const call = history.start({ process, op, key, input })
    if (answer === 'later') open.set(process, call)
    else if (answer === 'ok') call.ok(input)
    else call[answer]()
  }
  return history
}
let history_ms = 0

test('parseHistory() gives back what serializeHistory() wrote', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20, size: 'max' }), value, (steps, initial) => {
      const history = recorded(steps, initial)
      const text = serializeHistory(history)
      const read = parseHistory(text)
      expect(read.operations.map((operation) => ({ ...operation, line: undefined }))).toEqual(
        history.operations,
      )
      expect(read.faults).toEqual(history.faults)
      expect({ ...read, operations: 0, faults: 0 }).toEqual({
        name: 'run',
        initial,
        realTime: true,
        operations: 0,
        faults: 0,
      })
      const lines = text.split('\n')
      for (const { op, line } of read.operations)
        expect(lines[(line ?? 0) - 1]).toContain(`"op":${JSON.stringify(op)}`)
      expect(serializeHistory(read)).toBe(text)
    }),
    { numRuns: 500 },
  )
})

test('serializeHistory() refuses what JSON has no word for', () => {
  for (const [input, message] of [
    [Number.NaN, 'Cannot serialize operation #0: JSON has no word for NaN'],
    [[Infinity], 'Cannot serialize operation #0: JSON has no word for Infinity'],
    [() => 1, 'Cannot serialize operation #0: JSON has no word for a function'],
    [Symbol('a'), 'Cannot serialize operation #0: JSON has no word for a symbol'],
  ] as const) {
    const history = createHistory()
    history.start({ process: 1, op: 'write', input }).ok()
    expect(() => serializeHistory(history)).toThrow(new TypeError(message))
  }
})

const good = { process: 1, op: 'read', status: 'ok', start: 0, end: 1 }
test.each<[string, object, string]>([
  ['no process', { ...good, process: null }, 'process must be a text or a number'],
  ['no op', { ...good, op: 3 }, 'op must be a text'],
  ['a strange status', { ...good, status: 'info' }, 'status must be ok, fail or unknown'],
  ['a start that is no place', { ...good, start: -1 }, 'start must be a whole number from 0'],
  ['an end that is no place', { ...good, end: 1.5 }, 'end must be a whole number from 0'],
  ['an end before the start', { ...good, start: 2 }, 'end must come after start'],
  ['ok without an end', { ...good, end: undefined }, 'an operation ends exactly if its status is ok or fail'],
  [
    'unknown with an end',
    { ...good, status: 'unknown' },
    'an operation ends exactly if its status is ok or fail',
  ],
  ['a strange time', { ...good, startMs: 'soon' }, 'startMs must be a number'],
  ['a strange key', { ...good, key: {} }, 'key must be a text or a number'],
  ['a list', [], 'an object is expected'],
])('parseHistory() refuses an operation with %s', (_name, operation, reason) => {
  const document = {
    format: 'quorate-history',
    version: 1,
    realTime: true,
    faults: [],
    operations: [operation],
  }
  expect(() => parseHistory(JSON.stringify(document))).toThrow(expect.objectContaining({ reason }))
})

test('parseHistory() refuses operations that do not fit together', () => {
  const read = (operations: object[], faults: object[] = []): History =>
    parseHistory(
      JSON.stringify({ format: 'quorate-history', version: 1, realTime: true, faults, operations }, null, 1),
    )
  expect(() => read([good, { ...good, process: 2 }])).toThrow('place 0 is taken twice')
  expect(() =>
    read([
      { ...good, end: 3 },
      { ...good, start: 1, end: 2 },
    ]),
  ).toThrow(/process 1 begins before its operation of line \d+ ends/)
  expect(() => read([], [{ name: 'kill', targets: 'all', start: 0 }])).toThrow(
    'targets must be a list of names',
  )
  expect(read([{ ...good, process: 2, start: 2, end: 3 }, good]).operations).toMatchObject([
    { index: 0, process: 1 },
    { index: 1, process: 2 },
  ])
})
