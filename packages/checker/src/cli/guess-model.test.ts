import { expect, test } from 'vitest'
import type { History } from '../history.ts'
import { createHistory } from '../recorder.ts'
import { guessModel } from './guess-model.ts'

/** A history of completed operations: `[op, input, output]`. */
function history(
  operations: readonly (readonly [op: string, input?: unknown, output?: unknown])[],
  initial?: unknown,
): History {
  const recorded = createHistory({ initial })
  for (const [op, input, output] of operations) recorded.start({ process: 0, op, input }).ok(output)
  return recorded
}

const w = [['w', 'x', 1]]
const append = [['append', 'x', 1]]
test.each<[string, History]>([
  [
    'register',
    history([
      ['write', 1],
      ['read', undefined, 1],
    ]),
  ],
  [
    'register',
    history([
      ['write', [1]],
      ['read', undefined, [1]],
    ]),
  ],
  [
    'causal-reverse',
    history([
      ['write', 1],
      ['read', undefined, [1]],
    ]),
  ],
  [
    'cas-register',
    history([
      ['read', undefined, 1],
      ['cas', [1, 2]],
    ]),
  ],
  [
    'kv',
    history([
      ['get', undefined, ''],
      ['append', 'a'],
    ]),
  ],
  ['kv', history([['put', 'a']])],
  ['unique-ids', history([['generate', undefined, 1]])],
  [
    'bank',
    history([
      ['transfer', {}],
      ['read', undefined, { a: 1 }],
    ]),
  ],
  [
    'total-queue',
    history([
      ['enqueue', 1],
      ['drain', undefined, [1]],
    ]),
  ],
  [
    'no-oversell',
    history([
      ['take', 1],
      ['read', undefined, 3],
    ]),
  ],
  [
    'exactly-once',
    history([
      ['request', 'a'],
      ['effect', 'a'],
    ]),
  ],
  [
    'list-append',
    history([
      ['txn', w],
      ['txn', append],
    ]),
  ],
  ['rw-register', history([['txn', w]])],
  ['rw-register', { ...history([['txn', w]], 0), realTime: false }],
])('guessModel() says %s', (model, operations) => {
  expect(guessModel(operations)).toBe(model)
})

test.each<[string, History]>([
  ['register, causal-reverse', history([['write', 1]])],
  ['mutex, fenced-mutex', history([['acquire'], ['release']])],
  [
    'set, set-full, set-final-read',
    history([
      ['add', 1],
      ['read', undefined, [1]],
    ]),
  ],
  [
    'counter, counter-bounds',
    history([
      ['add', 1],
      ['read', undefined, 1],
    ]),
  ],
  [
    'queue, unordered-queue, total-queue',
    history([
      ['enqueue', 1],
      ['dequeue', undefined, 1],
    ]),
  ],
  ['rw-register, multi-register', history([['txn', w]], 0)],
])('guessModel() does not choose between %s', (models, operations) => {
  expect(() => guessModel(operations)).toThrow(`the operations fit ${models} (`)
})

test('guessModel() says that it knows none', () => {
  expect(() => guessModel(history([['write', 1], ['generate']]))).toThrow(
    'no model has these operations (write, generate)',
  )
})
