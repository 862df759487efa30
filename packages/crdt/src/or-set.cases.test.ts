// Cases of other implementations of the OR-Set, told anew as black-box tests; each names where it was met.
import { expect, test } from 'vitest'
import { createOrSet, type OrSet } from './index.ts'

const [JOHN, SONNY, CHARLIE, CHARLES] = ['john', 'sonny', 'charlie', 'charles'] as const

const set = (replica: string, ...elements: string[]): OrSet<string> => {
  const made = createOrSet({ replica })
  for (const element of elements) made.add(element)
  return made
}
const as = (of: OrSet<string>, replica: string): OrSet<string> => of.clone({ replica })
const sorted = (of: Iterable<string>): string[] => [...of].toSorted()
/** Both ways give the same elements and bytes. */
function mergedBothWays(a: OrSet<string>, b: OrSet<string>): string[] {
  const [one, two] = [as(a, 'one'), as(b, 'two')]
  one.merge(b)
  two.merge(a.encode())
  expect(one.encode()).toEqual(two.encode())
  return sorted(one)
}

test('Akka ORSetSpec: what was added is there, what was removed is not, also beside a state from before', () => {
  const a = set('1', JOHN, SONNY, CHARLES, CHARLIE)
  expect(sorted(a)).toEqual([CHARLES, CHARLIE, JOHN, SONNY])
  const before = as(a, 'before')
  for (const user of [SONNY, JOHN, CHARLES, CHARLIE]) a.remove(user)
  expect([...a]).toEqual([])
  expect(mergedBothWays(a, before)).toEqual([])
})

test('Akka ORSetSpec: remove and add several times', () => {
  const a = createOrSet({ replica: '1' })
  expect(a.remove(JOHN).isEmpty).toBe(true)
  for (let i = 0; i < 3; i++) {
    a.add(JOHN)
    a.add(SONNY)
    expect(sorted(a)).toEqual([JOHN, SONNY])
    a.remove(JOHN)
    expect([...a]).toEqual([SONNY])
  }
})

test('Akka ORSetSpec: sets with nothing in common', () => {
  const b = set('2', CHARLIE, CHARLES)
  b.remove(CHARLIE)
  expect(mergedBothWays(set('1', JOHN, SONNY), b)).toEqual([CHARLES, JOHN, SONNY])
})

test('Akka ORSetSpec: each removal only takes away the add of its own replica', () => {
  const a = set('1', JOHN, SONNY, CHARLIE)
  a.remove(JOHN)
  a.remove(CHARLIE)
  const b = set('2', JOHN, SONNY, CHARLIE, CHARLES)
  b.remove(CHARLIE)
  expect(mergedBothWays(a, b)).toEqual([CHARLES, JOHN, SONNY])
})

test('Akka ORSetSpec: concurrent updates of a common state', () => {
  const a = set('1', JOHN, SONNY, CHARLIE)
  const b = as(a, '2')
  b.add(JOHN)
  b.remove(SONNY)
  b.remove(CHARLIE)
  expect(mergedBothWays(a, b)).toEqual([JOHN])
  a.add(CHARLES)
  a.remove(CHARLIE)
  a.add(SONNY)
  expect(mergedBothWays(a, b)).toEqual([CHARLES, JOHN, SONNY])
})

test('Akka ORSetSpec: a removal by one who never added', () => {
  const a = set('1', JOHN, SONNY)
  const b = as(a, '2')
  b.remove(SONNY)
  expect(mergedBothWays(a, b)).toEqual([JOHN])
  a.add(CHARLIE)
  expect(mergedBothWays(a, b)).toEqual([CHARLIE, JOHN])
})

test('Akka ORSetSpec, deltas: of additions, also of one element at two places', () => {
  const a = createOrSet({ replica: '1' })
  const reader = createOrSet({ replica: 'r' })
  reader.merge(a.add('a'))
  reader.merge(a.add('b').merge(a.add('c')))
  expect(reader.encode()).toEqual(a.encode())
  const b = as(a, '2')
  const [mine, theirs] = [a.add('d'), b.add('d')]
  a.merge(theirs)
  b.merge(mine)
  expect(a.encode()).toEqual(b.encode())
  // Both adds are there: one of them removed is not the other.
  const alone = set('3')
  alone.merge(theirs)
  alone.remove('d')
  b.merge(alone)
  expect(b.has('d')).toBe(true)
})

test('Akka ORSetSpec, deltas: groups of adds and removals, in the order of the group or not', () => {
  const a = createOrSet({ replica: '1' })
  const [add, again] = [a.add('a'), a.add('b')]
  const adds = add.merge(again)
  const both = as(a, 'both')
  const withRemoval = adds.merge(a.remove('b'))
  const all = withRemoval.merge(a.add('c')).merge(a.add('d'))
  for (const reader of [createOrSet({ replica: 'r' }), both]) {
    reader.merge(withRemoval)
    expect([...reader]).toEqual(['a'])
    reader.merge(all)
    reader.merge(adds)
    expect(reader.encode()).toEqual(a.encode())
  }
})

test('Akka ORSetSpec, deltas: a removal and a clear do not take what was added again', () => {
  const a = set('1', 'a', 'b')
  const b = as(a, '2')
  b.add('c')
  const removal = a.remove('b')
  b.merge(removal)
  expect(sorted(b)).toEqual(['a', 'c'])
  b.add('b')
  expect(b.merge(removal)).toBe(false)
  expect(sorted(b)).toEqual(['a', 'b', 'c'])
  a.merge(b)
  b.add('d')
  const clear = a.clear()
  b.merge(clear)
  expect([...b]).toEqual(['d'])
  b.add('b')
  expect(b.merge(clear)).toBe(false)
  expect(sorted(b)).toEqual(['b', 'd'])
})

test('Akka ORSetSpec, deltas: mixed scenarios 1 to 3', () => {
  const first = createOrSet({ replica: '1' })
  const none = first.remove('e')
  const group = none.merge(first.add('b')).merge(first.add('a')).merge(first.remove('b'))
  const z = set('2', 'z')
  z.merge(group)
  expect(sorted(z)).toEqual(['a', 'z'])

  const a = createOrSet({ replica: '1' })
  const adds = a.add('a').merge(a.add('b'))
  const b = as(a, '2')
  const byOther = b.add('a')
  a.merge(byOther)
  const removal = a.remove('a')
  const [knowsBoth, knowsOne] = [set('3'), set('4')]
  knowsBoth.merge(adds)
  knowsBoth.merge(byOther)
  knowsBoth.add('z')
  knowsBoth.merge(removal)
  expect(sorted(knowsBoth)).toEqual(['b', 'z'])
  knowsOne.merge(adds)
  knowsOne.add('a')
  knowsOne.merge(removal)
  expect(sorted(knowsOne)).toEqual(['a', 'b'])
})

test('Akka ORSetSpec, deltas: no anomalies when a delta of one comes before another, and the state after', () => {
  const one = createOrSet({ replica: '1' })
  const first = one.add('q').merge(one.remove('q'))
  const second = one.add('z').merge(one.remove('z'))
  const two = createOrSet({ replica: '2' })
  two.merge(first)
  const x = two.add('x')
  const three = createOrSet({ replica: '3' })
  for (const delta of [first, x, second]) three.merge(delta)
  const gone = two.add('a').merge(two.remove('a'))
  const [byState, byDelta] = [as(three, 's'), as(three, 'd')]
  byState.merge(two)
  byDelta.merge(gone)
  expect([[...byState], [...byDelta]]).toEqual([['x'], ['x']])
  expect(byState.encode()).toEqual(byDelta.encode())
})

test('riak_dt_orswot, disjoint merge: to know more in all is no reason to skip the merge', () => {
  const a = set('1', 'bar')
  const both = as(a, 'c')
  both.merge(set('2', 'baz'))
  a.remove('bar')
  expect(mergedBothWays(a, both)).toEqual(['baz'])
})

test('riak_dt_orswot, present but removed: what two hold by different adds, each of which the other knows removed, is gone', () => {
  const a = set('a', 'z')
  const c = as(a, 'c')
  a.remove('z')
  const b = set('b', 'z')
  a.merge(b)
  b.remove('z')
  // The order counts: the two that hold z come first.
  a.merge(c)
  a.merge(b)
  expect([...a]).toEqual([])
})

test('riak_dt_orswot, no dots left: the same with the old add at the other side', () => {
  const [a, b] = [set('a', 'z'), set('b', 'z')]
  const c = as(a, 'c')
  a.remove('z')
  a.merge(b)
  b.remove('z')
  b.merge(c)
  a.merge(b)
  a.merge(c)
  expect([...a]).toEqual([])
})

test('riak_dt_orswot, dead node: what one who will never come back had seen does not keep an element', () => {
  const a = set('a', 'A')
  const b = as(a, 'b')
  b.add('B') // nobody hears of it
  a.remove('A')
  expect([...a]).toEqual([])
  expect(mergedBothWays(a, b)).toEqual(['B'])
})

test('riak_dt_orswot, batch order: a group keeps the order of its edits', () => {
  const a = set('a', 'bar', 'baz')
  const reader = as(a, 'r')
  reader.merge(a.remove('baz').merge(a.add('baz')))
  expect(sorted(reader)).toEqual(['bar', 'baz'])
  reader.merge(a.add('baz').merge(a.remove('baz')))
  expect([...reader]).toEqual(['bar'])
})

test('riak_dt_orswot, stats: one entry is left of two adds of one element, one of another and a removal', () => {
  const a = set('1', 'foo')
  const b = as(a, '2')
  b.add('foo')
  const c = as(b, '3')
  c.add('bar')
  a.merge(c)
  a.remove('foo')
  expect(a.toJSON().entries).toEqual([{ element: 'bar', node: '3', counter: 1 }])
})
