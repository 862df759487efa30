import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError, HLC_MAX_COUNTER, HLC_MAX_MS, type HlcTimestamp, VersionVector } from '../index.ts'
import {
  BaggageLimitError,
  hlcFromBaggage,
  hlcFromHeader,
  hlcToBaggage,
  hlcToHeader,
  vectorFromBaggage,
  vectorFromHeader,
  vectorToBaggage,
  vectorToHeader,
} from './index.ts'

const of = (counters: Record<string, number>): VersionVector => VersionVector.of(counters)
const stamp: HlcTimestamp = { ms: 0x018c_c251_f400, counter: 7, node: 'eu-1' }
const node = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
const vector = fc
  .dictionary(node, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { maxKeys: 6 })
  .map(of)
const stamps: fc.Arbitrary<HlcTimestamp> = fc.record({
  ms: fc.nat({ max: HLC_MAX_MS }),
  counter: fc.nat({ max: HLC_MAX_COUNTER }),
  node,
})
/** What a value of W3C baggage may be made of. */
const BAGGAGE_VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/

test('a header is short, ASCII, and the same for equal vectors', () => {
  expect(vectorToHeader(of({ 'us-1': 46, 'eu-1': 7 }))).toBe('1~eu-1.7~us-1.1a')
  expect(vectorToHeader(VersionVector.empty)).toBe('1')
  expect(vectorToHeader(of({ 'é ~.': 1 }))).toBe('1~%C3%A9%20%7E..1')
  expect(hlcToHeader(stamp)).toBe('018cc251f400-0007-eu-1')
  expect(hlcToHeader({ ...stamp, node: 'é' })).toBe('018cc251f400-0007-%C3%A9')
})

test('headers come back as they went, and may stand in baggage', () => {
  fc.assert(
    fc.property(vector, stamps, (a, at) => {
      expect(vectorFromHeader(vectorToHeader(a)).toJSON()).toEqual(a.toJSON())
      expect(vectorToHeader(a)).toMatch(BAGGAGE_VALUE)
      expect(hlcFromHeader(hlcToHeader(at))).toEqual(at)
      expect(hlcToHeader(at)).toMatch(BAGGAGE_VALUE)
    }),
  )
})

test.each([
  ['nothing', ''],
  ['another format', '2~a.1'],
  ['no counter', '1~a'],
  ['an empty id', '1~.1'],
  ['a zero', '1~a.0'],
  ['a leading zero', '1~a.01'],
  ['a counter past 2^53', '1~a.zzzzzzzzzzzz'],
  ['upper case', '1~a.A'],
  ['a sign', '1~a.+1'],
  ['something after a counter', '1~a.1 '],
  ['ids out of order', '1~b.1~a.1'],
  ['an id twice', '1~a.1~a.1'],
  ['an escape that need not be', '1~%61.1'],
  ['an escape in lower case', '1~%c3%a9.1'],
  ['an escape that is not UTF-8', '1~%FF.1'],
  ['half an escape', '1~%.1'],
  ['a space', '1~a b.1'],
  ['an empty part', '1~~a.1'],
])('vectorFromHeader() refuses %s', (_name, text) => {
  expect(() => vectorFromHeader(text)).toThrow(DecodeError)
})

test.each(['', '018cc251f400-0007-', '018cc251f400-0007-%61', '018CC251F400-0007-a', '018cc251f400-0007-é'])(
  'hlcFromHeader() refuses %j',
  (text) => {
    expect(() => hlcFromHeader(text)).toThrow(DecodeError)
  },
)

test('a text that is changed is refused or means the same to whoever reads it', () => {
  const changed = fc
    .tuple(vector, fc.nat(), fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }))
    .map(([a, at, char]) => {
      const text = vectorToHeader(a)
      return text.slice(0, at % text.length) + char + text.slice((at % text.length) + 1)
    })
  fc.assert(
    fc.property(fc.oneof(changed, fc.string()), (text) => {
      try {
        expect(vectorToHeader(vectorFromHeader(text))).toBe(text)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  ['blanks within a member', `a${' '.repeat(100_000)}b`, undefined],
  [
    'many members of one key',
    Array.from({ length: 40_000 }, (_, i) => `quorate-version=1~n${i}.1`).join(),
    40_000,
  ],
])('a long header costs no more than its length: %s', (_, header, size) => {
  const before = process.cpuUsage()
  expect(vectorFromBaggage(header)?.size).toBe(size)
  const { user, system } = process.cpuUsage(before)
  expect(user + system).toBeLessThan(5_000_000) // half a minute or more if it grows with the square of the length
})

test('several members of one key are what they know together', () => {
  expect(vectorFromBaggage('quorate-version=1~a.1~b.5,quorate-version=1~a.3~c.2')?.toJSON()).toEqual({
    a: 3,
    b: 5,
    c: 2,
  })
})

test('a header past 8,192 bytes is neither written nor read', () => {
  const entries = Array.from({ length: 700 }, (_, i) => [`server-${i}`, 1_000_000] as const)
  expect(() => vectorToHeader(VersionVector.of(entries))).toThrow(RangeError)
  expect(() => vectorFromHeader(`1~${'a'.repeat(8_192)}.1`)).toThrow(DecodeError)
  expect(() => vectorFromHeader(undefined as unknown as string)).toThrow(TypeError)
})

describe('baggage', () => {
  // The examples of "Examples of HTTP headers" in the W3C specification.
  const others = 'key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue'

  test('a member is added, read and replaced; the others stay to the letter and in order', () => {
    const one = vectorToBaggage(others, of({ a: 1 }))
    expect(one).toBe(
      'key1=value1;property1;property2,key2 = value2,key3=value3; propertyKey=propertyValue,quorate-version=1~a.1',
    )
    expect(vectorFromBaggage(one)?.toJSON()).toEqual({ a: 1 })
    const two = hlcToBaggage(one, stamp)
    expect(hlcFromBaggage(two)).toEqual(stamp)
    expect(vectorToBaggage(two, of({ a: 2 }))).toBe(two.replace('1~a.1', '1~a.2'))
  })

  test('absent, empty and several headers', () => {
    expect(vectorFromBaggage(undefined)).toBeUndefined()
    expect(vectorFromBaggage('')).toBeUndefined()
    expect(hlcFromBaggage(others)).toBeUndefined()
    expect(vectorToBaggage(undefined, of({ a: 1 }))).toBe('quorate-version=1~a.1')
    expect(vectorToBaggage(['userId=alice', 'isProduction=false'], of({ a: 1 }))).toBe(
      'userId=alice,isProduction=false,quorate-version=1~a.1',
    )
  })

  test('a key that stands there twice is what both know, and once after a write', () => {
    const twice = 'quorate-version=1~a.1, x=y ,quorate-version = 1~b.2;note=late'
    expect(vectorFromBaggage(twice)?.toJSON()).toEqual({ a: 1, b: 2 })
    expect(vectorToBaggage(twice, of({ c: 3 }))).toBe('quorate-version=1~c.3,x=y')
    const two = `quorate-hlc=${hlcToHeader(stamp)},quorate-hlc=${hlcToHeader({ ...stamp, counter: 3 })}`
    expect(hlcFromBaggage(two)).toEqual(stamp)
  })

  test('keys differ by case and by all of their letters', () => {
    const header = 'Quorate-Version=1~a.1,quorate-versions=1~b.1'
    expect(vectorFromBaggage(header)).toBeUndefined()
    expect(vectorFromBaggage(header, { key: 'Quorate-Version' })?.toJSON()).toEqual({ a: 1 })
    expect(vectorToBaggage(header, of({ c: 1 }), { key: 'cart' })).toBe(`${header},cart=1~c.1`)
  })

  test('a member of ours that is damaged is a DecodeError; those of others are not looked into', () => {
    expect(() => vectorFromBaggage('quorate-version=rubbish')).toThrow(DecodeError)
    expect(() => hlcFromBaggage('quorate-hlc')).toThrow(DecodeError)
    expect(vectorFromBaggage('=;=,"broken,quorate-version=1~a.1')?.toJSON()).toEqual({ a: 1 })
  })

  test('past 64 members or 8,192 bytes nothing is sure to arrive, so nothing is added', () => {
    const members = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join(',')
    expect(vectorToBaggage(members(63), of({ a: 1 })).split(',')).toHaveLength(64)
    expect(() => vectorToBaggage(members(64), of({ a: 1 }))).toThrow(
      expect.objectContaining({
        code: 'QUORATE_BAGGAGE_LIMIT',
        outcome: 'not-applied',
        key: 'quorate-version',
        members: 65,
      }),
    )
    const own = 'quorate-version=1~a.1'
    const filler = (bytes: number): string => `x=${'y'.repeat(bytes - 2)}`
    expect(vectorToBaggage(filler(8_192 - own.length - 1), of({ a: 1 }))).toHaveLength(8_192)
    expect(() => vectorToBaggage(filler(8_192 - own.length), of({ a: 1 }))).toThrow(BaggageLimitError)
    expect(vectorToBaggage(`${members(63)},${own}`, of({ a: 2 }))).toContain('1~a.2')
  })

  test('a key that is no token is refused', () => {
    for (const key of ['', 'a b', 'a=b', 'a,b', 'é', '"a"']) {
      expect(() => vectorFromBaggage('', { key })).toThrow(TypeError)
      expect(() => hlcToBaggage('', stamp, { key })).toThrow(TypeError)
    }
  })
})
