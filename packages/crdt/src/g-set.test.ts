import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createGSet,
  DecodeError,
  decodeGSet,
  DuplicateReplicaError,
  type GSet,
  gSetFromJSON,
  type SetElement,
} from './index.ts'

const set = (replica: string, ...elements: string[]): GSet<string> => {
  const made = createGSet({ replica })
  for (const element of elements) made.add(element)
  return made
}
const sorted = (of: Iterable<string>): string[] => [...of].toSorted()

// Akka, GSetSpec: elements there are users as JSON texts; so they are here.
const users = ['john', 'sonny', 'charlie', 'charles'].map((username) => JSON.stringify({ username }))
const [user1, user2, user3, user4] = users as [string, string, string, string]

test('what is added is there (Akka GSetSpec, add user)', () => {
  const a = set('a', user1, user2, user4, user3)
  expect(users.every((user) => a.has(user))).toBe(true)
  expect([a.size, a.has('other')]).toEqual([4, false])
})

test.each([
  ['unique', [user1, user2], [user3, user4]],
  ['overlapping', [user1, user2, user3], [user2, user3, user4]],
])('sets with %s elements merge to all of them, both ways (Akka GSetSpec, merge)', (_name, one, other) => {
  const [a, b] = [set('a', ...one), set('b', ...other)]
  const before = b.clone({ replica: 'c' })
  b.merge(a)
  a.merge(before)
  expect([sorted(a), sorted(b)]).toEqual([users.toSorted(), users.toSorted()])
  expect(a.encode()).toEqual(b.encode())
})

test('deltas build the state, in any order and twice (Akka GSetSpec, deltas)', () => {
  const [a, b] = [createGSet({ replica: 'a' }), createGSet({ replica: 'b' })]
  const deltas = [a.add(user1), a.add(user2), b.add(user3), b.add(user4)]
  const both = a.clone({ replica: 'c' })
  both.merge(b)
  for (const order of [deltas, deltas.toReversed(), [...deltas, ...deltas]]) {
    const reader = createGSet({ replica: 'reader' })
    for (const delta of order) reader.merge(delta)
    expect(reader.encode()).toEqual(both.encode())
    expect(reader.hasGaps).toBe(false)
  }
  expect(a.merge(deltas[0] as never)).toBe(false)
})

test('an element that is there is not added again; 0 is one element with -0', () => {
  const a = createGSet<SetElement>({ replica: 'a' })
  expect(a.add(0).isEmpty).toBe(false)
  expect([a.add(-0).isEmpty, a.add('0').isEmpty, a.add(0n).isEmpty, a.add(0n).isEmpty]).toEqual([
    true,
    false,
    false,
    true,
  ])
  expect(gSetFromJSON<SetElement>(JSON.parse(JSON.stringify(a)), { replica: 'b' }).value).toEqual(
    new Set([0, '0', 0n]),
  )
})

test('elements that bytes cannot carry are refused', () => {
  const a = createGSet<SetElement>({ replica: 'a' })
  for (const element of [Number.NaN, '\udc00', null, {}]) {
    expect(() => a.add(element as SetElement)).toThrow(TypeError)
  }
  expect(() => a.add(2 ** 60)).toThrow(RangeError)
  expect(a.size).toBe(0)
})

test('deltaSince() is exact: nothing for who has all, the new elements for who has not', () => {
  const [a, b] = [set('a', 'x', 'y'), set('b', 'y')]
  b.merge(a)
  a.merge(b)
  expect([a.deltaSince(b.version).isEmpty, b.deltaSince(a.version).isEmpty]).toEqual([true, true])
  const { version } = b
  a.add('z')
  expect(a.deltaSince(version).toJSON()).toEqual({
    type: 'g-set',
    context: { a: [[3, 3]] },
    entries: [{ element: 'z', node: 'a', counter: 3 }],
  })
})

test('a replica that is gone leaves its elements to its heir', () => {
  const [gone, heir] = [set('gone', 'x', 'y'), set('heir', 'y')]
  const old = gone.encode()
  heir.merge(gone)
  heir.retire('gone')
  expect(heir.forget('gone', heir.version)).toBe(true)
  expect(sorted(heir)).toEqual(['x', 'y'])
  expect(JSON.stringify(heir)).not.toContain('gone')
  heir.merge(old)
  expect(sorted(heir)).toEqual(['x', 'y'])
})

test('what takes an element away is refused, and changes nothing', () => {
  const votes = createGSet({ replica: 'a' })
  votes.add('x')
  votes.add('y')
  const before = votes.encode()
  // A state in which the first event of a is known and has left nothing.
  const context = { a: [[1, 1]], mallory: [[1, 2]] }
  const forged = (...entries: object[]) =>
    gSetFromJSON({ type: 'g-set', context, entries }, { replica: 'mallory' })
  for (const source of [forged(), forged({ element: 'z', node: 'mallory', counter: 2 })]) {
    expect(() => votes.merge(source)).toThrow(DecodeError)
    expect(() => votes.merge(source.encode())).toThrow(DecodeError)
  }
  expect(votes.encode()).toEqual(before)
  // As an heir does it.
  expect(votes.merge(forged({ element: 'x', node: 'mallory', counter: 2 }))).toBe(true)
  expect(votes.value).toEqual(new Set(['x', 'y']))
})

test('a second writer under the same name is found', () => {
  const a = set('a', 'x')
  const twin = a.clone()
  a.add('y')
  twin.add('z')
  const before = a.encode()
  expect(() => a.merge(twin)).toThrow(DuplicateReplicaError)
  expect(a.encode()).toEqual(before)
})

test('decodeGSet() and gSetFromJSON() refuse another type', () => {
  expect(() => decodeGSet(Uint8Array.of(1, 1, 0, 0), { replica: 'a' })).toThrow(DecodeError)
  expect(() => gSetFromJSON({ type: 'or-set', context: {}, entries: [] }, { replica: 'a' })).toThrow(
    DecodeError,
  )
})

test('random plays: a replica has what was added by all it has heard of', () => {
  const step = fc.record({
    at: fc.nat({ max: 2 }),
    to: fc.nat({ max: 2 }),
    add: fc.boolean(),
    element: fc.nat({ max: 9 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const sets = ['a', 'b', 'c'].map((replica) => createGSet<number>({ replica }))
      const models = sets.map(() => new Set<number>())
      for (const { at, to, add, element } of steps) {
        const [one, model] = [sets[at] as GSet<number>, models[at] as Set<number>]
        if (add) {
          one.add(element)
          model.add(element)
        } else {
          const other = sets[to] as GSet<number>
          other.merge(one.deltaSince(other.version).encode())
          models[to] = new Set([...(models[to] as Set<number>), ...model])
        }
        for (const [i, made] of sets.entries()) expect(made.value).toEqual(models[i])
      }
    }),
  )
})
