import { expect, test } from 'vitest'
import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import { checkLinearizable } from './check-linearizable.ts'
import type { Model } from './model.ts'
import { fencedMutex, mutex } from './models/mutex.ts'
import { queue } from './models/queue.ts'
import { casRegister, register } from './models/register.ts'

/** One after the other. */
function inTurn(...given: readonly (Partial<Operation> & Pick<Operation, 'op'>)[]): History {
  const operations = given.map((operation, index): Operation => ({
    index,
    process: 0,
    status: 'ok',
    start: 2 * index,
    end: operation.status === 'unknown' ? Infinity : 2 * index + 1,
    ...operation,
  }))
  return { operations, faults: [], realTime: true }
}

const verdictsOf = <S>(history: History, model: Model<S>): string[] =>
  (['auto', 'search'] as const).map((algorithm) => checkLinearizable(history, model, { algorithm }).verdict)

test('a register tells dates and maps apart, and NaN is NaN', () => {
  const wrote = (input: unknown, output: unknown): string[] =>
    verdictsOf(inTurn({ op: 'write', input }, { op: 'read', output }), register())
  expect(wrote(new Date(1), new Date(1))).toEqual(['ok', 'ok'])
  expect(wrote(new Date(1), new Date(2))).toEqual(['violated', 'violated'])
  expect(wrote(new Map([[1, 2]]), new Map([[1, 3]]))).toEqual(['violated', 'violated'])
  expect(wrote(Number.NaN, Number.NaN)).toEqual(['ok', 'ok'])
})

test('a cas from or to nothing is one from or to null, as a write of nothing is one of null', () => {
  const history = inTurn(
    { op: 'cas', input: [undefined, 1], output: true },
    { op: 'cas', input: [1, undefined], output: true },
    { op: 'read', output: null },
  )
  expect(checkLinearizable(history, casRegister()).verdict).toBe('ok')
})

test('a queue refuses the element null: it is what an empty queue answers', () => {
  const history = inTurn({ op: 'enqueue', input: null }, { op: 'dequeue', output: null })
  expect(() => checkLinearizable(history, queue())).toThrow(HistoryContentError)
})

test('a fenced mutex knows that a token nobody was told is at least 0', () => {
  const history = inTurn(
    { op: 'acquire', status: 'unknown' },
    { op: 'release', process: 1 },
    { op: 'acquire', output: 0, process: 1 },
  )
  expect(checkLinearizable(history, fencedMutex()).verdict).toBe('violated')
})

const bag: Model<ReadonlySet<unknown>> = {
  name: 'bag',
  init: () => new Set(),
  step(state, { op, input, output }) {
    if (op === 'add') return new Set(state).add(input)
    return state.has(input) === output ? state : undefined
  },
}

test('a model of one’s own may have sets and maps as states', () => {
  const has = (output: boolean): History => inTurn({ op: 'add', input: 1 }, { op: 'has', input: 1, output })
  expect(checkLinearizable(has(true), bag).verdict).toBe('ok')
  expect(checkLinearizable(has(false), bag).verdict).toBe('violated')
})

test('a model of one’s own may look at the process', () => {
  const model = mutex({ owned: true })
  const own: typeof model = {
    name: 'own',
    init: (initial) => model.init(initial),
    step: (state, operation) => model.step(state, operation),
  }
  const theirs = inTurn(
    { op: 'acquire', process: 1 },
    { op: 'release', process: 1 },
    { op: 'acquire', process: 2 },
  )
  const stolen = inTurn(
    { op: 'acquire', process: 1 },
    { op: 'release', process: 1 },
    { op: 'acquire', process: 1 },
    { op: 'release', process: 2 },
  )
  expect(checkLinearizable(theirs, own).verdict).toBe('ok')
  expect(checkLinearizable(stolen, own).verdict).toBe('violated')
})

class Hidden {
  readonly #value: number
  constructor(value: number) {
    this.#value = value
  }
  get value(): number {
    return this.#value
  }
}

test('states that hide what they hold need a key()', () => {
  const hidden: Model<Hidden> = {
    name: 'hidden',
    init: () => new Hidden(0),
    step: (state, { op, output }) =>
      op === 'add' ? new Hidden(state.value + 1) : state.value === output ? state : undefined,
  }
  const history = inTurn({ op: 'add' }, { op: 'read', output: 1 })
  expect(() => checkLinearizable(history, hidden)).toThrow(/states show no fields.*key\(\)/)
  expect(checkLinearizable(history, { ...hidden, key: ({ value }) => String(value) }).verdict).toBe('ok')
})

const sum: Model<number> = {
  name: 'sum',
  init: () => 0,
  step: (state, { op, input, output }) =>
    op === 'add' ? state + Number(input) : output === state ? state : undefined,
}

test.each([
  ['isRead', { isRead: () => true }, /isRead\(\) is true, but step\(\) changed the state/],
  ['isOverwrite', { isOverwrite: ({ op }: Operation) => op === 'add' }, /another state than isOverwrite\(\)/],
  ['leadsTo', { leadsTo: ({ op }: Operation) => (op === 'add' ? [7] : undefined) }, /leadsTo\(\) say/],
  ['onlyIn', { onlyIn: () => [7] }, /another state than onlyIn\(\) says/],
  ['leadsTo, no array', { leadsTo: () => 7 }, /leadsTo\(\) must return a state in an array/],
  ['partition, objects', { partition: () => ({ key: 1 }) }, /partition\(\) must return strings or numbers/],
] as const)('a model that contradicts itself is refused: %s', (_name, members, message) => {
  const history = inTurn({ op: 'add', input: 2 }, { op: 'add', input: 3 }, { op: 'read', output: 5 })
  const model = { ...sum, ...members } as unknown as Model<number>
  expect(() => checkLinearizable(history, model)).toThrow(message)
})

test.each(['isRead', 'isOverwrite', 'describe', 'partition', 'classKey'] as const)(
  'an error of %s() comes out as a TypeError with the name of the model',
  (method) => {
    const model: Model<number> = {
      ...sum,
      [method]() {
        throw new RangeError('boom')
      },
    }
    const history = inTurn({ op: 'read', output: 1 })
    expect(() => checkLinearizable(history, model)).toThrow(TypeError)
    expect(() => checkLinearizable(history, model)).toThrow(/model sum: .*boom/)
  },
)

test('an operation needs a status', () => {
  const history = inTurn({ op: 'write', input: 1, status: 'info' as 'ok' })
  expect(() => checkLinearizable(history, register())).toThrow(/status must be ok, fail or unknown, got info/)
})

test('a verdict of unknown names the bound that was given, and comes soon after it', () => {
  const enqueued = Array.from({ length: 60 }, (_, input) => ({
    op: 'enqueue',
    process: input,
    input,
    start: input,
    end: 1000 + input,
  }))
  const history = inTurn(...enqueued, { op: 'dequeue', process: 'd', output: 999, start: 500, end: 600 })
  let now = 0
  const inTime = checkLinearizable(history, queue(), {
    algorithm: 'search',
    maxTimeMs: 100,
    monotonic: () => (now += 0.3),
  })
  expect(inTime.verdict).toBe('unknown')
  expect(inTime.reason).toContain('maxTimeMs went by (100)')
  expect(now).toBeLessThan(120)
  const inSpace = checkLinearizable(history, queue(), {
    algorithm: 'search',
    maxTimeMs: Infinity,
    maxBytes: 2 ** 20,
  })
  expect(inSpace.reason).toContain('maxBytes (1048576)')
})
