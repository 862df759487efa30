import { expect, test } from 'vitest'
import { cookieOf } from './sessions.ts'

test('cookieOf() finds a cookie among others', () => {
  expect(cookieOf('a=1; quorate-session-orders=abc%3D; b=2', 'quorate-session-orders')).toBe('abc=')
})

test.each([[undefined], [''], ['other=1'], ['quorate-session-orders'], ['quorate-session-orders=%E0%A4%A']])(
  'cookieOf(%j) is undefined',
  (header) => {
    expect(cookieOf(header, 'quorate-session-orders')).toBeUndefined()
  },
)
