import { expect, test } from 'vitest'
import { isRefusal, sqlState } from './failures.ts'

const server = (code: string, severity?: string): Error =>
  Object.assign(new Error('from the server'), { code, severity })

test.each([
  ['a constraint', server('23505', 'ERROR'), true],
  ['a constraint, in German', server('23505', 'FEHLER'), true],
  ['a deferred trigger', server('P0001', 'ERROR'), true],
  ['a serialization failure', server('40001', 'ERROR'), true],
  ['a failed transaction', server('25P02', 'ERROR'), true],
  ['no prepared transaction of that name', server('42704', 'ERROR'), true],
  ['a statement that was cancelled', server('57014', 'ERROR'), true],
  ['a server that shuts down', server('57P01', 'FATAL'), false],
  ['the same in German', server('57P01', 'SCHWERWIEGEND'), false],
  ['a server that crashes', server('57P02', 'WARNUNG'), false],
  ['a transaction that was idle for too long, in German', server('25P03', 'SCHWERWIEGEND'), false],
  ['a transaction that took too long, in Japanese', server('25P04', '致命的エラー'), false],
  ['any other FATAL', server('42704', 'FATAL'), false],
  ['PANIC', server('23505', 'PANIC'), false],
  ['an internal error, as proxies have for a lost server', server('XX000', 'ERROR'), false],
  ['an error of a disk', server('58030', 'ERROR'), false],
  ['a proxy that lost its server', server('08P01', 'ERROR'), false],
  ['a proxy that does not know', server('40003', 'ERROR'), false],
  ['a constraint of which nobody says how severe it is', server('23505'), false],
  ['a connection reset', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), false],
  ['a broken pipe, whose code has five letters', server('EPIPE'), false],
  ['what pg says of an end', new Error('Connection terminated unexpectedly'), false],
  ['a number for a code', Object.assign(new Error('odd'), { code: 23_505, severity: 'ERROR' }), false],
  ['nothing at all', undefined, false],
])('isRefusal() of %s', (_, error, expected) => {
  expect(isRefusal(error)).toBe(expected)
})

test('a state is what a server said, not a code of the system', () => {
  expect(sqlState(server('57P01', 'FATAL'))).toBe('57P01')
  expect(sqlState(server('EPIPE'))).toBe(undefined)
  expect(sqlState(server('econn', 'ERROR'))).toBe(undefined)
  expect(sqlState(null)).toBe(undefined)
})
