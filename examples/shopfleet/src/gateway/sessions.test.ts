import type { Request, Response } from 'express'
import { expect, test } from 'vitest'
import { cookieOf, sessionCarrier } from './sessions.ts'

test('cookieOf() finds a cookie among others', () => {
  expect(cookieOf('a=1; quorate-session-orders=abc_-; b=2', 'quorate-session-orders')).toBe('abc_-')
})

test.each([[undefined], [''], ['other=1'], ['quorate-session-orders']])(
  'cookieOf(%j) is undefined',
  (header) => {
    expect(cookieOf(header, 'quorate-session-orders')).toBeUndefined()
  },
)

function carried(headers: Readonly<Record<string, string>>) {
  const set: Record<string, string> = {}
  const append = (name: string, value: string): void => {
    set[name] = value
  }
  const request = { header: (name: string) => headers[name] } as unknown as Request
  const response = { setHeader: append, append } as unknown as Response
  return { set, ...sessionCarrier().carry('orders', request, response) }
}

test('carry() hands on the token of this service only, and who it is', () => {
  const cookie = 'quorate-session-cart=other; quorate-session-orders=Own_1-'
  expect(carried({ cookie, 'x-user-id': 'ann' }).headers).toEqual({
    'quorate-session': 'Own_1-',
    'x-user-id': 'ann',
  })
  expect(carried({ cookie: 'quorate-session-cart=other' }).headers).toEqual({})
})

test.each([['%0A'], ['a b'], ['"quoted"'], ['€'], [''], ['A'.repeat(1_001)]])(
  'carry() hands on what cannot be a token (%j) as one that is not understood: without one a replica might answer',
  (value) => {
    expect(carried({ cookie: `quorate-session-orders=${value}` }).headers).toEqual({
      'quorate-session': 'not-a-token',
    })
  },
)

test('carry() gives the browser the new token as a cookie and a header', () => {
  const { set, onHeaders } = carried({})
  onHeaders?.({ 'quorate-session': 'New_2-' })
  expect(set).toEqual({
    'quorate-session-orders': 'New_2-',
    'set-cookie': 'quorate-session-orders=New_2-; Path=/api; HttpOnly; SameSite=Lax',
  })
})

test('carry() leaves the browser its token when there is no new one', () => {
  const { set, onHeaders } = carried({})
  onHeaders?.({})
  expect(set).toEqual({})
})
