import { expect, test } from 'vitest'
import { afterExchange, headerValue, LOST, MAX_TOKENS, tokensIn } from './token-set.ts'

const set = (...tokens: string[]): ReadonlySet<string> => new Set(tokens)

test('afterExchange() replaces what the request carried, and nothing that came meanwhile', () => {
  const change = afterExchange(set('a', 'b', 'c'), { carried: set('a', 'b'), answered: ['d'], lost: false })
  expect(change).toEqual({ add: ['d'], remove: ['a', 'b'] })
})

test('afterExchange() keeps everything when the answer has no token', () => {
  const change = afterExchange(set('a', 'b'), { carried: set('a'), answered: [], lost: false })
  expect(change).toEqual({ add: [], remove: [] })
})

test('afterExchange() keeps a carried token that the server answers with', () => {
  const change = afterExchange(set('a', 'b'), { carried: set('a', 'b'), answered: ['b'], lost: false })
  expect(change).toEqual({ add: [], remove: ['a'] })
})

test('afterExchange() lets a lost token stand for all', () => {
  const change = afterExchange(set('a', 'b'), { carried: set('a'), answered: [], lost: true })
  expect(change).toEqual({ add: [LOST], remove: ['a', 'b'] })
})

test('afterExchange() carries no more than fit: the primary covers them', () => {
  const full = Array.from({ length: MAX_TOKENS }, (_, index) => `t${index}`)
  const change = afterExchange(new Set(full), { carried: set(), answered: ['one more'], lost: false })
  expect(change).toEqual({ add: [LOST], remove: full })
})

test('headerValue() sends the lost one alone, as it covers all', () => {
  expect([set(), set('a'), set('a', 'b'), set('a', LOST)].map((held) => headerValue(held))).toEqual([
    undefined,
    'a',
    'a, b',
    LOST,
  ])
})

test('tokensIn() takes tokens, and nothing else', () => {
  expect(tokensIn('abc, d-e_f')).toEqual(['abc', 'd-e_f'])
  expect(tokensIn(`, ,a b,"quoted",lost,${'x'.repeat(2_000)}`)).toEqual([])
  expect(tokensIn(null)).toEqual([])
})
