import { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import { DecodeError } from '@quorate/vector-clock'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type CrdtValue,
  handOut,
  MAX_BIGINT_BYTES,
  MAX_VALUE_DEPTH,
  MAX_VALUE_SIZE,
  sameValue,
} from './value.ts'
import { readValue, writeValue } from './value-codec.ts'
import { ownValue, valueFromJSON, valueToJSON } from './value-intake.ts'

const encode = (value: CrdtValue): Uint8Array => {
  const writer = new ByteWriter()
  writeValue(writer, value)
  return writer.finish()
}
const decode = (bytes: Uint8Array): CrdtValue => {
  const reader = new ByteReader(bytes, 'value')
  const value = readValue(reader)
  reader.end()
  return value
}
const bytesOf = (value: unknown): number[] => [...encode(ownValue(value))]
const nested = (depth: number): unknown => (depth === 0 ? [] : [nested(depth - 1)])

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const key = fc.oneof(
  text,
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '$bigint',
    '$bytes',
    '$$bytes',
    '$',
    '0',
    '10',
    '9',
  ),
)
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(2 ** 50, 2 ** 50 - 1, -(2 ** 50), -(2 ** 50) - 1, Number.MAX_SAFE_INTEGER, 5e-324),
  fc.double({ noNaN: true, min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }).map((one) => (one === 0 ? 0 : one)),
)
const value = fc.letrec<{ any: CrdtValue }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false),
    number,
    text,
    fc.bigInt({ min: -(2n ** 100n), max: 2n ** 100n }),
    fc.uint8Array({ maxLength: 8 }),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('any')), { maxLength: 4 }).map((all) => Object.fromEntries(all)),
  ),
})).any

describe('bytes and JSON', () => {
  test('every value comes back as it went, from both', () => {
    fc.assert(
      fc.property(value, (one) => {
        const own = ownValue(one)
        expect(own).toEqual(one)
        expect(decode(encode(own))).toEqual(one)
        expect(sameValue(decode(encode(own)), own)).toBe(true)
        expect(valueFromJSON(JSON.parse(JSON.stringify(valueToJSON(own))))).toEqual(one)
      }),
      { numRuns: 1_000 },
    )
  })

  test('two values are one if, and only if, their bytes are', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [one, other] = [ownValue(a), ownValue(b)]
        expect(sameValue(one, other)).toBe(Buffer.compare(encode(one), encode(other)) === 0)
      }),
    )
    const pairs: [CrdtValue, CrdtValue][] = [
      [{ a: 1, b: 2 }, { a: 1 }],
      [{ a: 1 }, { b: 1 }],
      [{ toString: null }, { valueOf: null }],
      [[], {}],
      [Uint8Array.of(1), [1]],
      [Uint8Array.of(1), Uint8Array.of(2)],
      [1n, 1],
      [null, {}],
    ]
    for (const [a, b] of pairs) expect([sameValue(a, b), sameValue(b, a)]).toEqual([false, false])
  })

  test('equal values have equal bytes, whatever the order in which their keys were set', () => {
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 8 }), (record) => {
        const reversed = Object.fromEntries(Object.entries(record).toReversed())
        expect(bytesOf(reversed)).toEqual(bytesOf(record))
      }),
    )
  })

  test('changed or random bytes give a value with the same bytes, or a DecodeError', () => {
    const changed = fc
      .tuple(value, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }))
      .map(([one, changes]) =>
        changes.reduce((bytes, [at, byte]) => bytes.with(at % bytes.length, byte), encode(ownValue(one))),
      )
    let valid = 0
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ minLength: 1, maxLength: 40 })), (bytes) => {
        try {
          const read = decode(bytes)
          expect(encode(read)).toEqual(bytes)
          expect(ownValue(read)).toEqual(read)
          valid++
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }),
      { numRuns: 5_000 },
    )
    expect(valid).toBeGreaterThan(100)
  })

  test.each([
    ['null, false, true', [null, false, true], [3 * 8 + 4, 0, 8, 16]],
    ['small numbers', [0, 15, -1, -16], [4 * 8 + 4, 2, 15 * 8 + 2, 3, 15 * 8 + 3]],
    ['text', 'été', [5 * 8 + 1, 0xc3, 0xa9, 0x74, 0xc3, 0xa9]],
    ['bytes', Uint8Array.of(7, 0), [2 * 8 + 6, 7, 0]],
    ['bigints', [0n, -258n], [2 * 8 + 4, 7, (2 * 2 + 1) * 8 + 7 - 128 + 128, 1, 2]],
    ['doubles', 0.5, [24, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]],
    ['objects, keys in order', { b: 1, a: null }, [2 * 8 + 5, 1, 97, 0, 1, 98, 10]],
  ])('%s are spelled like this for ever', (_, one, bytes) => {
    expect(bytesOf(one)).toEqual(bytes)
  })

  test.each([
    ['a whole number as a double', [24, 0x40, 0x08, 0, 0, 0, 0, 0, 0]],
    ['-0', [24, 0x80, 0, 0, 0, 0, 0, 0, 0]],
    ['NaN', [24, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ['a double of 2^53', [24, 0x43, 0x40, 0, 0, 0, 0, 0, 0]],
    ['a bigint with a zero in front', [2 * 2 * 8 + 7, 0, 1]],
    ['a bigint -0', [15]],
    ['keys out of order', [2 * 8 + 5, 1, 98, 0, 1, 97, 0]],
    ['a key twice', [2 * 8 + 5, 1, 97, 0, 1, 97, 0]],
    ['a kind that is not there', [4 * 8]],
    ['a list of 2^40 values', [4 + 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]],
    ['half of a surrogate pair', [3 * 8 + 1, 0xed, 0xa0, 0x80]],
  ])('%s is refused in bytes', (_, bytes) => {
    expect(() => decode(Uint8Array.from(bytes))).toThrow(DecodeError)
  })

  test('in JSON, an object that looks like a bigint or like bytes stays an object', () => {
    const one = { $bigint: '1' }
    expect(valueToJSON(ownValue(1n))).toEqual({ $bigint: '1' })
    expect(valueToJSON(ownValue(one))).toEqual({ $$bigint: '1' })
    expect(valueFromJSON({ $$bigint: '1' })).toEqual(one)
    expect(valueFromJSON({ $bigint: '1', more: 1 })).toEqual({ $bigint: '1', more: 1 })
    expect(valueToJSON(ownValue(Uint8Array.of(10, 255)))).toEqual({ $bytes: '0aff' })
    for (const bad of [
      { $bigint: '01' },
      { $bigint: 1 },
      { $bigint: '-0' },
      { $bytes: '0' },
      { $bytes: 'FF' },
    ]) {
      expect(valueFromJSON(bad)).toBeUndefined()
    }
  })
})

describe('ownValue()', () => {
  const cyclic: unknown[] = []
  cyclic.push({ cyclic })
  test.each([
    ['NaN', Number.NaN, TypeError, 'NaN'],
    ['Infinity', Infinity, TypeError, 'Infinity'],
    ['-0', -0, TypeError, '-0'],
    ['undefined', undefined, TypeError, 'undefined'],
    ['undefined inside', { a: [{ b: undefined }] }, TypeError, 'value.a[0].b'],
    ['a hole in a list', Array(1), TypeError, 'value[0]'],
    ['a function', () => 1, TypeError, 'a function'],
    ['a symbol', Symbol('s'), TypeError, 'a symbol'],
    ['a symbol as key', { [Symbol('s')]: 1 }, TypeError, 'symbols'],
    ['a Date', new Date(0), TypeError, 'a Date'],
    ['a Map', { m: new Map() }, TypeError, 'a Map'],
    ['other typed arrays', new Float64Array(1), TypeError, 'a Float64Array'],
    ['a cycle', cyclic, TypeError, 'a part of itself'],
    ['half of a surrogate pair', '\ud800', TypeError, 'surrogate'],
    ['half of a pair in a key', { '\udc00': 1 }, TypeError, 'surrogate'],
    ['a number beyond 2^53', 2 ** 53, RangeError, 'bigint'],
    ['a large fraction of 1e300', -1e300, RangeError, 'bigint'],
    ['a bigint that is too long', 1n << BigInt(MAX_BIGINT_BYTES * 8), RangeError, '2^8192'],
    ['a text that is too long', 'x'.repeat(MAX_VALUE_SIZE), RangeError, 'too large'],
    ['bytes that are too many', new Uint8Array(MAX_VALUE_SIZE), RangeError, 'too large'],
    ['too deep a list', nested(MAX_VALUE_DEPTH), RangeError, '64'],
  ])('refuses %s', (_, one, error, words) => {
    expect(() => ownValue(one)).toThrow(error)
    expect(() => ownValue(one)).toThrow(words)
  })

  test('takes what is just within the bounds, and so does a receiver', () => {
    for (const one of [
      'x'.repeat(MAX_VALUE_SIZE - 1),
      new Uint8Array(MAX_VALUE_SIZE - 1),
      nested(MAX_VALUE_DEPTH - 1),
      (1n << BigInt(MAX_BIGINT_BYTES * 8)) - 1n,
      Array.from({ length: MAX_VALUE_SIZE - 1 }, () => 0),
    ]) {
      // Bytes, not the values: comparing a million of these takes long.
      expect(Buffer.compare(encode(decode(encode(ownValue(one)))), encode(ownValue(one)))).toBe(0)
    }
  })

  test('JSON has the same bounds as bytes, also for objects that look like bytes', () => {
    const longest = { $bytes: 'x'.repeat(MAX_VALUE_SIZE - '$bytes'.length - 3) }
    const own = ownValue(longest)
    expect(valueFromJSON(valueToJSON(own))).toEqual(longest)
    expect(encode(decode(encode(own))).length).toBe(encode(own).length)
    const tooLong = { $bytes: `${longest.$bytes}x` }
    expect(() => ownValue(tooLong)).toThrow(RangeError)
    expect(valueFromJSON({ $$bytes: tooLong.$bytes })).toBeUndefined()
  })

  test('a receiver refuses what passes the bounds', () => {
    const tooLong = new ByteWriter()
    tooLong.text('x'.repeat(MAX_VALUE_SIZE), 8, 1)
    const tooDeep = [...Array(MAX_VALUE_DEPTH).fill(8 + 4), 4]
    const bigint = new ByteWriter()
    bigint.uint((MAX_BIGINT_BYTES + 1) * 2 * 8 + 7)
    bigint.raw(new Uint8Array(MAX_BIGINT_BYTES + 1).fill(1))
    for (const bytes of [tooLong.finish(), Uint8Array.from(tooDeep), bigint.finish()]) {
      expect(() => decode(bytes)).toThrow(DecodeError)
    }
  })

  test('a value in many places at once is refused when all of it is too large, not copied first', () => {
    let bomb: unknown = 'x'.repeat(1000)
    for (let i = 0; i < 40; i++) bomb = [bomb, bomb]
    expect(() => ownValue(bomb)).toThrow(RangeError)
  })

  test('keys named as things of Object.prototype are keys like others', () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"admin":true},"constructor":1}')
    const read = decode(encode(ownValue(hostile))) as { admin?: boolean }
    expect(Object.keys(read)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
    expect(read.admin).toBeUndefined()
  })

  test('neither what came in nor what is handed out can change a value', () => {
    const mine = { list: [1, { deep: true }], all: [Uint8Array.of(5)], bytes: Uint8Array.of(1) }
    const own = ownValue(mine)
    mine.list.push(2)
    mine.bytes[0] = 9
    const given = handOut(own) as typeof mine
    given.bytes[0] = 9
    given.all[0]?.fill(9)
    expect(() => given.list.push(2)).toThrow(TypeError)
    expect(() => Object.assign(given.list[1] as object, { deep: false })).toThrow(TypeError)
    expect(handOut(own)).toEqual({
      list: [1, { deep: true }],
      all: [Uint8Array.of(5)],
      bytes: Uint8Array.of(1),
    })
    expect(handOut(decode(encode(own)))).toEqual(handOut(own))
    expect(() => (handOut(decode(encode(own))) as typeof mine).list.push(2)).toThrow(TypeError)
  })

  test('a Buffer comes back as bytes of its own', () => {
    const buffer = Buffer.from('abc')
    const own = ownValue(buffer) as Uint8Array
    buffer[0] = 0
    expect([own.constructor, ...own]).toEqual([Uint8Array, 97, 98, 99])
  })
})
