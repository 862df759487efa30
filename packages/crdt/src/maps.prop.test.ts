// Registers and maps against a slow and obvious model; see `test/map-model.ts`. The laws that all types have in
// common are in `all-types.prop.test.ts`.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { heal, type Node, play, stepsOf, SUBJECTS } from '../test/map-model.ts'

describe.each(SUBJECTS)('$name', (subject) => {
  test('5 replicas on a network that loses, repeats and reorders: each is what the model says after each step, and all are equal in the end', () => {
    fc.assert(
      fc.property(stepsOf(subject), (steps) => {
        const nodes = play(subject, steps)
        const expected = heal(subject, nodes)
        const [first] = nodes as [Node]
        for (const { crdt } of nodes) {
          expect(subject.seen(crdt)).toEqual(expected)
          expect(crdt.encode()).toEqual(first.crdt.encode())
          expect(crdt.hasGaps).toBe(false)
          expect(crdt.version.compare(first.crdt.version)).toBe('equal')
        }
      }),
      { numRuns: subject.name === 'or-map' ? 600 : 300 },
    )
  })

  test('a delta of a group is what the deltas one by one are', () => {
    fc.assert(
      fc.property(fc.array(subject.op, { minLength: 1, maxLength: 12 }), (ops) => {
        const [one, other] = [subject.make('a', () => 1), subject.make('a', () => 1)]
        const [byGroup, byOne] = [subject.make('b', () => 1), subject.make('b', () => 1)]
        byGroup.merge(subject.edit(one, ops).encode())
        for (const op of ops) byOne.merge(subject.edit(other, [op]).encode())
        expect(byGroup.encode()).toEqual(byOne.encode())
        expect(one.encode()).toEqual(byOne.encode())
      }),
    )
  })
})
