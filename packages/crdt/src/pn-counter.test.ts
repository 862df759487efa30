import { expect, test } from 'vitest'
import { createPnCounter, DecodeError, decodePnCounter, type PnCounter, pnCounterFromJSON } from './index.ts'

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

test('createPnCounter() without options and deltaSince() of no version are refused', () => {
  expect(() => createPnCounter(undefined as never)).toThrow(/replica must be/)
  expect(() => createPnCounter({ replica: 'a' }).deltaSince({} as never)).toThrow(/VersionVector/)
})
