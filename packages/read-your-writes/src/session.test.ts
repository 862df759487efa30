import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { clusterNamer, hmacSigner } from './node/hmac.ts'
import type { Position } from './position.ts'
import { RoutedSession } from './session.ts'
import { SharedValues } from './shared-values.ts'
import { encodeToken } from './token.ts'

const signer = hmacSigner(['a secret that only tests know'])
const clock = new VirtualClock(1_700_000_000_000)
const at = (lsn: number, timeline = 1, cluster = '1'): Position => ({ cluster, timeline, lsn: BigInt(lsn) })
const tokenOf = (...positions: Position[]): string =>
  encodeToken({ positions, issuedAtMs: clock.now() }, signer)
const tokenAt = (...input: Parameters<typeof at>): string => tokenOf(at(...input))
const sessionOf = (
  key?: string,
  shared: SharedValues<Position> = new SharedValues(10),
  tokens: string[] = [],
  onRejected: (rejection: string) => void = () => {},
  name?: string,
): RoutedSession =>
  new RoutedSession(key, tokens, {
    signer,
    shared,
    clock,
    maxTokenAgeMs: 1_000,
    inTokens: clusterNamer(name),
    onRejected,
  })

test('merge() keeps the later of all tokens, in any order', () => {
  for (const tokens of [
    [tokenAt(5), tokenAt(9), tokenAt(7)],
    [tokenAt(9), tokenAt(7), tokenAt(5)],
  ]) {
    const session = sessionOf(undefined, undefined, tokens)
    expect(session.token).toBe(tokenAt(9))
    expect(session.changed).toBe(false)
  }
})

test('what the primary says counts over a newer timeline, which it does not know: else nobody could serve it', () => {
  const session = sessionOf(undefined, undefined, [tokenAt(9, 3)])
  session.advance(at(5, 2), false)
  expect(session.token).toBe(tokenAt(9, 3))
  session.advance(at(5, 2), true)
  expect(session.token).toBe(tokenAt(5, 2))
})

test('what a bad token hides may be later than what others say, in each database', () => {
  const session = sessionOf(undefined, undefined, [tokenOf(at(5, 1, '2')), 'rubbish'])
  session.advance(at(9), true)
  expect(session.token).toBe(tokenAt(9))
  expect(session.need('2')).toEqual({ type: 'primary', rejection: 'foreign' })
})

test('one bad token among good ones means the primary', () => {
  const session = sessionOf()
  session.merge(tokenAt(5))
  session.merge('rubbish')
  session.merge(tokenAt(9))
  expect(session.need('1')).toEqual({ type: 'primary', rejection: 'malformed' })
  expect(session.token).toBeUndefined()
})

test('a token that comes in later moves the session, so that its own token is handed on', () => {
  const session = sessionOf(undefined, undefined, [tokenAt(5)])
  session.merge([tokenAt(3), tokenAt(5)])
  expect(session.changed).toBe(false)
  session.merge(tokenAt(6))
  expect([session.changed, session.token]).toEqual([true, tokenAt(6)])
})

test('tokens of two clusters are kept apart, and handed on together', () => {
  const session = sessionOf()
  session.merge([tokenAt(5), tokenAt(7, 1, '2'), tokenAt(6)])
  expect(session.need('1')).toEqual({ type: 'position', position: at(6) })
  expect(session.need('2')).toEqual({ type: 'position', position: at(7, 1, '2') })
  expect(session.token).toBe(tokenOf(at(7, 1, '2'), at(6)))
  session.advance(at(8, 1, '2'), false)
  expect(session.token).toBe(tokenOf(at(6), at(8, 1, '2')))
})

test('databases that share a system identifier are told apart by their names', () => {
  const inOne = (tokens: string[] = []): RoutedSession =>
    sessionOf(undefined, undefined, tokens, undefined, 'one')
  const inOther = (tokens: string[] = []): RoutedSession =>
    sessionOf('ann', undefined, tokens, undefined, 'other')
  const first = inOne()
  first.advance(at(5), true)
  const second = inOther([first.token as string])
  expect(second.need('1')).toEqual({ type: 'primary', rejection: 'foreign' })
  second.advance(at(3), true)
  expect(second.need('1')).toEqual({ type: 'position', position: at(3) })
  expect(inOne([second.token as string]).need('1')).toEqual({ type: 'position', position: at(5) })
  expect(sessionOf(undefined, undefined, [second.token as string]).need('1').type).toBe('primary')
})

test('a token of other clusters only means the primary, which adds its own position', () => {
  const session = sessionOf()
  session.merge(tokenAt(5, 1, '2'))
  expect(session.need('1')).toEqual({ type: 'primary', rejection: 'foreign' })
  session.advance(at(9), true)
  expect(session.token).toBe(tokenOf(at(5, 1, '2'), at(9)))
})

test('a token holds four clusters; the one that moved longest ago makes room', () => {
  const session = sessionOf()
  for (const cluster of ['1', '2', '3', '4', '1', '5']) session.advance(at(1, 1, cluster), true)
  session.advance(at(2), true)
  expect(session.token).toBe(tokenOf(at(1, 1, '3'), at(1, 1, '4'), at(1, 1, '5'), at(2)))
})

test('an expired token means the primary, also if the clock has jumped; one from the future is taken', () => {
  const rejections: string[] = []
  const issued = (agoMs: number): RoutedSession => {
    const token = encodeToken({ positions: [at(5)], issuedAtMs: clock.now() - agoMs }, signer)
    return sessionOf(undefined, undefined, [token], (rejection) => rejections.push(rejection))
  }
  expect(issued(2_000).need('1')).toEqual({ type: 'primary', rejection: 'expired' })
  expect(rejections).toEqual(['expired'])
  for (const agoMs of [1_000, 0, -86_400_000]) {
    expect(issued(agoMs).need('1')).toEqual({ type: 'position', position: at(5) })
  }
})

test('what a replica showed does not replace a token that could not be read; a position of the primary does', () => {
  const session = sessionOf()
  session.merge('rubbish')
  session.advance(at(5), false)
  expect(session.need('1').type).toBe('primary')
  session.advance(at(5), true)
  expect(session.need('1')).toEqual({ type: 'position', position: at(5) })
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
  const shared: SharedValues<Position> = new SharedValues(10)
  const [first, second, stranger] = [
    sessionOf('ann', shared),
    sessionOf('ann', shared),
    sessionOf('bob', shared),
  ]
  first.advance(at(9), true)
  second.advance(at(5), true)
  expect([first.token, second.token, stranger.token]).toEqual([tokenAt(9), tokenAt(9), undefined])
})

test('shared values are bounded; those longest unseen are forgotten', () => {
  const shared = new SharedValues<Position>(2)
  for (const key of ['a', 'b', 'a', 'c']) shared.set(key, at(1))
  expect(['a', 'b', 'c'].map((key) => shared.get(key) !== undefined)).toEqual([true, false, true])
})
