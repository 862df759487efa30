import { expect, test } from 'vitest'
import { hmacSigner } from './node/hmac.ts'
import type { Position } from './position.ts'
import { RoutedSession } from './session.ts'
import { SharedPositions } from './shared-positions.ts'
import { encodeToken } from './token.ts'

const signer = hmacSigner(['a secret that only tests know'])
const at = (lsn: number, timeline = 1, cluster = '1'): Position => ({ cluster, timeline, lsn: BigInt(lsn) })
const tokenAt = (...input: Parameters<typeof at>): string => encodeToken(at(...input), signer)
const sessionOf = (key?: string, shared = new SharedPositions(10)): RoutedSession =>
  new RoutedSession(key, signer, shared, () => {})

test('merge() keeps the later of all tokens, in any order', () => {
  for (const tokens of [
    [tokenAt(5), tokenAt(9), tokenAt(7)],
    [tokenAt(9), tokenAt(7), tokenAt(5)],
  ]) {
    const session = sessionOf()
    for (const token of tokens) session.merge(token)
    expect(session.token).toBe(tokenAt(9))
    expect(session.changed).toBe(false)
  }
})

test('one bad token among good ones means the primary', () => {
  const session = sessionOf()
  session.merge(tokenAt(5))
  session.merge('rubbish')
  session.merge(tokenAt(9))
  expect(session.need).toEqual({ type: 'primary', rejection: 'malformed' })
  expect(session.token).toBeUndefined()
})

test('tokens of two clusters mean the primary', () => {
  const session = sessionOf()
  session.merge(tokenAt(5))
  session.merge(tokenAt(5, 1, '2'))
  expect(session.need).toEqual({ type: 'primary', rejection: 'foreign' })
})

test('what a replica showed does not replace a token that could not be read; a position of the primary does', () => {
  const session = sessionOf()
  session.merge('rubbish')
  session.advance(at(5), false)
  expect(session.need.type).toBe('primary')
  session.advance(at(5), true)
  expect(session.need).toEqual({ type: 'position', position: at(5) })
  expect(session.changed).toBe(true)
})

test('advance() never goes back on one timeline, and moves to the timeline of the primary', () => {
  const session = sessionOf()
  session.advance(at(9), true)
  session.advance(at(5), true)
  expect(session.token).toBe(tokenAt(9))
  session.advance(at(3, 2), true)
  expect(session.token).toBe(tokenAt(3, 2))
})

test('sessions of one key share the latest position, others do not', () => {
  const shared = new SharedPositions(10)
  const [first, second, stranger] = [
    sessionOf('ann', shared),
    sessionOf('ann', shared),
    sessionOf('bob', shared),
  ]
  first.advance(at(9), true)
  second.advance(at(5), true)
  expect([first.token, second.token, stranger.token]).toEqual([tokenAt(9), tokenAt(9), undefined])
})

test('shared positions are bounded; those longest unseen are forgotten', () => {
  const shared = new SharedPositions(2)
  for (const key of ['a', 'b', 'a', 'c']) shared.advance(key, at(1))
  expect(['a', 'b', 'c'].map((key) => shared.get(key) !== undefined)).toEqual([true, false, true])
})
