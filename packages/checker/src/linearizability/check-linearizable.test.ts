import { expect, test } from 'vitest'
import { HistoryContentError } from '../errors.ts'
import { parseHistory } from '../formats/index.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import { cpuMsOf } from '../testing/growth.ts'
import { dataOf, hasData, manifest, NO_DATA } from '../testing/shared-data.ts'
import { checkLinearizable } from './check-linearizable.ts'
import type { Model } from './model.ts'
import { counter } from './models/counter.ts'
import { kv } from './models/kv.ts'
import { fencedMutex, mutex } from './models/mutex.ts'
import { queue } from './models/queue.ts'
import { casRegister, register } from './models/register.ts'
import { isProof } from './testing/brute-force.ts'
import { historyOf, randomOf } from './testing/random-histories.ts'

type Given = Partial<Operation> & Pick<Operation, 'op' | 'start' | 'end'>

/** Operations of processes of their own; `ok` unless they never end. */
const given = (...operations: readonly Given[]): History =>
  historyOf(
    operations.map((operation, process) => ({
      process,
      status: operation.end === Infinity ? 'unknown' : 'ok',
      ...operation,
    })),
  )
const write = (input: unknown, start: number, end: number): Given => ({ op: 'write', input, start, end })
const read = (output: unknown, start: number, end: number): Given => ({ op: 'read', output, start, end })

test('checkLinearizable() takes an empty history and a single operation', () => {
  expect(checkLinearizable(given(), register())).toMatchObject({ verdict: 'ok', witness: [] })
  expect(checkLinearizable(given(write(1, 0, 1)), register())).toMatchObject({ verdict: 'ok', witness: [0] })
  expect(checkLinearizable(given(write(1, 0, Infinity)), register())).toMatchObject({
    verdict: 'ok',
    witness: [],
  })
})

test('a stale read is violated: the smallest set is the read and the write that it missed', () => {
  const history = given(write(1, 0, 1), write(7, 2, 3), write(2, 4, 5), read(1, 6, 7), read(2, 8, 9))
  const { verdict, counterexample, violations } = checkLinearizable(history, register())
  expect(verdict).toBe('violated')
  expect(counterexample).toMatchObject({ firstBad: 3, stateAfterPrefix: '2', isMinimal: true })
  expect(counterexample?.longestPrefix).toEqual([0, 1, 2])
  expect(counterexample?.minimal).toHaveLength(2)
  expect(violations[0]?.message).toBe(
    '#3 (read → 1 by process 3) has no place in any order of register; the longest order before it ends with 2',
  )
})

test('an unknown write may take effect late, once, or never', () => {
  const late = given(write(1, 0, Infinity), read(null, 1, 2), read(1, 3, 4))
  expect(checkLinearizable(late, register()).verdict).toBe('ok')
  const twice = given(write(1, 0, Infinity), write(2, 1, 2), read(1, 3, 4), write(3, 5, 6), read(1, 7, 8))
  expect(checkLinearizable(twice, register()).verdict).toBe('violated')
})

test('an operation that failed did not happen', () => {
  const history = given({ ...write(1, 0, 1), status: 'fail' }, read(1, 2, 3))
  expect(checkLinearizable(history, register()).verdict).toBe('violated')
})

test('initial comes from the options, else the model, else the history', () => {
  const history = { ...given(read(5, 0, 1)), initial: 5 }
  expect(checkLinearizable(history, register()).verdict).toBe('ok')
  expect(checkLinearizable(history, register({ initial: 6 })).verdict).toBe('violated')
  expect(checkLinearizable(history, register({ initial: 6 }), { initial: 5 }).verdict).toBe('ok')
})

test('keys are checked apart; the counterexample names the one whose error comes first', () => {
  const on = (key: string, operation: Given): Given => ({ ...operation, key })
  const history = given(on('a', write(1, 0, 1)), on('b', read(8, 2, 3)), on('a', read(9, 4, 5)))
  const result = checkLinearizable(history, register())
  expect(result.violationCount).toBe(2)
  expect(result.counterexample).toMatchObject({ key: 'b', firstBad: 1 })
})

test('a history without real time cannot be judged', () => {
  const result = checkLinearizable({ ...given(write(1, 0, 1)), realTime: false }, register())
  expect(result.verdict).toBe('unknown')
  expect(result.reason).toMatch('no real time')
})

test('kv() appends to text only, also where nobody reads it', () => {
  const history = given(
    { op: 'put', input: 3, start: 0, end: 1 },
    { op: 'append', input: 'x', start: 2, end: 3 },
  )
  expect(checkLinearizable(history, kv()).verdict).toBe('violated')
  const text = given(
    { op: 'put', input: '3', start: 0, end: 1 },
    { op: 'append', input: 'x', start: 2, end: 3 },
  )
  expect(checkLinearizable(text, kv()).verdict).toBe('ok')
  expect(checkLinearizable(text, kv({ initial: 3 })).verdict).toBe('ok')
})

test('mutex() may be released by another process unless it is owned', () => {
  const history = given({ op: 'acquire', start: 0, end: 1 }, { op: 'release', start: 2, end: 3 })
  expect(checkLinearizable(history, mutex()).verdict).toBe('ok')
  expect(checkLinearizable(history, mutex({ owned: true })).verdict).toBe('violated')
})

test('fencedMutex() wants tokens that grow; with leases nothing else', () => {
  const acquire = (output: number, start: number): Given => ({ op: 'acquire', output, start, end: start + 1 })
  const lost = given(acquire(3, 0), acquire(4, 2))
  expect(checkLinearizable(lost, fencedMutex()).verdict).toBe('violated')
  expect(checkLinearizable(lost, fencedMutex({ expires: true })).verdict).toBe('ok')
  const same = given(acquire(3, 0), acquire(3, 2))
  expect(checkLinearizable(same, fencedMutex({ expires: true })).verdict).toBe('violated')
})

test.each([
  [register(), { op: 'cas', input: [1, 2] }, 'register has no operation "cas"; it has read and write'],
  [casRegister(), { op: 'cas', input: 3 }, 'cas needs the input [old, new], got 3'],
  [counter(), { op: 'add', input: 'x' }, 'add needs a number, got "x"'],
  [queue(), { op: 'push', input: 1 }, 'a queue has no operation "push"; it has enqueue and dequeue'],
  [kv(), { op: 'append', input: 1 }, 'append needs a text, got 1'],
  [
    fencedMutex(),
    { op: 'acquire', output: 'x' },
    'acquire needs a token that is a whole number from 0, got "x"',
  ],
] as readonly (readonly [Model<any>, Partial<Operation> & { op: string }, string])[])(
  'what a model does not know is a HistoryContentError: %o',
  (model, operation, message) => {
    const check = (): unknown => checkLinearizable(given({ ...operation, start: 0, end: 1 }), model)
    expect(check).toThrow(HistoryContentError)
    expect(check).toThrow(message)
  },
)

const broken = (members: Partial<Model<any>>): Model<any> => ({
  name: 'mine',
  init: () => [],
  step: (state) => state,
  ...members,
})
test.each([
  [register as never, 'a factory must be called'],
  [broken({ init: () => undefined }), 'init() must return a state'],
  [broken({ key: () => 1 as never }), 'key() must return a string, got number'],
  [broken({ step: () => Promise.resolve([]) }), 'returned a promise for operation #0'],
  [broken({ step: (state: number[]) => (state.push(1), state) }), 'changed the state it was given'],
  [broken({ isOverwrite: () => true, step: () => undefined }), 'a blind write is always allowed'],
  [
    broken({
      step() {
        throw new Error('oh')
      },
    }),
    'Cannot check with model mine: step() threw for operation #0 (write): oh',
  ],
])('a broken model is a TypeError that says what is wrong: %#', (model, message) => {
  const check = (): unknown => checkLinearizable(given(write(1, 0, 1)), model)
  expect(check).toThrow(TypeError)
  expect(check).toThrow(message)
})

test('bounds must be above 0', () => {
  expect(() => checkLinearizable(given(), register(), { maxTimeMs: 0 })).toThrow(RangeError)
})

test('1,000 concurrent unknown writes do not slow a check', () => {
  for (const value of [(index: number) => index, (index: number) => index % 7]) {
    const writes = Array.from({ length: 1_000 }, (_, index) => write(value(index), index, Infinity))
    const reads = Array.from({ length: 200 }, (_, index) =>
      read(value(index * 3), 2_000 + 2 * index, 2_001 + 2 * index),
    )
    for (const algorithm of ['auto', 'search'] as const)
      expect(checkLinearizable(given(...writes, ...reads), register(), { algorithm }).verdict).toBe('ok')
    const bad = given(...writes, ...reads, read('nobody', 5_000, 5_001))
    expect(checkLinearizable(bad, register()).counterexample).toMatchObject({
      firstBad: 1_200,
      minimal: [1_200],
    })
  }
})

test('a thousand operations, all concurrent', () => {
  const operations = Array.from({ length: 1_000 }, (_, index) =>
    index % 2 === 0
      ? write(index % 10, index, 2_000 + index)
      : read((index * 3 + 1) % 10, index, 2_000 + index),
  ).map((operation) =>
    operation.op === 'read' && Number(operation.output) % 2 === 1 ? { ...operation, output: 4 } : operation,
  )
  const history = given(...operations)
  const { verdict, witness } = checkLinearizable(history, register())
  expect(verdict).toBe('ok')
  expect(isProof(history, register(), witness ?? [])).toBe(true)
})

/** Enqueues of many values at once, then one that was never put in: every order has to be tried. */
const hopeless = (): History =>
  given(
    ...Array.from({ length: 24 }, (_, index): Given => ({
      op: 'enqueue',
      input: index,
      start: index,
      end: 100 + index,
    })),
    { op: 'dequeue', output: 'nothing', start: 200, end: 201 },
  )

test('maxTimeMs: the verdict is unknown, in time, with the reason', () => {
  const search = (): ReturnType<typeof checkLinearizable> =>
    checkLinearizable(hopeless(), queue(), { algorithm: 'search', maxTimeMs: 200 })
  let result: ReturnType<typeof search> | undefined
  // Time of the processor: while the machine is busy elsewhere only the limit goes by.
  expect(cpuMsOf(() => (result = search()))).toBeLessThan(2_000)
  expect(result).toMatchObject({ verdict: 'unknown', violations: [] })
  expect(result?.reason).toMatch('maxTimeMs')
})

test('maxBytes: the verdict is unknown, and no more is used', () => {
  const result = checkLinearizable(hopeless(), queue(), { algorithm: 'search', maxBytes: 2 ** 20 })
  expect(result.verdict).toBe('unknown')
  expect(result.reason).toMatch('maxBytes (1048576)')
})

const files = hasData ? manifest().filter(({ file }) => file.startsWith('linearizability/')) : []
test.skipIf(!hasData)(`real histories get their verdicts, with proofs (skipped if ${NO_DATA})`, () => {
  expect(files).toHaveLength(115)
  for (const { file, model: name, expect: told } of files) {
    const expected = told as Readonly<Record<string, unknown>>
    if (name === 'multi-register') continue // the manifest test of the package has it
    const isKv = name.startsWith('kv')
    const model: Model<any> = isKv ? kv() : casRegister()
    const history = parseHistory(dataOf(file), { file, model: isKv ? 'kv' : name })
    const result = checkLinearizable(history, model)
    expect(`${file} ${result.verdict}`).toBe(
      `${file} ${expected['linearizable'] === true ? 'ok' : 'violated'}`,
    )
    const { verdict, counterexample, witness = [] } = result
    const isProved =
      verdict === 'violated' ? counterexample?.isMinimal : isKv || isProof(history, model, witness)
    expect(`${file} ${isProved}`).toBe(`${file} true`)
    const firstBad = history.operations[counterexample?.firstBad ?? -1]?.end
    expect(firstBad).toBe(expected['firstUnlinearizableOpIndex'] ?? firstBad)
  }
})

test('randomOf() repeats with its seed', () => {
  expect(Array.from({ length: 3 }, randomOf(1))).toEqual(Array.from({ length: 3 }, randomOf(1)))
})
