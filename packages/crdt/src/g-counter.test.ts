import { expect, test } from 'vitest'
import {
  createGCounter,
  DecodeError,
  decodeGCounter,
  DuplicateReplicaError,
  type GCounter,
  gCounterFromJSON,
} from './index.ts'

const counter = (replica: string, counts: Record<string, number> = {}): GCounter =>
  gCounterFromJSON({ type: 'g-counter', counts }, { replica })
const counts = (of: { toJSON(): unknown }): unknown => (of.toJSON() as { counts: unknown }).counts

test('G-Counter exercise: three nodes total 20, 16 and 19, the true total is 20; B counts 5 and syncs with A', () => {
  const a = counter('A', { A: 10, B: 3, C: 7 })
  const b = counter('B', { A: 8, B: 3, C: 5 })
  const c = counter('C', { A: 10, B: 2, C: 7 })
  expect([a.value, b.value, c.value]).toEqual([20, 16, 19])

  const all = createGCounter({ replica: 'reader' })
  for (const node of [a, b, c]) all.merge(node)
  expect([counts(all), all.value]).toEqual([{ A: 10, B: 3, C: 7 }, 20])

  b.increment(5)
  a.merge(b.deltaSince(a.version))
  expect([counts(a), a.value]).toEqual([{ A: 10, B: 8, C: 7 }, 25])
})

test('the merge takes the maximum of each count: {A: 5, B: 3} and {A: 4, B: 7} are {A: 5, B: 7}, 12', () => {
  const [a, b] = [counter('A', { A: 5, B: 3 }), counter('B', { A: 4, B: 7 })]
  const before = b.encode()
  a.merge(before)
  b.merge(counter('A', { A: 5, B: 3 }))
  expect([counts(a), counts(b), a.value]).toEqual([{ A: 5, B: 7 }, { A: 5, B: 7 }, 12])
  expect(a.encode()).toEqual(b.encode())
  expect(a.merge(before)).toBe(false)
})

// Akka, GCounterSpec. There, one object counts for all nodes; here, each node has its own.
test("each node's count goes up by one, and each delta brings a copy to the next state (Akka GCounterSpec)", () => {
  const node1 = createGCounter({ replica: 'node1' })
  const copy = node1.clone({ replica: 'copy' })
  for (const count of [1, 2]) {
    const delta = node1.increment()
    expect(counts(delta)).toEqual({ node1: count })
    copy.merge(delta)
    expect(copy.encode()).toEqual(node1.encode())
  }
  const node2 = node1.clone({ replica: 'node2' })
  for (let i = 0; i < 3; i++) copy.merge(node2.increment())
  expect(counts(copy)).toEqual({ node1: 2, node2: 3 })
})

test('counts of any size add up (Akka GCounterSpec, arbitrary delta)', () => {
  const node1 = createGCounter({ replica: 'node1' })
  node1.increment(3)
  node1.increment(4)
  const node2 = node1.clone({ replica: 'node2' })
  for (const by of [2, 7, 1]) node2.increment(by)
  expect([counts(node2), node2.value]).toEqual([{ node1: 7, node2: 10 }, 17])
})

test.each([
  [{ node1: 7, node2: 10 }, { node1: 4, node2: 6 }, { node1: 7, node2: 10 }, 17],
  [{ node1: 4, node2: 10 }, { node1: 7, node2: 6 }, { node1: 7, node2: 10 }, 17],
  [{ node1: 7 }, { node2: 6 }, { node1: 7, node2: 6 }, 13],
])('%j and %j merge to %j both ways (Akka GCounterSpec, merged with another)', (one, other, both, sum) => {
  for (const [x, y] of [
    [one, other],
    [other, one],
  ] as const) {
    const merged = counter('reader', x)
    merged.merge(counter('other', y))
    expect([counts(merged), merged.value]).toEqual([both, sum])
  }
})

test('a delta holds all its replica counted: what comes early or twice does no harm', () => {
  const a = createGCounter({ replica: 'a' })
  const [first, second] = [a.increment(2), a.increment(3)]
  const b = createGCounter({ replica: 'b' })
  expect([b.merge(second), b.merge(first), b.merge(second)]).toEqual([true, false, false])
  expect([b.value, b.hasGaps]).toEqual([5, false])
  expect(a.deltaSince(b.version).isEmpty).toBe(true)
})

test('deltas group to one, and stay as they are', () => {
  const [a, b] = [createGCounter({ replica: 'a' }), createGCounter({ replica: 'b' })]
  const [first, second, other] = [a.increment(1), a.increment(1), b.increment(5)]
  const group = second.merge(first).merge(other)
  expect(JSON.stringify([group, first, second])).toBe(
    '[{"type":"g-counter","counts":{"a":2,"b":5}},{"type":"g-counter","counts":{"a":1}},{"type":"g-counter","counts":{"a":2}}]',
  )
  expect(() => first.merge({ ...other, type: 'cart' } as never)).toThrow(TypeError)
})

test('a second writer under the same name is found, and nothing is merged', () => {
  const a = createGCounter({ replica: 'a' })
  a.increment(2)
  const twin = a.clone()
  twin.increment(1)
  const before = a.encode()
  expect(() => a.merge(twin)).toThrow(DuplicateReplicaError)
  expect(() => a.merge(twin.encode())).toThrow(/"a", and each must have a name of its own/)
  expect(a.encode()).toEqual(before)
  // The other way round there is nothing new; under another name, or before the first edit, it is one's own past.
  expect(twin.merge(a)).toBe(false)
  expect(a.clone({ replica: 'b' }).merge(twin)).toBe(true)
  expect(decodeGCounter(before, { replica: 'a' }).merge(twin)).toBe(true)
})

test('the bytes and JSON, for ever', () => {
  const a = counter('reader', { b: 3, a: 300 })
  expect(Buffer.from(a.encode()).toString('hex')).toBe(['0104', '02', '0161', 'd804', '0162', '06'].join(''))
  expect(JSON.stringify(a)).toBe('{"type":"g-counter","counts":{"a":300,"b":3}}')
  expect(decodeGCounter(a.encode(), { replica: 'c' }).value).toBe(303)
})

test('a sum past 2^53 is refused as a number and exact as a bigint; a count past 2^52 is refused', () => {
  const most = 2 ** 52 - 1
  const a = counter('a', { a: most, b: most, c: most })
  expect(() => a.value).toThrow(RangeError)
  expect(a.bigValue).toBe(3n * BigInt(most))
  expect(() => a.increment()).toThrow(/go on as a new replica/)
  for (const by of [-1, 0.5, Number.NaN, Infinity]) expect(() => a.increment(by)).toThrow(RangeError)
  expect(a.increment(0).isEmpty).toBe(true)
})

test.each<[string, number[]]>([
  ['another type', [1, 2, 0]],
  ['an empty count', [1, 4, 1, 1, 97, 0]],
  ['replicas out of order', [1, 4, 2, 1, 98, 2, 1, 97, 2]],
  ['one replica twice', [1, 4, 2, 1, 97, 2, 1, 97, 2]],
  ['nothing to give back', [1, 4, 1, 1, 97, 3, 0]],
  ['an end too early', [1, 4, 1, 1, 97]],
  ['bytes after the end', [1, 4, 1, 1, 97, 2, 0]],
])('decodeGCounter() refuses %s', (_name, bytes) => {
  expect(() => decodeGCounter(Uint8Array.from(bytes), { replica: 'a' })).toThrow(DecodeError)
})

test('gCounterFromJSON() refuses what is not a counter', () => {
  for (const json of [null, 1, {}, { type: 'g-counter' }, { type: 'pn-counter', counts: {} }]) {
    expect(() => gCounterFromJSON(json, { replica: 'a' })).toThrow(DecodeError)
  }
  for (const count of [0, -1, 0.5, '1', null, [], [1], [2, 0], [1, -1], 2 ** 52]) {
    expect(() => gCounterFromJSON({ type: 'g-counter', counts: { a: count } }, { replica: 'a' })).toThrow(
      DecodeError,
    )
  }
})
