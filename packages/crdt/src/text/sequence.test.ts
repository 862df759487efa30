// Many who put text in at one place: how much of the document is looked at to find who stands where. In steps, so that
// the answer is the same on every machine.
import { expect, test } from 'vitest'
import { DERIVED, Insertion, NOWHERE } from './ops.ts'
import { Sequence } from './sequence.ts'

const WRITERS = 3000
const numbers = Array.from({ length: WRITERS }, (_, i) => i)
/** A fixed disorder: 7 and the number of writers have no common divisor. */
const mixed = numbers.map((i) => (i * 7 + 5) % WRITERS)
const nameOf = (i: number): string => `r${String(i).padStart(5, '0')}`
const base = new Insertion('a', 1, WRITERS + 1, 'x'.repeat(WRITERS + 1), NOWHERE, 0, NOWHERE, DERIVED)
const rightOf = (i: number, counter: number): Insertion =>
  new Insertion(nameOf(i), 1, 1, 'y', counter === 0 ? NOWHERE : 'a', counter, NOWHERE, DERIVED)
const leftOf = (i: number, counter: number): Insertion =>
  new Insertion(nameOf(i), 1, 1, 'y', NOWHERE, DERIVED, 'a', counter)

test.each<[string, Insertion[]]>([
  ['at the start, in order of names', numbers.map((i) => rightOf(i, 0))],
  ['at the start, in any order', mixed.map((i) => rightOf(i, 0))],
  ['before one character, in order of names', [base, ...numbers.map((i) => leftOf(i, 1))]],
  ['before one character, in any order', [base, ...mixed.map((i) => leftOf(i, 1))]],
  ['after each character, the last first', [base, ...numbers.map((i) => rightOf(i, WRITERS - i))]],
  ['after each character, in any order', [base, ...mixed.map((i) => rightOf(i, i + 1))]],
])('insertions %s take steps that hardly grow with their number', (_name, insertions) => {
  const sequence = new Sequence(true)
  for (const insertion of insertions) sequence.apply(insertion)
  expect(sequence.length).toBe(insertions.reduce((sum, { length }) => sum + length, 0))
  expect(sequence.steps / insertions.length).toBeLessThan(120)
})
