import { VersionVector } from '@quorate/vector-clock'
import { expect, test } from 'vitest'
import {
  createGCounter,
  createPnCounter,
  DecodeError,
  decodeGCounter,
  decodePnCounter,
  DuplicateReplicaError,
  type GCounter,
  gCounterFromJSON,
  type PnCounter,
  RetiredReplicaError,
} from './index.ts'

const counter = (replica: string, by = 0): GCounter => {
  const made = createGCounter({ replica })
  made.increment(by)
  return made
}
const names = (of: GCounter): string[] => Object.keys(of.toJSON().counts)

/** Each hears of all that the others know. */
function sync(...all: readonly (GCounter | PnCounter)[]): void {
  for (const one of [...all, ...all]) for (const other of all) if (other !== one) other.merge(one.encode())
}

/** What all of them have reached. */
function reached(...all: readonly (GCounter | PnCounter)[]): VersionVector {
  const nodes = all.flatMap(({ version }) => [...version].map(([node]) => node))
  return VersionVector.of(
    nodes.map((node) => [node, Math.min(...all.map(({ version }) => version.get(node)))] as const),
  )
}

test('an heir takes the counts over, all see the same sum, and in the end the name is gone (Akka GCounterSpec, pruning)', () => {
  const [node1, node2, node3] = [counter('node1', 1), counter('node2', 1), counter('node3')]
  sync(node1, node2, node3)
  const before = node2.version
  node3.merge(node2.retire('node1'))
  expect([names(node2), node2.value, names(node3), node3.value]).toEqual([['node2'], 2, ['node2'], 2])
  expect(node2.version.dominates(before)).toBe(true)

  expect(node3.forget('node1', before)).toBe(false)
  const stable = reached(node2, node3)
  for (const node of [node2, node3]) expect(node.forget('node1', stable)).toBe(true)
  expect(node2.toJSON()).toEqual({ type: 'g-counter', counts: { node2: 2 } })
  expect(node3.encode()).toEqual(node2.encode())
  expect(node2.version.get('node1')).toBe(0)
})

test('both directions are taken over (Akka PNCounterSpec, pruning)', () => {
  const [node1, node2] = [createPnCounter({ replica: 'node1' }), createPnCounter({ replica: 'node2' })]
  node1.increment(4)
  node1.decrement(1)
  node2.decrement(2)
  node2.merge(node1)
  node2.retire('node1')
  expect(node2.forget('node1', node2.version)).toBe(true)
  expect(node2.toJSON()).toEqual({ type: 'pn-counter', counts: { node2: [4, 3] } })
  expect(node2.value).toBe(1)
})

test('a peer that has not heard of it, or has not forgotten yet, does not bring the count back', () => {
  const [gone, heir, late, third] = [
    counter('gone', 5),
    counter('heir', 1),
    counter('late', 1),
    counter('third'),
  ]
  sync(gone, heir, late, third)
  const old = gone.encode()
  heir.retire('gone')
  heir.merge(late)
  heir.merge(old)
  expect([heir.value, heir.deltaSince(reached(heir, late)).isEmpty]).toEqual([7, false])
  late.merge(heir.deltaSince(late.version))
  third.merge(late)
  expect([late.value, third.value]).toEqual([7, 7])

  expect(heir.forget('gone', reached(heir, late, third))).toBe(true)
  // The other two still know the name. Neither side owes the other anything, and no count is doubled.
  expect(late.deltaSince(heir.version).isEmpty && heir.deltaSince(late.version).isEmpty).toBe(true)
  expect([heir.merge(third), heir.value, names(heir)]).toEqual([false, 7, ['heir', 'late']])
  late.merge(heir)
  expect(late.encode()).toEqual(heir.encode())
})

test('a new replica learns the sum from one that has forgotten and from one that has not', () => {
  const [gone, heir, other] = [counter('gone', 5), counter('heir', 1), counter('other')]
  sync(gone, heir)
  heir.retire('gone')
  other.merge(heir)
  heir.forget('gone', reached(heir, other))
  for (const order of [
    [heir, other],
    [other, heir],
  ]) {
    const fresh = counter('fresh')
    for (const one of order) fresh.merge(one.encode())
    expect(fresh.value).toBe(6)
  }
})

// Akka, PruningStateSpec: a merge keeps what is further on, and of two owners the one with the lower address.
test('who is further on decides, either way round (Akka PruningStateSpec, merge state)', () => {
  const [gone, heir] = [counter('gone', 5), counter('heir', 1)]
  heir.merge(gone)
  const first = heir.encode()
  heir.retire('gone')
  const second = heir.encode()
  for (const order of [
    [first, second],
    [second, first],
  ]) {
    const reader = counter('reader')
    for (const bytes of order) reader.merge(bytes)
    expect(reader.encode()).toEqual(second)
  }
})

test('of two heirs the one with the lower name keeps it, and it counts once all the time (Akka PruningStateSpec, merge owner)', () => {
  const [gone, node1, node2, reader] = [
    counter('gone', 5),
    counter('node1', 1),
    counter('node2', 1),
    counter('r'),
  ]
  sync(gone, node1, node2)
  const [one, two] = [node1.retire('gone'), node2.retire('gone')]
  for (const delta of [two, one]) reader.merge(delta)
  expect([node1.value, node2.value, reader.value]).toEqual([7, 7, 7])
  sync(node1, node2, reader)
  expect([node1.encode(), node2.encode()]).toEqual([reader.encode(), reader.encode()])
  expect(reader.forget('gone', reached(node1, node2, reader))).toBe(false)

  expect(node1.retire('gone').isEmpty).toBe(true)
  const back = node2.retire('gone')
  reader.merge(back)
  expect([node2.value, reader.value]).toEqual([7, 7])
  sync(node1, node2, reader)
  for (const node of [node1, node2, reader])
    expect(node.forget('gone', reached(node1, node2, reader))).toBe(true)
  expect(reader.value).toBe(7)
  expect(reader.toJSON()).toEqual({ type: 'g-counter', counts: { node1: 6, node2: [6, 5] } })
  expect(decodeGCounter(reader.encode(), { replica: 'x' }).value).toBe(7)
})

test('what one heir gives back is not lost to who has not heard of the other', () => {
  const [gone, node1, node2, reader] = [counter('gone', 5), counter('node1'), counter('node2'), counter('r')]
  sync(gone, node1, node2)
  reader.merge(node2.retire('gone'))
  const one = node1.retire('gone')
  node2.merge(one)
  reader.merge(node2.retire('gone'))
  expect(reader.value).toBe(5)
  reader.merge(one)
  expect(reader.value).toBe(5)
})

test('the heir of an heir: names go in the order in which they were taken over, or all at once', () => {
  const [a, b, c, d] = [counter('a', 1), counter('b', 2), counter('c', 4), counter('d')]
  sync(a, b, c, d)
  b.retire('a')
  c.merge(b)
  const delta = c.retire('b')
  // One delta tells who has heard of neither all there is to know.
  d.merge(delta)
  expect([c.value, d.value, names(d)]).toEqual([7, 7, ['c']])
  const stable = reached(c, d)
  expect(c.forget('b', stable)).toBe(false)
  expect([c.forget('a', stable), c.forget('b', stable)]).toEqual([true, true])
  expect(c.toJSON()).toEqual({ type: 'g-counter', counts: { c: 7 } })
  // That one does not know the version of `b` any more: that all know its heir is enough.
  const after = reached(c, d)
  expect(after.get('b')).toBe(0)
  expect(d.clone().forget('a', after)).toBe(true)
  d.merge(c)
  expect(d.encode()).toEqual(c.encode())
  expect(decodeGCounter(d.encode(), { replica: 'd' }).value).toBe(7)
})

test('who has forgotten an heir and all it took over does not take that over again', () => {
  const [a, b, c, late] = [counter('a', 1), counter('b'), counter('c'), counter('late')]
  sync(a, b, c, late)
  b.retire('a')
  sync(b, c)
  c.retire('b')
  late.merge(c)
  const stable = reached(c, late)
  for (const gone of ['a', 'b']) c.forget(gone, stable)
  expect([c.merge(late), c.merge(late.encode()), c.value, names(c)]).toEqual([false, false, 1, ['c']])
  late.merge(c)
  expect([late.value, late.encode()]).toEqual([1, c.encode()])
})

test('a delta of one heir tells that the name was forgotten, also what the other heir had noted', () => {
  const [a, b, c, d, e] = [counter('a'), counter('b', 1), counter('c'), counter('d'), counter('e')]
  sync(a, b, c, d, e)
  a.retire('b')
  e.retire('b')
  sync(a, c, d, e)
  e.retire('b')
  sync(c, d, e)
  c.retire('a')
  sync(c, d, e)
  expect(c.forget('b', reached(c, d, e))).toBe(true)
  d.merge(c.increment().encode())
  d.merge(e)
  expect([c.value, d.value, names(d)]).toEqual([2, 2, ['c', 'e']])
})

test('two heirs of an heir: what one of them gives back tells all that the marks of the other rest on', () => {
  const [a, c, d, f] = [counter('a'), counter('c'), counter('d', 1), counter('f')]
  sync(a, c, d, f)
  c.retire('d')
  sync(a, c, f)
  const [byF, byA] = [f.retire('c'), a.retire('c')]
  a.merge(byF)
  f.merge(byA)
  a.merge(f.retire('c').encode())
  expect([a.encode(), a.value]).toEqual([f.encode(), 1])
})

test('a delta of the heir that gave back tells that the other one is forgotten, and all that it had taken over', () => {
  const [a, c, d, e] = [counter('a'), counter('c', 2), counter('d'), counter('e')]
  sync(a, c)
  a.retire('c')
  sync(a, d, e)
  const byE = e.retire('a')
  d.retire('a')
  e.merge(d)
  e.retire('a')
  d.merge(byE)
  d.merge(e)
  const stable = reached(d, e)
  for (const gone of ['c', 'a']) expect(e.forget(gone, stable)).toBe(true)
  expect(d.merge(e.increment().encode())).toBe(true)
  expect([d.value, d.toJSON()]).toEqual([3, e.toJSON()])
  expect(decodeGCounter(d.encode(), { replica: 'd' }).value).toBe(3)
})

test('a group of deltas, of one that has forgotten a name and one that has not, counts nothing twice', () => {
  const [a, b, c, d] = [counter('a', 3), counter('b'), counter('c'), counter('d')]
  sync(a, b, c)
  b.retire('a')
  c.retire('a')
  c.merge(b)
  const early = c.retire('a')
  d.merge(b)
  d.retire('b')
  c.retire('b')
  d.merge(c)
  expect(d.forget('a', reached(c, d))).toBe(true)
  const [byD, byC] = [d.increment(2), c.increment(1)]
  const oneByOne = d.clone({ replica: 'reader' })
  oneByOne.merge(byC)
  for (const group of [byD.merge(byC), byC.merge(byD), early.merge(byD).merge(byC)]) {
    const reader = d.clone({ replica: 'reader' })
    reader.merge(group.encode())
    expect([reader.value, reader.toJSON()]).toEqual([6, oneByOne.toJSON()])
  }
})

test('retired too early: what came to light since counts too, and a second call takes it', () => {
  const [gone, heir] = [counter('gone', 5), counter('heir')]
  heir.merge(gone)
  const late = gone.increment(2)
  heir.retire('gone')
  heir.merge(late)
  expect([heir.value, heir.forget('gone', heir.version)]).toEqual([7, false])
  expect(heir.retire('gone').isEmpty).toBe(false)
  expect([heir.value, heir.forget('gone', heir.version)]).toEqual([7, true])
})

test('one that is not gone after all keeps its count, and counts on under another name only', () => {
  const [alive, heir] = [counter('alive', 5), counter('heir')]
  heir.merge(alive)
  heir.retire('alive')
  alive.increment(3)
  sync(alive, heir)
  expect([alive.value, heir.value]).toEqual([8, 8])
  const before = alive.encode()
  expect(() => alive.increment()).toThrow(RetiredReplicaError)
  expect(() => alive.retire('heir')).toThrow(/"heir" has retired that name; go on with clone/)
  expect(alive.encode()).toEqual(before)
  heir.retire('alive')
  sync(alive, heir)
  alive.forget('alive', reached(alive, heir))
  expect(() => alive.increment()).toThrow(RetiredReplicaError)
  const again = alive.clone({ replica: 'again' })
  again.increment()
  expect(again.value).toBe(9)
})

test('each of two takes the other for gone: nothing is lost', () => {
  const [a, b] = [counter('a', 3), counter('b', 5)]
  sync(a, b)
  const [byA, byB] = [a.retire('b'), b.retire('a')]
  a.merge(byB)
  b.merge(byA)
  expect([a.value, b.value]).toEqual([8, 8])
  expect(a.encode()).toEqual(b.encode())
  expect(decodeGCounter(a.encode(), { replica: 'c' }).value).toBe(8)
  expect(a.forget('b', a.version)).toBe(false)
})

test('nothing to retire, nothing to forget', () => {
  const [a, b] = [counter('a', 1), counter('b', 1)]
  expect(a.retire('b').isEmpty).toBe(true)
  expect(a.forget('b', a.version)).toBe(true)
  a.merge(b)
  expect(a.forget('b', a.version)).toBe(false)
  a.retire('b')
  expect(a.retire('b').isEmpty).toBe(true)
  expect(() => a.retire('a')).toThrow(TypeError)
  expect(() => a.retire('')).toThrow(TypeError)
  expect(() => a.forget('b', {} as never)).toThrow(TypeError)
})

test('an heir that would pass 2^52 is told so, and keeps what it has', () => {
  const a = counter('a', 2 ** 52 - 1)
  a.merge(counter('b', 1))
  const before = a.encode()
  expect(() => a.retire('b')).toThrow(/Cannot retire b: a would pass 2\^52/)
  expect(a.encode()).toEqual(before)
})

test('who takes over has made an edit: a twin is found', () => {
  const a = counter('a')
  a.merge(counter('b', 1))
  const twin = a.clone()
  a.retire('b')
  twin.merge(counter('c', 1))
  twin.retire('c')
  twin.retire('b')
  expect(() => a.merge(twin)).toThrow(DuplicateReplicaError)
})

test('the bytes and JSON of a retired replica, for ever', () => {
  const a = counter('a', 2)
  a.merge(counter('b', 1))
  a.retire('b')
  expect(JSON.stringify(a)).toBe('{"type":"g-counter","counts":{"a":3},"retired":{"b":{"a":[3,1,0]}}}')
  const parts = ['0104', '02', '00', '01', '0162', '0161', '03', '01', '00', '0161', '06']
  expect(Buffer.from(a.encode()).toString('hex')).toBe(parts.join(''))
  expect(gCounterFromJSON(JSON.parse(JSON.stringify(a)), { replica: 'c' }).encode()).toEqual(a.encode())
})

test.each<[string, number[]]>([
  ['an empty list of retired replicas', [1, 2, 1, 0, 0]],
  [
    'retired replicas out of order',
    [1, 2, 2, 0, 2, 1, 99, 1, 97, 1, 1, 0, 1, 98, 1, 97, 1, 1, 0, 1, 97, 1, 0],
  ],
  ['a replica that is its own heir', [1, 2, 2, 0, 1, 1, 97, 1, 97, 1, 1, 0, 1, 97, 1, 0]],
  ['an heir without the counts', [1, 2, 2, 0, 1, 1, 98, 1, 97, 2, 1, 0, 1, 97, 1, 0]],
  ['more taken than the heir had then', [1, 2, 2, 0, 1, 1, 98, 1, 97, 1, 2, 0, 1, 97, 3, 0]],
  ['a row that says no more than the mark', [1, 2, 3, 0, 1, 1, 98, 1, 97, 1, 1, 0, 1, 97, 1, 0, 1, 98, 1, 0]],
  ['the empty name in another place', [1, 2, 2, 1, 97, 1, 0, 0, 1, 1, 98, 1, 97, 1, 1, 0]],
])('decodePnCounter() refuses %s', (_name, bytes) => {
  expect(() => decodePnCounter(Uint8Array.from(bytes), { replica: 'x' })).toThrow(DecodeError)
})

test('JSON of retired replicas that no counter made is refused', () => {
  for (const retired of [null, [], { b: null }, { b: {} }, { b: { a: [1, 1] } }, { b: { a: [1, 1, '0'] } }]) {
    const json = { type: 'g-counter', counts: { a: 1 }, retired }
    expect(() => gCounterFromJSON(json, { replica: 'x' })).toThrow(DecodeError)
  }
})

test('10,000 heirs of one replica, as only a hostile sender would make them, are merged like any other', () => {
  const heirs = Array.from({ length: 10_000 }, (_, i) => `h${i}`)
  const marks = Object.fromEntries(heirs.map((heir) => [heir, [2, 1, 0]]))
  const json = {
    type: 'g-counter',
    counts: Object.fromEntries(heirs.map((heir) => [heir, 2])),
    retired: { gone: marks },
  }
  const bytes = gCounterFromJSON(json, { replica: 'x' }).encode()
  const [a, b] = [counter('a', 1), decodeGCounter(bytes, { replica: 'b' })]
  a.merge(bytes)
  b.merge(a)
  expect(a.encode()).toEqual(b.encode())
  // Two counts of each heir and one of `a`; one of each is of `gone`, which had one.
  expect(a.value).toBe(10_000 * 2 + 1 - 10_000 + 1)
})
