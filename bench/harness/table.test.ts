import { expect, test } from 'vitest'
import { ratiosOf, readable, tableOf } from './table.ts'

test('tableOf() aligns a line per case and a column per metric', () => {
  const units = { rate: 'per s', p50: 'ms' }
  const cases = ['ours', 'another'].map((name) => ({ name, round: () => ({}) }))
  const figure = { metric: 'rate', unit: 'per s', spread: 0.054 }
  const table = tableOf({ title: 'decrement', units, cases }, [
    { ...figure, name: 'ours', value: 6928.4 },
    { ...figure, name: 'ours', metric: 'p50', value: 1.236, spread: 0 },
    { ...figure, name: 'another', value: 91 },
  ])
  expect(table.split('\n')).toEqual([
    'decrement   rate, per s   p50, ms',
    '---------------------------------',
    'ours          6,928 ±5%      1.24',
    'another          91 ±5%         -',
  ])
})

test('ratiosOf() shows how many times', () => {
  expect(ratiosOf({ 'a / b': 10.46 })).toBe('ratio\n--------------\na / b   10.5 ×')
})

test.each([
  [0, '0'],
  [0.0012345, '0.00123'],
  [4.567, '4.57'],
  [123.4, '123'],
  [-6928.4, '-6,928'],
  [Infinity, 'Infinity'],
])('readable(%d) is %s', (value, text) => {
  expect(readable(value)).toBe(text)
})
