import { expect, test } from 'vitest'
import { afterExchange, headerValue, isLost, LOST, lostMark, MAX_TOKENS, tokensIn } from './token-set.ts'

const set = (...tokens: string[]): ReadonlySet<string> => new Set(tokens)
const [MARK, LATER] = [lostMark('a-1'), lostMark('a-2')]

test('afterExchange() replaces what the request carried, and nothing that came meanwhile', () => {
  const change = afterExchange(
    set('a', 'b', 'c'),
    { carried: set('a', 'b'), answered: ['d'], lost: false },
    MARK,
  )
  expect(change).toEqual({ add: ['d'], remove: ['a', 'b'] })
})

test('afterExchange() keeps everything when the answer has no token', () => {
  const change = afterExchange(set('a', 'b'), { carried: set('a'), answered: [], lost: false }, MARK)
  expect(change).toEqual({ add: [], remove: [] })
})

test('afterExchange() keeps a carried token that the server answers with, and stores it again', () => {
  const change = afterExchange(set('a', 'b'), { carried: set('a', 'b'), answered: ['b'], lost: false }, MARK)
  expect(change).toEqual({ add: ['b'], remove: ['a'] })
})

test('afterExchange() lets a lost token stand for all', () => {
  const change = afterExchange(set('a', 'b'), { carried: set('a'), answered: [], lost: true }, MARK)
  expect(change).toEqual({ add: [MARK], remove: ['a', 'b'] })
})

test('afterExchange() keeps a loss that came after the request which carries an earlier one', () => {
  const again = afterExchange(set(MARK), { carried: set(MARK), answered: [], lost: true }, LATER)
  expect(again).toEqual({ add: [LATER], remove: [MARK] })
  const change = afterExchange(set(LATER), { carried: set(MARK), answered: ['older'], lost: false }, 'unused')
  expect(change).toEqual({ add: ['older'], remove: [] })
})

test('afterExchange() carries no more than fit: the primary covers them', () => {
  const full = Array.from({ length: MAX_TOKENS }, (_, index) => `t${index}`)
  const change = afterExchange(new Set(full), { carried: set(), answered: ['one more'], lost: false }, MARK)
  expect(change).toEqual({ add: [MARK], remove: full })
})

test('headerValue() sends the lost one alone, as it covers all', () => {
  expect([set(), set('a'), set('a', 'b'), set('a', MARK)].map((held) => headerValue(held))).toEqual([
    undefined,
    'a',
    'a, b',
    LOST,
  ])
})

test('a mark is of one loss, and told from tokens', () => {
  expect([MARK, LATER, LOST, 'lostness', 'a~lost'].map(isLost)).toEqual([true, true, true, false, false])
  expect(tokensIn(`a, ${MARK}`)).toEqual(['a'])
})

test('tokensIn() takes tokens, and nothing else', () => {
  expect(tokensIn('abc, d-e_f')).toEqual(['abc', 'd-e_f'])
  expect(tokensIn(`, ,a b,"quoted",lost,${'x'.repeat(2_000)}`)).toEqual([])
  expect(tokensIn(null)).toEqual([])
})
