import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSigner } from './node/hmac.ts'
import type { Position } from './position.ts'
import { decodeToken, encodeToken } from './token.ts'

const OLD = 'an old secret of some length'
const NEW = 'a new secret of some length'
const signer = hmacSigner([NEW])
const positions: fc.Arbitrary<Position> = fc.record({
  cluster: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  timeline: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  lsn: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
})

test('a token decodes to what it was made of, and is fit for a cookie and a header', () => {
  fc.assert(
    fc.property(positions, (position) => {
      const token = encodeToken(position, signer)
      expect(token).toMatch(/^[\w-]{54}$/)
      expect(decodeToken(token, signer)).toEqual({ position })
    }),
  )
})

test('a token with any bit changed is not taken', () => {
  fc.assert(
    fc.property(positions, fc.nat(39), fc.nat(7), (position, byte, bit) => {
      const bytes = Buffer.from(encodeToken(position, signer), 'base64url')
      bytes[byte] = (bytes[byte] as number) ^ (1 << bit)
      expect(decodeToken(bytes.toString('base64url'), signer).rejected).toBe(
        byte === 0 ? 'malformed' : 'tampered',
      )
    }),
  )
})

test('any text at all is taken or rejected, never an error', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ minLength: 54, maxLength: 54 }), fc.base64String()),
      (text) => {
        expect(decodeToken(text, signer).rejected).toMatch(/malformed|tampered/)
      },
    ),
  )
})

test('keys rotate: old tokens are taken as long as the old key is listed, new ones carry the new key', () => {
  fc.assert(
    fc.property(positions, (position) => {
      const before = encodeToken(position, hmacSigner([OLD]))
      const both = hmacSigner([NEW, OLD])
      expect(decodeToken(before, both)).toEqual({ position })
      expect(decodeToken(encodeToken(position, both), signer)).toEqual({ position })
      expect(decodeToken(before, signer).rejected).toBe('tampered')
    }),
  )
})

test('a short secret, or none, is refused', () => {
  expect(() => hmacSigner(['short'])).toThrow(RangeError)
  expect(() => hmacSigner([])).toThrow(RangeError)
})
