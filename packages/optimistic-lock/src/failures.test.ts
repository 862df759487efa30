import { expect, test } from 'vitest'
import { isRefusal, wasNotSent } from './failures.ts'

const server = (code: string, severity: string | undefined = 'ERROR'): Error =>
  Object.assign(new Error('from the server'), { code, severity })
const system = (code: string, syscall: string): Error =>
  Object.assign(new Error(`${syscall} ${code}`), { code, syscall })

test.each([
  ['a constraint', server('23514'), true],
  ['a serialization failure', server('40001'), true],
  ['a statement timeout', server('57014'), true],
  ['an internal error', server('XX000'), true],
  ['a constraint, from a driver that tells no severity', server('23514', undefined), true],
  ['a constraint, in German', server('23514', 'FEHLER'), true],
  ['a server that ends the session', server('57P01', 'FATAL'), false],
  ['the same in German', server('57P01', 'SCHWERWIEGEND'), false],
  ['a transaction that took too long', server('25P04', 'FATAL'), false],
  ['a pooler that lost its server', server('08P01'), false],
  ['a pooler that does not know', server('40003'), false],
  ['a broken pipe', system('EPIPE', 'write'), false],
  ['a connection reset', system('ECONNRESET', 'read'), false],
  ['what pg says of an end', new Error('Connection terminated unexpectedly'), false],
  ['nothing at all', undefined, false],
])('isRefusal() of %s', (_, error, expected) => {
  expect(isRefusal(error)).toBe(expected)
})

test.each([
  ['nobody listens', system('ECONNREFUSED', 'connect'), true],
  ['no such host', system('ENOTFOUND', 'getaddrinfo'), true],
  [
    'nobody listens on any address',
    new AggregateError([system('ECONNREFUSED', 'connect'), system('ECONNREFUSED', 'connect')]),
    true,
  ],
  ['no such user', server('28P01', 'FATAL'), true],
  ['too many connections', server('53300', 'FATAL'), true],
  ['the server is starting', server('57P03', 'FATAL'), true],
  ['a client that broke before', new Error('Client was closed and is not queryable'), true],
  ['a pool that was ended', new Error('Cannot use a pool after calling end on the pool'), true],
  ['a pool that was waited for', new Error('timeout exceeded when trying to connect'), true],
  ['a connection reset', system('ECONNRESET', 'read'), false],
  [
    'a reset among others',
    new AggregateError([system('ECONNREFUSED', 'connect'), system('X', 'read')]),
    false,
  ],
  ['no error within', new AggregateError([]), false],
  ['a server that ends the session', server('57P01', 'FATAL'), false],
  ['an answer that took too long', new Error('Query read timeout'), false],
  ['a text', 'connect', false],
])('wasNotSent() of %s', (_, error, expected) => {
  expect(wasNotSent(error)).toBe(expected)
})
