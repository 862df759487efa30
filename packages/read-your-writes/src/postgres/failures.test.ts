import { expect, test } from 'vitest'
import { serverFailure } from './failures.ts'

const answer = (code: string, more: object = {}): Error =>
  Object.assign(new Error('from the server'), { code, severity: 'ERROR', routine: 'in_its_source', ...more })

test.each([
  ['a wrong number of values', answer('08P01', { routine: 'exec_bind_message' }), 'other'],
  ['a foreign server that is away', answer('08001', { routine: 'pgfdw_report_error' }), 'other'],
  ['a broken protocol, which ends the connection', answer('08P01', { severity: 'FATAL' }), 'lost'],
  ['a pooler that gives up', answer('08P01', { routine: undefined }), 'lost'],
  ['a pooler that gives up for good', answer('08P01', { routine: undefined, severity: 'FATAL' }), 'lost'],
  ['a server that shuts down', answer('57P01', { severity: 'FATAL' }), 'lost'],
  ['too many connections', answer('53300', { severity: 'FATAL' }), 'lost'],
  ['a broken socket', Object.assign(new Error('read'), { code: 'ECONNRESET' }), 'lost'],
  ['a write on a replica', answer('25006'), 'wrote'],
  ['an unlogged table on a replica', answer('0A000'), 'wrote'],
  ['a function of the log on a replica', answer('55000'), 'wrote'],
  ['a query in the way of replay', answer('40001'), 'conflict'],
  ['a connection in the way of replay', answer('40001', { severity: 'FATAL' }), 'lost'],
  ['a query that waits for replay, which waits for it', answer('40P01'), 'conflict'],
  ['a query that was cancelled by somebody, or by statement_timeout', answer('57014'), 'other'],
  ['a row that is there', answer('23505'), 'other'],
])('%s', (_, error, failure) => {
  expect(serverFailure(error)).toBe(failure)
})
