import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createTwoPhaseSet,
  DecodeError,
  decodeTwoPhaseSet,
  DuplicateReplicaError,
  type SetElement,
  type TwoPhaseSet,
  twoPhaseSetFromJSON,
} from './index.ts'

const set = (replica: string, ...elements: string[]): TwoPhaseSet<string> => {
  const made = createTwoPhaseSet({ replica })
  for (const element of elements) made.add(element)
  return made
}
const sorted = (of: Iterable<string>): string[] => [...of].toSorted()

test('what was removed never comes back (Shapiro et al. 2011, section 3.3.2)', () => {
  const a = set('a', 'x', 'y')
  expect(a.remove('x').isEmpty).toBe(false)
  expect([a.add('x').isEmpty, a.has('x'), a.wasRemoved('x'), a.size, sorted(a)]).toEqual([
    true,
    false,
    true,
    1,
    ['y'],
  ])
})

test('an element must be there to be removed (Shapiro et al. 2011, precondition of remove)', () => {
  const a = set('a')
  expect(a.remove('x').isEmpty).toBe(true)
  a.add('x')
  expect([a.has('x'), a.remove('x').isEmpty, a.remove('x').isEmpty]).toEqual([true, false, true])
})

test('a removal wins over adds that did not know of it, in any order (Akka contrib TwoPhaseSet: removes win)', () => {
  const a = set('a', 'x')
  const first = a.encode()
  const [b, c] = [set('b', 'x'), set('c')]
  const removal = a.remove('x')
  const add = b.add('y').merge(b.deltaSince(c.version))
  for (const order of [
    [removal, add],
    [add, removal],
  ]) {
    const reader = createTwoPhaseSet({ replica: 'reader' })
    for (const delta of order) reader.merge(delta.encode())
    reader.merge(first)
    expect([sorted(reader), reader.wasRemoved('x'), reader.size]).toEqual([['y'], true, 1])
  }
})

test('two removals of one element are one', () => {
  const [a, b] = [set('a', 'x'), set('b')]
  b.merge(a)
  const [byA, byB] = [a.remove('x'), b.remove('x')]
  a.merge(byB)
  b.merge(byA)
  expect(a.encode()).toEqual(b.encode())
  expect([
    a.size,
    a.wasRemoved('x'),
    decodeTwoPhaseSet(a.encode(), { replica: 'c' }).add('x').isEmpty,
  ]).toEqual([0, true, true])
})

test('deltaSince() is exact, also after removals', () => {
  const [a, b] = [set('a', 'x', 'y'), set('b', 'z')]
  a.remove('x')
  a.merge(b)
  b.merge(a.deltaSince(b.version))
  b.remove('z')
  a.merge(b.deltaSince(a.version).encode())
  expect([a.deltaSince(b.version).isEmpty, b.deltaSince(a.version).isEmpty]).toEqual([true, true])
  expect(a.encode()).toEqual(b.encode())
})

test('a removed element keeps one entry, whoever had added it', () => {
  const a = set('a')
  for (let i = 0; i < 100; i++) a.add(`e${i}`)
  const full = a.encode().length
  for (let i = 0; i < 100; i++) a.remove(`e${i}`)
  expect([a.size, a.encode().length < full + 250]).toEqual([0, true])
})

test('a replica that is gone leaves its elements and its removals to its heir', () => {
  const [gone, heir] = [set('gone', 'x', 'y'), set('heir')]
  gone.remove('x')
  heir.merge(gone)
  heir.retire('gone')
  expect(heir.forget('gone', heir.version)).toBe(true)
  expect([sorted(heir), heir.wasRemoved('x'), heir.add('x').isEmpty]).toEqual([['y'], true, true])
})

test('what takes an element or its removal away is refused, and changes nothing', () => {
  const codes = createTwoPhaseSet({ replica: 'a' })
  codes.add('used')
  codes.remove('used')
  codes.add('free')
  const before = codes.encode()
  // A state in which these events of a are known and have left nothing.
  const forged = (from: number, to: number, ...entries: object[]) =>
    twoPhaseSetFromJSON(
      { type: '2p-set', context: { a: [[from, to]], mallory: [[1, 1]] }, entries },
      { replica: 'mallory' },
    )
  const put = (element: string, adds: boolean): object => ({ element, adds, node: 'mallory', counter: 1 })
  for (const source of [
    forged(1, 3),
    forged(1, 3, put('used', true)),
    forged(4, 4),
    forged(1, 4, put('used', false)),
  ]) {
    expect(() => codes.merge(source)).toThrow(DecodeError)
    expect(() => codes.merge(source.encode())).toThrow(DecodeError)
  }
  expect(codes.encode()).toEqual(before)
  // As an heir does it.
  expect(codes.merge(forged(1, 3, put('used', false)))).toBe(true)
  expect([codes.wasRemoved('used'), codes.has('free')]).toEqual([true, true])
})

test('elements of all kinds; JSON comes back as it went', () => {
  const a = createTwoPhaseSet<SetElement>({ replica: 'a' })
  for (const element of ['1', 1, 1n, -0]) a.add(element)
  a.remove(0)
  const again = twoPhaseSetFromJSON<SetElement>(JSON.parse(JSON.stringify(a)), { replica: 'b' })
  expect(again.value).toEqual(new Set(['1', 1, 1n]))
  expect(again.encode()).toEqual(a.encode())
  expect(() => a.add(Number.NaN)).toThrow(TypeError)
})

test('a second writer under the same name is found; another type is refused', () => {
  const a = set('a', 'x')
  const twin = a.clone()
  a.remove('x')
  for (const element of ['u', 'v', 'w']) twin.add(element)
  expect(() => a.merge(twin)).toThrow(DuplicateReplicaError)
  expect(() => decodeTwoPhaseSet(Uint8Array.of(1, 10, 0, 0), { replica: 'a' })).toThrow(DecodeError)
  // An entry that neither adds nor removes.
  const bytes = set('a', 'x').encode()
  bytes[bytes.length - 1] = 2
  expect(() => decodeTwoPhaseSet(bytes, { replica: 'b' })).toThrow(/neither adds nor removes/)
})

test('random plays: a replica has what was added and not removed by all it has heard of', () => {
  const step = fc.record({
    at: fc.nat({ max: 2 }),
    to: fc.nat({ max: 2 }),
    do: fc.constantFrom('add', 'remove', 'sync', 'state'),
    element: fc.nat({ max: 5 }),
  })
  type Model = { readonly added: Set<number>; readonly removed: Set<number> }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const sets = ['a', 'b', 'c'].map((replica) => createTwoPhaseSet<number>({ replica }))
      const models = sets.map((): Model => ({ added: new Set(), removed: new Set() }))
      for (const { at, to, do: what, element } of steps) {
        const [one, model] = [sets[at] as TwoPhaseSet<number>, models[at] as Model]
        if (what === 'add') {
          one.add(element)
          model.added.add(element)
        } else if (what === 'remove') {
          one.remove(element)
          if (model.added.has(element)) model.removed.add(element)
        } else {
          const [other, heard] = [sets[to] as TwoPhaseSet<number>, models[to] as Model]
          other.merge(what === 'sync' ? one.deltaSince(other.version).encode() : one.encode())
          for (const each of model.added) heard.added.add(each)
          for (const each of model.removed) heard.removed.add(each)
        }
        for (const [i, made] of sets.entries()) {
          const { added, removed } = models[i] as Model
          const left = new Set([...added].filter((each) => !removed.has(each)))
          expect(made.value).toEqual(left)
          expect(made.size).toBe(left.size)
        }
      }
    }),
  )
})
