import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSigner } from './node/hmac.ts'
import type { Position } from './position.ts'
import { decodeToken, encodeToken, MAX_POSITIONS, type TokenContent } from './token.ts'

const OLD = 'an old secret of some length'
const NEW = 'a new secret of some length'
const signer = hmacSigner([NEW])
const position: fc.Arbitrary<Position> = fc.record({
  cluster: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  timeline: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
})
const contents: fc.Arbitrary<TokenContent> = fc.record({
  positions: fc.array(position, { minLength: 1, maxLength: MAX_POSITIONS }),
  issuedAtMs: fc.nat(4_000_000_000).map((seconds) => seconds * 1_000),
})

test('a token decodes to what it was made of, and is fit for a cookie and a header', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const token = encodeToken(content, signer)
      expect(token).toMatch(/^[\w-]{59,139}$/)
      expect(decodeToken(token, signer)).toEqual({ content })
    }),
  )
})

test('a token with any bit changed is not taken', () => {
  fc.assert(
    fc.property(contents, fc.nat(), fc.nat(7), (content, at, bit) => {
      const bytes = Buffer.from(encodeToken(content, signer), 'base64url')
      const byte = at % bytes.length
      bytes[byte] = (bytes[byte] as number) ^ (1 << bit)
      expect(decodeToken(bytes.toString('base64url'), signer).rejected).toBe(
        byte === 0 ? 'malformed' : byte < 4 ? 'unknown-key' : 'tampered',
      )
    }),
  )
})

test('a token that was cut or grew is not taken', () => {
  fc.assert(
    fc.property(contents, fc.nat(), (content, at) => {
      const token = encodeToken(content, signer)
      expect(decodeToken(token.slice(0, at % token.length), signer).rejected).toMatch(/malformed|tampered/)
      expect(decodeToken(`${token}${'A'.repeat((at % 200) + 4)}`, signer).rejected).toMatch(
        /malformed|tampered/,
      )
    }),
  )
})

test('any text at all is taken or rejected, never an error', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ minLength: 59, maxLength: 59 }), fc.base64String()),
      (text) => {
        expect(decodeToken(text, signer).rejected).toMatch(/malformed|unknown-key/)
      },
    ),
  )
})

test('keys rotate: old tokens are taken as long as the old key is listed, new ones carry the new key', () => {
  fc.assert(
    fc.property(contents, (content) => {
      const before = encodeToken(content, hmacSigner([OLD]))
      const both = hmacSigner([NEW, OLD])
      expect(decodeToken(before, both)).toEqual({ content })
      expect(decodeToken(encodeToken(content, both), signer)).toEqual({ content })
      expect(decodeToken(before, signer).rejected).toBe('unknown-key')
    }),
  )
})

test('a short secret, or none, is refused', () => {
  expect(() => hmacSigner(['short'])).toThrow(RangeError)
  expect(() => hmacSigner([])).toThrow(RangeError)
})
