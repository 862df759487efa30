// Registers and maps against a slow and obvious model; see `test/map-model.ts`. The laws that all types have in
// common are in `all-types.prop.test.ts`.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AnyCrdt, heal, type Node, play, stepsOf, SUBJECTS } from '../test/map-model.ts'
import type { Delta, LwwMap } from './index.ts'

type AnyMap = AnyCrdt & Pick<LwwMap, 'forget'> & { retire(gone: string): Delta }

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
      { numRuns: subject.name === 'or-map' ? 200 : 100 },
    )
  })

  test('a replica that is gone is taken over and forgotten: the value stays, its name goes, and all are equal', () => {
    // Values that stand are listed in the order of their replicas, which changes.
    const sorted = (seen: unknown): unknown =>
      JSON.parse(JSON.stringify(seen instanceof Map ? [...seen] : seen), (_, one: unknown) =>
        Array.isArray(one) ? one.map((part) => JSON.stringify(part)).toSorted() : one,
      )
    fc.assert(
      fc.property(stepsOf(subject), stepsOf(subject), (steps, more) => {
        const nodes = play(subject, steps)
        heal(subject, nodes)
        const [heir, gone, ...others] = nodes.map(({ crdt }) => crdt) as [AnyMap, AnyMap, ...AnyMap[]]
        const before = sorted(subject.seen(heir) ?? null)
        const delta = heir.retire(gone.replica).encode()
        for (const other of others) other.merge(delta)
        const stable = heir.version
        for (const one of [heir, ...others]) {
          expect(sorted(subject.seen(one) ?? null)).toEqual(before)
          expect(one.forget(gone.replica, stable)).toBe(true)
          expect(one.encode()).toEqual(heir.encode())
          expect(one.version.get(gone.replica)).toBe(0)
        }
        // They go on as if it had never been there.
        for (const step of more) {
          if (step.step === 'edit') (others[0] as AnyMap).merge(subject.edit(heir, step.ops).encode())
        }
        expect(others[0]?.encode()).toEqual(heir.encode())
      }),
      { numRuns: 60 },
    )
  })

  test('a delta of a group is what the deltas one by one are', () => {
    fc.assert(
      fc.property(fc.array(subject.op, { minLength: 1, maxLength: 12, size: 'max' }), (ops) => {
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
