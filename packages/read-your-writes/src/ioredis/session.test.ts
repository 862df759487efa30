import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { hmacSigner } from '../node/hmac.ts'
import { SharedValues } from '../shared-values.ts'
import { NOWHERE, type RedisPosition } from './position.ts'
import { RedisSession, type RedisSessionParts } from './session.ts'
import { encodeRedisToken } from './token.ts'

const signer = hmacSigner(['a secret that only tests know'])
const at = (offset: number, id = 'a'): RedisPosition => ({ replid: id.repeat(40), offset: BigInt(offset) })
const clock = new VirtualClock()
const tokenAt = (...positions: RedisPosition[]): string =>
  encodeRedisToken({ positions, issuedAtMs: clock.now() }, signer)
const rejections: string[] = []
const parts = (change: Partial<RedisSessionParts> = {}): RedisSessionParts => ({
  signer,
  clock,
  shared: new SharedValues(10),
  maxTokenAgeMs: 60_000,
  onRejected: (rejection) => rejections.push(rejection),
  ...change,
})
const sessionOf = (tokens: string[] = [], key?: string, common = parts()): RedisSession =>
  new RedisSession(key, tokens, common)

test('merge() keeps the later of all tokens, in any order', () => {
  for (const tokens of [
    [tokenAt(at(5)), tokenAt(at(9)), tokenAt(at(7))],
    [tokenAt(at(9)), tokenAt(at(7)), tokenAt(at(5))],
  ]) {
    const session = sessionOf(tokens)
    expect(session.positions).toEqual([at(9)])
    expect(session.changed).toBe(false)
  }
})

test('positions of several histories are all asked for, until the primary says what holds', () => {
  const session = sessionOf([tokenAt(at(5)), tokenAt(at(3, 'b'))])
  const before = session.positions
  expect(before).toEqual([at(5), at(3, 'b')])
  session.reached(at(8, 'b'), before)
  expect(session.positions).toEqual([at(8, 'b')])
})

test('what came in while the primary was asked is not lost by its answer', () => {
  const session = sessionOf([tokenAt(at(5))])
  const before = session.positions
  session.reached(at(20, 'b'), before)
  session.reached(at(7), before) // an answer of the old primary that comes late
  expect(session.positions).toContainEqual(at(20, 'b'))
})

test('one bad token among good ones means the primary, whose position replaces it even if nothing moved', () => {
  const session = sessionOf([tokenAt(at(5)), 'rubbish', tokenAt(at(9))])
  expect(session.need).toEqual({ type: 'primary', rejection: 'malformed' })
  expect(session.token).toBeUndefined()
  session.saw(at(5))
  expect(session.need.type).toBe('primary')
  session.reached(at(5), session.positions)
  expect(session.need).toEqual({ type: 'positions', positions: [at(5)] })
  expect(session.changed).toBe(true)
})

test('a bad token of a user whose position is known is replaced as well', () => {
  const common = parts()
  sessionOf([], 'ann', common).reached(at(5), [])
  const session = sessionOf(['rubbish'], 'ann', common)
  session.reached(at(5), session.positions)
  expect(session.changed).toBe(true)
})

test('a token that is too old is told', () => {
  const token = tokenAt(at(5))
  const late: RedisSessionParts = parts({ clock: new VirtualClock(clock.now() + 62_000) })
  expect(sessionOf([token], undefined, late).need).toEqual({ type: 'primary', rejection: 'expired' })
  expect(rejections.at(-1)).toBe('expired')
})

test('a write that is lost track of asks for the primary, also for who gets the token', () => {
  const session = sessionOf([tokenAt(at(5))])
  session.lost()
  const handed = sessionOf([session.token ?? ''])
  expect(handed.positions).toContainEqual(NOWHERE)
  handed.reached(at(6), handed.positions)
  expect(handed.positions).toEqual([at(6)])
})

test('sessions of one key share what they know, others do not', () => {
  const common = parts()
  const [first, second, stranger] = ['ann', 'ann', 'bob'].map((key) => sessionOf([], key, common))
  first?.reached(at(9), [])
  second?.reached(at(5), [])
  expect([first, second, stranger].map((session) => session?.positions)).toEqual([[at(9)], [at(9)], []])
})
