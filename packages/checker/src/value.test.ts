import { expect, test } from 'vitest'
import { sameValue, valueKey } from './value.ts'

test('valueKey() tells dates, sets, maps and what is in them apart', () => {
  const values = [
    {},
    [],
    new Date(1),
    new Date(2),
    new Set([1]),
    new Set(['1']),
    new Map([[1, 2]]),
    new Map([[1, 3]]),
    { at: new Date(1) },
    { at: new Date(2) },
    /a/,
    /b/,
    new URL('https://example.com/a'),
    'Date(1)',
  ]
  expect(new Set(values.map(valueKey)).size).toBe(values.length)
})

test('valueKey() takes no order of fields, of the elements of a set, or of the entries of a map into account', () => {
  expect(valueKey({ a: 1, b: [2] })).toBe(valueKey({ b: [2], a: 1 }))
  expect(valueKey(new Set([1, 2]))).toBe(valueKey(new Set([2, 1])))
  expect(valueKey(new Map([[1, 2] as const, [3, 4] as const]))).toBe(
    valueKey(new Map([[3, 4] as const, [1, 2] as const])),
  )
})

test('sameValue() says of two values what their texts say', () => {
  const values = [null, undefined, 0, -0, 1, Number.NaN, '', '0', 'NaN', false, 1n, [], [0], {}, new Date(0)]
  for (const a of values)
    for (const b of values)
      expect(sameValue(a, b), `${valueKey(a)} ${valueKey(b)}`).toBe(valueKey(a) === valueKey(b))
})
