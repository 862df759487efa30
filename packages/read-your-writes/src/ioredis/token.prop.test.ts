import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSigner } from '../node/hmac.ts'
import { decodeToken, encodeToken } from '../token.ts'
import { NOWHERE, type RedisPosition } from './position.ts'
import { decodeRedisToken, encodeRedisToken, MAX_POSITIONS } from './token.ts'

const OLD = 'an old secret of some length'
const NEW = 'a new secret of some length'
const signer = hmacSigner([NEW])
const hex = fc
  .array(fc.constantFrom(...'0123456789abcdef'.split('')), { minLength: 40, maxLength: 40 })
  .map((digits) => digits.join(''))
const positions: fc.Arbitrary<RedisPosition> = fc.record({
  replid: hex,
  offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
})
const contents = fc.record({
  positions: fc.array(positions, { minLength: 1, maxLength: MAX_POSITIONS }),
  issuedAtMs: fc.nat(4_000_000).map((seconds) => seconds * 1_000),
})

test('a token decodes to what it was made of, and is fit for a cookie and a header', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const token = encodeRedisToken(content, signer)
      expect(token).toMatch(/^[\w-]+$/)
      expect(decodeRedisToken(token, signer)).toEqual({ content })
    }),
  )
})

test('more histories than a token can hold mean the primary', () => {
  const many = Array.from({ length: MAX_POSITIONS + 1 }, (_, n) => ({
    replid: String(n + 1).repeat(40),
    offset: 1n,
  }))
  const token = encodeRedisToken({ positions: many, issuedAtMs: 0 }, signer)
  expect(decodeRedisToken(token, signer).content?.positions).toEqual([NOWHERE])
})

test('a token with any bit changed is not taken', () => {
  fc.assert(
    fc.property(contents, fc.nat(), fc.nat(7), (content, byte, bit) => {
      const bytes = Buffer.from(encodeRedisToken(content, signer), 'base64url')
      const index = byte % bytes.length
      bytes[index] = (bytes[index] ?? 0) ^ (1 << bit)
      expect(decodeRedisToken(bytes.toString('base64url'), signer).rejected).toMatch(
        index === 0 ? /malformed/ : index < 4 ? /unknown-key/ : /tampered/,
      )
    }),
  )
})

test('any text at all is taken or rejected, never an error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ minLength: 70 })), (text) => {
      expect(decodeRedisToken(text, signer).rejected).toMatch(/malformed|tampered|unknown-key/)
    }),
  )
})

test('with one secret for Postgres and Redis, neither takes the token of the other', () => {
  fc.assert(
    fc.property(contents, (content) => {
      expect(decodeToken(encodeRedisToken(content, signer), signer).rejected).toBe('malformed')
      const { issuedAtMs } = content
      const other = { cluster: '1', timeline: 1, lsn: content.positions[0]?.offset ?? 0n }
      const token = encodeToken({ positions: [other], issuedAtMs }, signer)
      expect(decodeRedisToken(token, signer).rejected).toBe('malformed')
    }),
  )
})

test('keys rotate: old tokens are taken as long as the old key is listed', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const before = encodeRedisToken(content, hmacSigner([OLD]))
      expect(decodeRedisToken(before, hmacSigner([NEW, OLD]))).toEqual({ content })
      expect(decodeRedisToken(before, signer).rejected).toBe('unknown-key')
    }),
  )
})
