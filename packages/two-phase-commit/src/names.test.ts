import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatGid, formatId, parseGid, parseId, requireName } from './names.ts'

const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/)
const log = fc.stringMatching(/^[a-z0-9]{12}$/)
const id = fc.record({
  coordinator: name,
  epoch: fc.bigInt(0n, 2n ** 63n - 1n).map(String),
  number: fc.nat(Number.MAX_SAFE_INTEGER).map(String),
})

test('a gid is read back, is short enough for Postgres, and is nobody else’s', () => {
  fc.assert(
    fc.property(log, id, name, (owner, parts, participant) => {
      const text = formatId(parts)
      expect(parseId(text)).toEqual(parts)
      const gid = formatGid(owner, text, participant)
      expect(gid.length).toBeLessThan(200)
      expect(parseGid(owner, gid)).toEqual({ id: text, participant })
      expect(parseGid(`${owner}x`, gid)).toBeUndefined()
    }),
  )
})

test('strangers are no gids of ours', () => {
  fc.assert(
    fc.property(fc.string(), (gid) => {
      expect(parseGid('abcdefghijkl', gid)).toBeUndefined()
    }),
  )
  for (const gid of [
    'quorate:abc:x.1.1',
    'quorate:abc:x.1:p',
    'quorate:abc:x.1.1:p:q',
    'quorate:abc:x.1.1:p q',
    'other:abc:x.1.1:p',
  ])
    expect(parseGid('abc', gid)).toBeUndefined()
})

test('names that would not fit are refused', () => {
  expect(() => requireName('create a coordinator', 'name', 'a:b')).toThrow(RangeError)
  expect(() => requireName('create a coordinator', 'name', 'x'.repeat(33))).toThrow(/1 to 32 letters/)
  expect(() => requireName('create a coordinator', 'name', 'orders-1')).not.toThrow()
})
