import { expect, test } from 'vitest'
import {
  createPnCounter,
  DecodeError,
  decodePnCounter,
  DuplicateReplicaError,
  type PnCounter,
  pnCounterFromJSON,
} from './index.ts'

const counter = (replica: string): PnCounter => createPnCounter({ replica })

test('counts of all replicas add up, both ways', () => {
  const a = counter('a')
  const b = counter('b')
  a.increment(5)
  b.decrement(7)
  a.decrement()
  a.merge(b)
  expect(a.value).toBe(-3)
  expect(a.merge(b)).toBe(false)
})

test('a later delta holds the earlier ones: out of order and twice is safe', () => {
  const a = counter('a')
  const first = a.increment(1)
  const second = a.decrement(3)
  const b = counter('b')
  b.merge(second)
  expect(b.value).toBe(-2)
  expect(b.merge(first)).toBe(false)
  expect(b.deltaSince(a.version).isEmpty && a.deltaSince(b.version).isEmpty).toBe(true)
})

test('deltaSince() holds only the replicas that counted since', () => {
  const a = counter('a')
  a.increment()
  const b = a.clone({ replica: 'b' })
  const delta = b.increment(2)
  expect(b.deltaSince(a.version).toJSON()).toEqual({ type: 'pn-counter', counts: { b: [2, 0] } })
  expect(b.deltaSince(a.version).encode()).toEqual(delta.encode())
})

test('a sum past 2^53 is refused as a number and exact as a bigint', () => {
  const a = counter('a')
  const most = 2 ** 52 - 1
  for (const replica of ['b', 'c', 'd']) a.merge(counter(replica).increment(most))
  expect(() => a.value).toThrow(RangeError)
  expect(a.bigValue).toBe(3n * BigInt(most))
  a.decrement(most)
  a.merge(counter('e').decrement(most))
  expect(a.value).toBe(most)
})

test('wrong amounts are refused and change nothing; 0 is an empty delta', () => {
  const a = counter('a')
  for (const by of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) expect(() => a.increment(by)).toThrow(RangeError)
  a.increment(2 ** 52 - 1)
  expect(() => a.increment(1)).toThrow(RangeError)
  expect(a.decrement(0).isEmpty).toBe(true)
  expect(a.value).toBe(2 ** 52 - 1)
})

test('the bytes and JSON, for ever', () => {
  const a = counter('b')
  a.merge(counter('a').increment(300))
  a.decrement(2)
  const parts = ['0102', '02', '0161', 'ac02', '00', '0162', '00', '02']
  expect(Buffer.from(a.encode()).toString('hex')).toBe(parts.join(''))
  expect(JSON.stringify(a)).toBe('{"type":"pn-counter","counts":{"a":[300,0],"b":[0,2]}}')
  expect(pnCounterFromJSON(JSON.parse(JSON.stringify(a)), { replica: 'c' }).value).toBe(298)
  expect(decodePnCounter(a.encode(), { replica: 'c' }).value).toBe(298)
})

test.each<[string, number[]]>([
  ['another type', [1, 1, 0]],
  ['an empty count', [1, 2, 1, 1, 97, 0, 0]],
  ['replicas out of order', [1, 2, 2, 1, 98, 1, 0, 1, 97, 1, 0]],
  ['a count past 2^52', [1, 2, 1, 1, 97, 255, 255, 255, 255, 255, 255, 255, 15, 0]],
  ['an end too early', [1, 2, 1, 1, 97, 1]],
])('decodePnCounter() refuses %s', (_name, bytes) => {
  expect(() => decodePnCounter(Uint8Array.from(bytes), { replica: 'a' })).toThrow(DecodeError)
})

test('pnCounterFromJSON() refuses what is not a counter', () => {
  for (const json of [null, 1, {}, { type: 'pn-counter' }, { type: 'cart', counts: {} }]) {
    expect(() => pnCounterFromJSON(json, { replica: 'a' })).toThrow(DecodeError)
  }
  for (const totals of [[1], [0, 0], [-1, 2], [0.5, 1], ['1', 0], null]) {
    const json = { type: 'pn-counter', counts: { a: totals } }
    expect(() => pnCounterFromJSON(json, { replica: 'a' })).toThrow(DecodeError)
  }
})

type Rows = Record<string, readonly [plus: number, minus: number]>
const of = (counts: Rows, replica = 'reader'): PnCounter =>
  pnCounterFromJSON({ type: 'pn-counter', counts }, { replica })

// Akka, PNCounterSpec. There, one object counts for all nodes; here, each node has its own.
test('ups and downs of each node are kept apart, and add up (Akka PNCounterSpec)', () => {
  const node1 = counter('node1')
  const [up, down] = [node1.increment(3), node1.decrement(2)]
  expect([up.toJSON(), down.toJSON()]).toEqual([
    { type: 'pn-counter', counts: { node1: [3, 0] } },
    { type: 'pn-counter', counts: { node1: [3, 2] } },
  ])
  const node2 = node1.clone({ replica: 'node2' })
  node2.increment(5)
  node2.decrement(2)
  node2.increment()
  expect(node2.toJSON().counts).toEqual({ node1: [3, 2], node2: [6, 2] })
  expect(node2.value).toBe(5)
})

test('two histories of the same nodes merge to the larger of each, both ways (Akka PNCounterSpec, merge)', () => {
  const [one, other] = [of({ node1: [3, 2], node2: [6, 2] }), of({ node1: [2, 3], node2: [4, 2] })]
  expect([one.value, other.value]).toEqual([5, 1])
  const both = one.clone()
  both.merge(other)
  other.merge(one)
  expect([both.toJSON().counts, both.value]).toEqual([{ node1: [3, 3], node2: [6, 2] }, 4])
  expect(other.encode()).toEqual(both.encode())
})

test.each<[Rows, number]>([
  [{ a: [1, 0], b: [13, 10], c: [1, 0], d: [0, 1] }, 4],
  [{}, 0],
  [{ a: [3, 3], b: [2, 1], c: [0, 1] }, 0],
])('the value of %j is %i (Riak riak_dt_pncounter, value)', (counts, value) => {
  expect(of(counts).value).toBe(value)
})

test.each<[Rows, Rows, Rows]>([
  [{}, {}, {}],
  [
    { 1: [1, 0], 2: [2, 0], 4: [4, 0] },
    { 3: [3, 0], 4: [3, 0] },
    { 1: [1, 0], 2: [2, 0], 3: [3, 0], 4: [4, 0] },
  ],
  [
    { 5: [5, 0], 7: [0, 4] },
    { 5: [0, 2], 6: [6, 0], 7: [7, 0] },
    { 5: [5, 2], 6: [6, 0], 7: [7, 4] },
  ],
])('%j and %j merge to %j (Riak riak_dt_pncounter, merge)', (one, other, both) => {
  const merged = of(one)
  merged.merge(of(other))
  expect(merged.toJSON().counts).toEqual(both)
})

test('five actors, two lines of history, one merge (Riak riak_dt_pncounter, usage)', () => {
  const [a1, a2, a3, a4, a5] = ['a1', 'a2', 'a3', 'a4', 'a5'].map(counter) as [
    PnCounter,
    PnCounter,
    PnCounter,
    PnCounter,
    PnCounter,
  ]
  const [left, right] = [counter('left'), counter('right')]
  left.merge(a1.increment(2))
  left.merge(a2.increment())
  right.merge(a2)
  right.merge(a3.increment(3))
  left.merge(a4.increment())
  left.merge(a1.increment())
  left.merge(a5.decrement(2))
  right.merge(a2.decrement())
  left.merge(right)
  expect(left.toJSON().counts).toEqual({ a1: [3, 0], a2: [1, 1], a3: [3, 0], a4: [1, 0], a5: [0, 2] })
})

test('equal is who knows the same, not who has the same sum (Riak riak_dt_pncounter, equal)', () => {
  const one = of({ a: [2, 1], b: [1, 0] })
  expect(of({ b: [1, 0], a: [2, 1] }).encode()).toEqual(one.encode())
  expect(of({ a: [2, 0] }).value).toBe(one.value)
  expect(of({ a: [2, 0] }).encode()).not.toEqual(one.encode())
})

test('a second writer under the same name is found, and nothing is merged', () => {
  const a = counter('a')
  a.increment(2)
  const twin = a.clone()
  a.increment(1)
  twin.decrement(1)
  const before = a.encode()
  expect(() => a.merge(twin.deltaSince(a.version))).not.toThrow() // as many edits: not told apart by the version
  expect(() => a.merge(twin)).toThrow(DuplicateReplicaError)
  expect(a.encode()).toEqual(before)
})

test('names that objects treat as their own are names like any other', () => {
  const a = counter('__proto__')
  a.increment(2)
  a.merge(counter('constructor').decrement())
  const again = pnCounterFromJSON(JSON.parse(JSON.stringify(a)), { replica: 'x' })
  expect(again.encode()).toEqual(a.encode())
  expect([again.value, again.version.get('__proto__')]).toEqual([1, 2])
})

test('createPnCounter() without options and deltaSince() of no version are refused', () => {
  expect(() => createPnCounter(undefined as never)).toThrow(/replica must be/)
  expect(() => createPnCounter({ replica: 'a' }).deltaSince({} as never)).toThrow(/VersionVector/)
})
