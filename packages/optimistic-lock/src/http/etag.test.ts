import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowExistsError, RowGoneError, StaleVersionError } from '../errors.ts'
import { answerTo } from './answer.ts'
import { PreconditionFailedError, PreconditionRequiredError } from './errors.ts'
import { etagOf, isNotModified, matches, parseIfMatch, versionOfTag } from './etag.ts'
import { readIfMatch } from './if-match.ts'

test('etagOf() and If-Match carry any version there and back', () => {
  const version = fc.oneof(
    fc.integer(),
    fc.bigInt(),
    fc.string({ unit: 'grapheme' }),
    fc.date({ noInvalidDate: true }),
  )
  fc.assert(
    fc.property(fc.array(version, { minLength: 1, maxLength: 5 }), version, (versions, other) => {
      const parsed = parseIfMatch(versions.map(etagOf).join(', '))
      const texts = versions.map((each) => (each instanceof Date ? each.toISOString() : String(each)))
      expect(parsed).toHaveLength(versions.length)
      const tags = parsed === '*' || parsed === undefined ? [] : parsed
      expect(tags.map(versionOfTag)).toEqual(texts)
      for (const each of versions) expect(matches(tags, each)).toBe(true)
      const text = other instanceof Date ? other.toISOString() : String(other)
      expect(matches(tags, other)).toBe(texts.includes(text))
    }),
  )
})

test('parseIfMatch() reads *, lists, weak tags and commas inside a tag', () => {
  expect(parseIfMatch(' * ')).toBe('*')
  expect(parseIfMatch('"a,b" , W/"c",""')).toEqual([
    { value: 'a,b', isWeak: false },
    { value: 'c', isWeak: true },
    { value: '', isWeak: false },
  ])
})

test.each([
  '',
  ' ',
  '3',
  '"3',
  '3"',
  '"a" "b"',
  '"a"W/"b"',
  ',',
  ' , ,',
  'w/"3"',
  'W/ "3"',
  '"a\u0000"',
  '*, "3"',
  "'3'",
])('parseIfMatch() refuses %j', (header) => {
  expect(parseIfMatch(header)).toBeUndefined()
  expect(() => readIfMatch(header)).toThrow(/malformed/)
})

test('parseIfMatch() ignores empty elements (RFC 9110, 5.6.1.2)', () => {
  for (const header of ['"a",', ',"a"', ' , "a" ,\t, ', '"a",,']) {
    expect(parseIfMatch(header)).toEqual([{ value: 'a', isWeak: false }])
  }
  expect(parseIfMatch(`${','.repeat(99)}"a"`)).toHaveLength(1)
  expect(parseIfMatch(`${','.repeat(100)}"a"`)).toBeUndefined()
})

test('isNotModified() compares weakly (RFC 9110, 13.1.2)', () => {
  expect(isNotModified('"3"', 3)).toBe(true)
  expect(isNotModified('W/"3"', '3')).toBe(true)
  expect(isNotModified('"2", W/"3"', 3n)).toBe(true)
  expect(isNotModified('*', 3)).toBe(true)
  expect(isNotModified('"4"', 3)).toBe(false)
  expect(isNotModified(undefined, 3)).toBe(false)
  expect(isNotModified('3', 3)).toBe(false)
  for (const header of ['"3"', '*']) expect(isNotModified(header, undefined)).toBe(false)
})

test('old values are never sent as an ETag', () => {
  const facts = { action: 'update', table: 'person', key: { id: 1 }, expected: '{"a":1}', actual: '{"a":2}' }
  expect(answerTo(new StaleVersionError({ ...facts, versionKind: 'values' }))).toEqual({
    statusCode: 412,
    code: 'QUORATE_STALE_VERSION',
    headers: {},
  })
})

test('parseIfMatch() reads hostile headers in time that grows with their length alone', () => {
  expect(parseIfMatch('"a",'.repeat(100_000))).toBeUndefined()
  expect(parseIfMatch(' '.repeat(100_000))).toBeUndefined()
  expect(parseIfMatch(`"a"${' '.repeat(100_000)}x`)).toBeUndefined()
  expect(parseIfMatch(`${' '.repeat(100_000)}x`)).toBeUndefined()
  expect(parseIfMatch(`"${'a'.repeat(100_000)}`)).toBeUndefined()
})

test('matches() compares strongly: a weak tag satisfies nobody, * everybody who is there', () => {
  expect(matches([{ value: '3', isWeak: true }], 3)).toBe(false)
  expect(matches([{ value: '3', isWeak: false }], '3')).toBe(true)
  expect(matches('*', 3)).toBe(true)
  expect(matches('*', undefined)).toBe(false)
})

test('readIfMatch() requires the header unless told not to', () => {
  expect(() => readIfMatch(undefined)).toThrow(PreconditionRequiredError)
  expect(readIfMatch(undefined, { required: false })).toBe('*')
})

test('etagOf() refuses what is no version', () => {
  expect(() => etagOf({} as unknown as string)).toThrow(TypeError)
})

test('answerTo() knows the errors of this package by their code, and no others', () => {
  const facts = { action: 'update', table: 'stock', key: { sku: 'mug' } }
  const stale = new StaleVersionError({ ...facts, expected: 1, actual: 2 })
  expect(answerTo(stale)).toEqual({
    statusCode: 412,
    code: 'QUORATE_STALE_VERSION',
    headers: { ETag: '"2"' },
  })
  expect(answerTo(new StaleVersionError({ ...facts, expected: 1, actual: undefined }))?.headers).toEqual({})
  expect(answerTo(new PreconditionFailedError({ etag: '"7"' }))?.headers).toEqual({ ETag: '"7"' })
  expect(answerTo(new RowGoneError(facts))?.statusCode).toBe(404)
  expect(answerTo(new RowExistsError(facts))?.statusCode).toBe(409)
  expect(answerTo(new PreconditionRequiredError())?.statusCode).toBe(428)
  expect(answerTo(new Error('other'))).toBeUndefined()
  expect(answerTo(undefined)).toBeUndefined()
})
