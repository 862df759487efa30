import { expect, test } from 'vitest'
import { isServerRefusal, remedyFor } from './server-errors.ts'

test.each([
  ['23514', 'ERROR', true],
  ['40001', 'ERROR', true],
  // The words of a German and a Japanese server.
  ['23514', 'FEHLER', true],
  ['40P01', 'エラー', true],
  ['57014', 'ERROR', true],
  ['57P01', 'FATAL', false],
  ['57P01', '致命的エラー', false],
  ['XX000', 'PANIK', false],
  ['40003', 'ERROR', false],
  ['08P01', 'ERROR', false],
  ['08006', 'FEHLER', false],
])('%s with severity %s: certainly not applied is %s', (code, severity, isRefusal) => {
  expect(isServerRefusal(Object.assign(new Error('of pg'), { code, severity }))).toBe(isRefusal)
})

test('what the system or the driver say is no refusal of the server', () => {
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  const epipe = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }) // five capitals, too
  for (const error of [reset, epipe, new Error('Connection terminated unexpectedly'), undefined, 'text']) {
    expect(isServerRefusal(error)).toBe(false)
  }
})

test.each([
  ['40001', {}, 'yield'],
  ['40P01', {}, 'yield'],
  ['55P03', {}, 'yield'],
  ['57014', {}, 'yield'],
  ['53200', {}, 'retry'],
  ['25006', {}, 'retry'],
  ['22003', {}, 'split'],
  ['23514', {}, 'split'],
  ['P0001', { where: 'PL/pgSQL function guard()' }, 'split'],
  ['SHOP1', { where: 'PL/pgSQL function guard()' }, 'split'],
  ['42P01', {}, 'fail'],
  ['42P01', { where: 'PL/pgSQL function guard()' }, 'split'],
  ['42501', { routine: 'aclcheck_error' }, 'fail'],
  ['42501', { routine: 'ExecWithCheckOptions' }, 'split'],
])('%s %o: %s', (code, facts, remedy) => {
  expect(remedyFor({ code, severity: 'ERROR', ...facts })).toBe(remedy)
})
