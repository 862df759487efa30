import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { beforeHeaders } from './before-headers.ts'

type Given = Parameters<ServerResponse['writeHead']>[1]

/** A response that gets ours before its headers go. */
function responseWithOurs(): ServerResponse {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  beforeHeaders(response, () => {
    response.setHeader('Quorate-Session', 'token')
    response.appendHeader('Set-Cookie', 'ours=1')
  })
  return response
}

/** Headers as they are when they go, with ours. */
function sent(headers: unknown): Record<string, unknown> {
  const response = responseWithOurs()
  response.writeHead(200, headers as Given)
  return { ...response.getHeaders() }
}

// In all forms that Node takes of an application which has set no header before.
test.each([
  ['an object', { 'x-other': 'kept', 'Set-Cookie': ['a=1', 'b=2'] }],
  ['a flat list', ['x-other', 'kept', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2']],
  [
    'a list of pairs',
    [
      ['x-other', 'kept'],
      ['Set-Cookie', ['a=1', 'b=2']],
    ],
  ],
  [
    'a list of pairs, one for each cookie',
    [
      ['Set-Cookie', 'a=1'],
      ['x-other', 'kept'],
      ['Set-Cookie', 'b=2'],
    ],
  ],
])('headers given to writeHead() as %s stay beside ours', (_, headers) => {
  expect(sent(headers)).toEqual({
    'quorate-session': 'token',
    'set-cookie': ['ours=1', 'a=1', 'b=2'],
    'x-other': 'kept',
  })
})

test('so do those without cookies, and none at all', () => {
  const ours = { 'quorate-session': 'token', 'set-cookie': 'ours=1' }
  expect(sent([['x-other', 'kept']])).toEqual({ ...ours, 'x-other': 'kept' })
  expect(sent({ 'x-other': 'kept' })).toEqual({ ...ours, 'x-other': 'kept' })
  expect(sent(undefined)).toEqual(ours)
})

test('headers that come when others have gone are refused by Node, each time, and nothing is done once more', () => {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  let acts = 0
  beforeHeaders(response, () => acts++)
  response.writeHead(200)
  response.flushHeaders()
  for (const status of [500, 501]) expect(() => response.writeHead(status)).toThrow(/after they are sent/)
  expect(acts).toBe(1)
})

test('an error page that takes the place of headers which could not go has ours too', () => {
  const response = responseWithOurs()
  expect(() => response.writeHead(200, { 'x-other': 'no\nheader' })).toThrow(TypeError)
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(500)
  response.flushHeaders() // no second time
  expect({ ...response.getHeaders() }).toEqual({ 'quorate-session': 'token', 'set-cookie': 'ours=1' })
})
